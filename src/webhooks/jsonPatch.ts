import { isJsonObject, type JsonObject } from '../api/json.ts';
/** A JSON value: what `JSON.parse` returns. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** One operation of RFC 6902; `path` is a JSON pointer (RFC 6901). */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'test'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string };

/**
 * The operations that turn `before` into `after`: leaf by leaf, empty when both are equal. Members with the value
 * `undefined` count as absent, as they do in `JSON.stringify`. Arrays keep what is equal at both ends; between, elements
 * are compared index by index, so a container inserted or removed does not rewrite its neighbours.
 *
 * @example diff({ spec: { replicas: 1 } }, { spec: { replicas: 2 } }) // [{ op: 'replace', path: '/spec/replicas', value: 2 }]
 */
export function diff(before: unknown, after: unknown): JsonPatchOperation[] {
  const operations: JsonPatchOperation[] = [];
  diffAt('', before, after, operations);
  return operations;
}

/** A JSON pointer to a member, with `~` and `/` escaped (RFC 6901 section 3). */
export function pointer(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function diffAt(path: string, before: unknown, after: unknown, operations: JsonPatchOperation[]): void {
  if (Object.is(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    diffArrays(path, before, after, operations);
  } else if (isJsonObject(before) && isJsonObject(after)) {
    diffObjects(path, before, after, operations);
  } else if (before !== after) {
    operations.push({ op: 'replace', path, value: after as JsonValue });
  }
}

function diffObjects(path: string, before: JsonObject, after: JsonObject, operations: JsonPatchOperation[]): void {
  for (const key of Object.keys(before)) {
    if (before[key] !== undefined && member(after, key) === undefined) {
      operations.push({ op: 'remove', path: path + pointer(key) });
    }
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const old = member(before, key);
    if (old === undefined) operations.push({ op: 'add', path: path + pointer(key), value: value as JsonValue });
    else diffAt(path + pointer(key), old, value, operations);
  }
}

function diffArrays(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
  operations: JsonPatchOperation[],
): void {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && jsonEquals(before[head], after[head])) head++;
  let tail = 0;
  while (tail < shorter - head && jsonEquals(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const beforeEnd = before.length - tail;
  const afterEnd = after.length - tail;
  const paired = Math.min(beforeEnd, afterEnd);
  for (let i = head; i < paired; i++) diffAt(path + pointer(i), before[i], after[i], operations);
  // Removed from the back, so that the indices of what is still to be removed do not move.
  for (let i = beforeEnd - 1; i >= paired; i--) operations.push({ op: 'remove', path: path + pointer(i) });
  for (let i = paired; i < afterEnd; i++) {
    operations.push({ op: 'add', path: path + pointer(i), value: after[i] as JsonValue });
  }
}

/** Whether both are the same JSON; the order of members does not count. */
function jsonEquals(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((element, i) => jsonEquals(element, right[i]));
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const present = (object: JsonObject) => Object.keys(object).filter((key) => object[key] !== undefined);
  const keys = present(left);
  return keys.length === present(right).length && keys.every((key) => jsonEquals(left[key], member(right, key)));
}

/** An own member: `toString` or `__proto__` of the prototype are not part of a document. */
function member(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
