import { createHash } from 'node:crypto';
import { isJsonObject } from '../api/json.ts';

/** JSON text with sorted keys and without undefined members: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    isJsonObject(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member,
  );
}

/** Deep equality of JSON values; a member that is undefined equals one that is absent, the order of keys is nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = (of: Readonly<Record<string, unknown>>): string[] => Object.keys(of).filter((k) => of[k] !== undefined);
  const keysOfA = keys(a);
  return keysOfA.length === keys(b).length && keysOfA.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]));
}

/** 16 hexadecimal digits (64 bits of SHA-256) of the canonical text: the same value gives the same hash everywhere. */
export function hashValue(value: unknown): string {
  return createHash('sha256')
    .update(canonicalJson(value) ?? 'undefined')
    .digest('hex')
    .slice(0, 16);
}
