import type { IntOrString, LabelSelector, LabelSelectorRequirement } from '../api/kubernetes.ts';

/** A JSON object of which nothing is known. */
export type Json = Readonly<Record<string, unknown>>;

/** Readers of JSON that nobody vouches for: a value of another type than the one asked for is taken for absent. */
export function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function member(value: unknown, ...keys: readonly string[]): unknown {
  let at = value;
  for (const key of keys) {
    const object = record(at);
    if (object === undefined || !Object.hasOwn(object, key)) return undefined;
    at = object[key];
  }
  return at;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A finite number from 0: every number that the rules read counts pods, seconds, tries or ports. */
export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

export function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

export function intOrString(value: unknown): IntOrString | undefined {
  return text(value) ?? count(value);
}

/** The items that can be read; undefined: it is no list. */
export function list<T>(value: unknown, read: (item: unknown, position: number) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((item: unknown, position) => {
    const known = read(item, position);
    return known === undefined ? [] : [known];
  });
}

export function texts(value: unknown): string[] | undefined {
  return list(value, text);
}

/** The members that can be read; undefined: it is no object. */
export function mapOf<T>(value: unknown, read: (item: unknown) => T | undefined): Record<string, T> | undefined {
  const object = record(value);
  if (object === undefined) return undefined;
  const entries = Object.entries(object).flatMap(([key, item]) => {
    const known = read(item);
    return known === undefined ? [] : [[key, known] as const];
  });
  return Object.fromEntries(entries);
}

/** The members that are there. */
export function present<T extends object>(members: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** A selector with a requirement that cannot be read selects nobody knows what: undefined. */
export function labelSelector(value: unknown): LabelSelector | undefined {
  const object = record(value);
  if (object === undefined) return undefined;
  const written = object.matchExpressions ?? [];
  const matchExpressions = list(written, requirement);
  const matchLabels = mapOf(object.matchLabels ?? {}, text);
  if (!Array.isArray(written) || matchExpressions?.length !== written.length || matchLabels === undefined) {
    return undefined;
  }
  return { matchLabels, matchExpressions };
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function requirement(value: unknown): LabelSelectorRequirement | undefined {
  const key = text(member(value, 'key'));
  const operator = operators.find((known) => known === member(value, 'operator'));
  if (key === undefined || operator === undefined) return undefined;
  return { key, operator, values: texts(member(value, 'values')) ?? [] };
}
