import { isJsonObject } from '../api/json.ts';
import type { Edit } from '../safety/index.ts';

/**
 * `value` with the edit carried out, as a new value; undefined when it cannot be. Objects that are missing on the way are
 * made; an index just behind the end of a list appends.
 */
export function patchValue(value: unknown, { path, value: wanted }: Edit): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return wanted;
  const isRemoval = wanted === undefined;
  const inner: Edit = { path: rest, value: wanted };
  if (Array.isArray(value)) {
    const index = Number(part);
    if (!Number.isInteger(index) || index < 0 || index > value.length) return undefined;
    if (isRemoval && rest.length === 0) return index < value.length ? value.toSpliced(index, 1) : undefined;
    const patched = patchValue(value[index], inner);
    return patched === undefined ? undefined : value.toSpliced(index, 1, patched);
  }
  if (value !== undefined && value !== null && !isJsonObject(value)) return undefined;
  const record = value ?? {};
  const member = Object.hasOwn(record, part) ? record[part] : undefined;
  if (isRemoval && member === undefined) return undefined;
  if (isRemoval && rest.length === 0) {
    return Object.fromEntries(Object.entries(record).filter(([key]) => key !== String(part)));
  }
  const patched = patchValue(member, inner);
  return patched === undefined ? undefined : { ...record, [part]: patched };
}
