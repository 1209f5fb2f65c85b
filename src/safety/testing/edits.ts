import type { Edit } from '../types.ts';

/** What `lint --fix` does, on plain JSON. */
export function applyEdits(object: unknown, edits: readonly Edit[]): unknown {
  return edits.reduce<unknown>((changed, { path, value }) => withValueAt(changed, path, value), object);
}

function withValueAt(object: unknown, path: Edit['path'], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'number') {
    if (!Array.isArray(object) || step >= object.length)
      throw new Error(`no item ${step} in ${JSON.stringify(object)}`);
    return object.map((item: unknown, at) => (at === step ? withValueAt(item, rest, value) : item));
  }
  const members: Record<string, unknown> =
    typeof object === 'object' && object !== null && !Array.isArray(object) ? { ...object } : {};
  const next = withValueAt(members[step], rest, value);
  if (next === undefined) delete members[step];
  else members[step] = next;
  return members;
}
