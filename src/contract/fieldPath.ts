import { isJsonObject } from '../api/json.ts';

/** One step into a JSON object: a member, or the item of a list whose `name` it is. */
export type Step = string | { readonly name: string };
export type FieldPath = readonly Step[];

/** `spec.template.spec.containers[app].lifecycle`; names of members and containers hold neither dots nor brackets. */
export function parsePath(text: string): FieldPath {
  return text.split('.').flatMap((part): Step[] => {
    const open = part.indexOf('[');
    return open > 0 && part.endsWith(']') ? [part.slice(0, open), { name: part.slice(open + 1, -1) }] : [part];
  });
}

export function formatPath(path: FieldPath): string {
  return path.map((step, i) => (typeof step === 'object' ? `[${step.name}]` : i === 0 ? step : `.${step}`)).join('');
}

/** The value there, or undefined. */
export function valueAt(root: unknown, path: FieldPath): unknown {
  let node = root;
  for (const step of path) {
    if (typeof step === 'object') {
      node = Array.isArray(node) ? node.find((item) => isJsonObject(item) && item.name === step.name) : undefined;
    } else {
      node = isJsonObject(node) && Object.hasOwn(node, step) ? node[step] : undefined;
    }
  }
  return node;
}

/**
 * A copy with that value there; undefined removes the member. Objects on the way are made where absent (not for a
 * removal); a list item that is not there is never made.
 */
export function withValueAt<T>(root: T, path: FieldPath, value: unknown): T {
  return put(root, path, 0, value) as T;
}

function put(node: unknown, path: FieldPath, depth: number, value: unknown): unknown {
  const step = path[depth];
  if (step === undefined) return value;
  if (typeof step === 'object') {
    if (!Array.isArray(node)) return node;
    return node.map((item: unknown) =>
      isJsonObject(item) && item.name === step.name ? put(item, path, depth + 1, value) : item,
    );
  }
  const record = isJsonObject(node) ? node : {};
  const member = put(Object.hasOwn(record, step) ? record[step] : undefined, path, depth + 1, value);
  if (member !== undefined) return { ...record, [step]: member };
  if (!Object.hasOwn(record, step)) return node;
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== step));
}

/** A copy in which `path` and the objects above it, up to `root` included, are removed as far as they are empty. */
export function prunedAt<T>(object: T, path: FieldPath, root: FieldPath): T {
  let pruned = object;
  for (let length = path.length; length >= root.length; length -= 1) {
    const at = path.slice(0, length);
    const value = valueAt(pruned, at);
    if (value !== undefined && !(isJsonObject(value) && Object.keys(value).length === 0)) return pruned;
    pruned = withValueAt(pruned, at, undefined);
  }
  return pruned;
}

/** The longest beginning of `path` that ends with the first member that is absent; the whole path when all is there. */
export function highestAbsent(root: unknown, path: FieldPath): FieldPath {
  for (let length = 1; length < path.length; length += 1) {
    const at = path.slice(0, length);
    if (valueAt(root, at) === undefined) return at;
  }
  return path;
}
