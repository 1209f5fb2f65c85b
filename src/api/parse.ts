import type { z } from 'zod';
import type { GracefulRollout, GracefulRolloutSpec } from './gracefulRollout.ts';
import { isJsonObject } from './json.ts';
import { API_VERSION, KIND } from './names.ts';
import { specSchema } from './spec.ts';
import { type StructuralSchema, structuralSchema } from './structuralSchema.ts';

/** One thing that is wrong with an object: where, what, and what to do. */
export interface Problem {
  /** As kubectl would name it, e.g. `spec.readiness.probe.httpGet.port`; `(object)` for the whole. */
  readonly field: string;
  readonly problem: string;
  readonly remedy: string;
}

export type Parsed =
  | { readonly ok: true; readonly value: GracefulRollout }
  | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

export interface ParseOptions {
  /**
   * `ignore` (default): fields that this version does not know are left out, as the API server prunes them; right for
   * the controller, which may meet objects of a newer CRD. `refuse`: they are problems, as with kubectl's strict
   * validation; right for what a person wrote.
   */
  readonly unknownFields?: 'ignore' | 'refuse';
}

/**
 * Reads any JSON as a GracefulRollout: defaults applied to `spec`, every rule of the CRD checked. `status` is taken as
 * it is, since the operator alone writes it. Null stands for absent, as in the API server
 * (apiextensions-apiserver PruneNonNullableNullsWithoutDefaults). Never throws, whatever the JSON.
 */
export function parseGracefulRollout(json: unknown, options: ParseOptions = {}): Parsed {
  if (!isJsonObject(json)) {
    return refused([{ field: '(object)', problem: `is ${kindOf(json)}`, remedy: `write an object of kind ${KIND}` }]);
  }
  const problems: Problem[] = [];
  if (json.apiVersion !== API_VERSION) problems.push(mustBe('apiVersion', json.apiVersion, API_VERSION));
  if (json.kind !== KIND) problems.push(mustBe('kind', json.kind, KIND));
  if (!isJsonObject(json.metadata))
    problems.push(mustBe('metadata', json.metadata, 'an object with name and namespace'));

  schema ??= structuralSchema();
  const specStructure = schema.properties?.spec ?? {};
  if (options.unknownFields === 'refuse') problems.push(...unknownFields(json, schema, ''));
  const spec = specSchema.safeParse(withoutNulls(json.spec ?? undefined, specStructure), { reportInput: true });
  if (!spec.success) problems.push(...spec.error.issues.map((issue) => problemOf(issue)));

  const [first, ...more] = problems;
  if (first !== undefined || !spec.success) {
    return refused([
      first ?? { field: 'spec', problem: 'is not valid', remedy: 'compare it with docs/reference/api.md' },
      ...more,
    ]);
  }
  // zod left optional members out, so its `T | undefined` is `T` here
  return { ok: true, value: { ...json, spec: spec.data as GracefulRolloutSpec } as GracefulRollout };
}

let schema: StructuralSchema | undefined;

function refused(problems: readonly [Problem, ...Problem[]]): Parsed {
  return { ok: false, problems };
}

function mustBe(field: string, found: unknown, wanted: string): Problem {
  const what = found === undefined ? 'is missing' : `is ${typeof found === 'string' ? `'${found}'` : kindOf(found)}`;
  return { field, problem: what, remedy: `write ${wanted}` };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : `the number ${value}`;
  return typeof value === 'boolean' ? String(value) : (words[typeof value] ?? typeof value);
}

/** The value without the nulls that the API server drops: those of known members that are not nullable. */
function withoutNulls(value: unknown, structure: StructuralSchema): unknown {
  const { items, properties } = structure;
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => withoutNulls(item, items));
  if (!isJsonObject(value) || properties === undefined) return value;
  const kept = Object.entries(value).filter(([name, member]) => {
    return member !== null || !Object.hasOwn(properties, name) || properties[name]?.nullable === true;
  });
  return Object.fromEntries(
    kept.map(([name, member]) => [
      name,
      Object.hasOwn(properties, name) ? withoutNulls(member, properties[name] ?? {}) : member,
    ]),
  );
}

function unknownFields(value: unknown, structure: StructuralSchema, at: string): Problem[] {
  const { items, properties } = structure;
  if (Array.isArray(value)) {
    return items === undefined ? [] : value.flatMap((item, index) => unknownFields(item, items, `${at}[${index}]`));
  }
  if (!isJsonObject(value) || properties === undefined) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const field = memberPath(at, name);
    if (Object.hasOwn(properties, name)) return unknownFields(member, properties[name] ?? {}, field);
    const remedy = `remove it, or write one of ${Object.keys(properties).join(', ')}`;
    return [{ field, problem: 'is not a field of a GracefulRollout', remedy }];
  });
}

function memberPath(at: string, part: PropertyKey): string {
  if (typeof part === 'number') return `${at}[${part}]`;
  const name = String(part);
  if (!/^[-\w./]+$/.test(name)) return `${at}[${JSON.stringify(name)}]`;
  return at === '' ? name : `${at}.${name}`;
}

function problemOf(issue: z.core.$ZodIssue): Problem {
  const field = issue.path.reduce<string>((at, part) => memberPath(at, part), 'spec');
  switch (issue.code) {
    case 'custom': {
      const remedy: unknown = issue.params?.remedy;
      return { field, problem: issue.message, remedy: typeof remedy === 'string' ? remedy : '' };
    }
    case 'invalid_type':
      return { field, problem: isOrIsMissing(issue.input), remedy: `write ${inWords(issue.expected)}` };
    case 'too_small':
      return {
        field,
        problem: `is ${sizeOf(issue.input)}`,
        remedy: `write ${amount(issue.origin, issue.minimum)} or more`,
      };
    case 'too_big':
      return {
        field,
        problem: `is ${sizeOf(issue.input)}`,
        remedy: `write ${amount(issue.origin, issue.maximum)} or less`,
      };
    case 'invalid_value': {
      const problem = typeof issue.input === 'string' ? `is '${issue.input}'` : isOrIsMissing(issue.input);
      return { field, problem, remedy: `write ${issue.values.map(String).join(' or ')}` };
    }
    case 'invalid_union':
      return { field, problem: isOrIsMissing(issue.input), remedy: 'write a whole number or a text' };
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      break;
  }
  return { field, problem: issue.message, remedy: 'compare it with docs/reference/api.md' };
}

function isOrIsMissing(input: unknown): string {
  return input === undefined ? 'is missing' : `is ${kindOf(input)}`;
}

function sizeOf(input: unknown): string {
  if (Array.isArray(input)) return `a list of ${input.length}`;
  return typeof input === 'string' ? `${input.length} characters long` : String(input);
}

function amount(origin: string, bound: number | bigint): string {
  if (origin === 'array') return `a list of ${bound}`;
  return origin === 'string' ? `${bound} characters` : String(bound);
}

const words: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  string: 'a text',
  array: 'a list',
  object: 'an object',
  boolean: 'true or false',
};

function inWords(expected: string): string {
  return words[expected] ?? expected;
}
