import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diff, type JsonPatchOperation, pointer } from './jsonPatch.ts';

type Container = unknown[] | Record<string, unknown>;

/** RFC 6902 for the three operations that `diff` gives, strict: what is not there can be neither replaced nor removed. */
function apply(operations: readonly JsonPatchOperation[], document: unknown): unknown {
  const root: Record<string, unknown> = { document: structuredClone(document) };
  for (const operation of operations) {
    const keys = ['document', ...operation.path.split('/').slice(1)].map((key) =>
      key.replaceAll('~1', '/').replaceAll('~0', '~'),
    );
    const last = keys.pop() ?? '';
    const parent = keys.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], root) as Container;
    if (Array.isArray(parent)) applyToArray(parent, Number(last), operation);
    else applyToObject(parent, last, operation);
  }
  return root['document'];
}

function applyToArray(parent: unknown[], index: number, operation: JsonPatchOperation): void {
  if (!Number.isInteger(index) || index > parent.length || (operation.op !== 'add' && index === parent.length)) {
    throw new Error(`no such element: ${operation.path}`);
  }
  if (operation.op === 'remove') parent.splice(index, 1);
  else parent.splice(index, operation.op === 'add' ? 0 : 1, structuredClone(operation.value));
}

function applyToObject(parent: Record<string, unknown>, key: string, operation: JsonPatchOperation): void {
  if (operation.op !== 'add' && !Object.hasOwn(parent, key)) throw new Error(`no such member: ${operation.path}`);
  if (operation.op === 'remove') delete parent[key];
  else {
    const value: unknown = structuredClone(operation.value);
    Object.defineProperty(parent, key, { value, configurable: true, enumerable: true, writable: true });
  }
}

/** JSON with sorted members: equal texts, equal documents. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.sort().join(',')}}`;
}

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'a/b', '~', '~1', 'm~0n', '', '__proto__', 'toString', 'constructor', '0', '-'),
  fc.string({ maxLength: 4 }),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, true, false, 0, 1, '', 'x'),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 5 })
      .map(
        (entries) =>
          JSON.parse(`{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`) as unknown,
      ),
  ),
})).value;

/** An array that differs from another by one edit: the usual case. */
const edited = fc
  .tuple(fc.array(json, { maxLength: 6 }), fc.nat(6), json, fc.constantFrom('insert', 'delete', 'replace'))
  .map(([before, at, value, edit]) => {
    const after = [...before];
    const index = Math.min(at, before.length);
    after.splice(index, edit === 'insert' ? 0 : 1, ...(edit === 'delete' ? [] : [value]));
    return { before, after, edit };
  });

describe('diff', () => {
  it('gives operations that turn one document into the other', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(canonical(apply(diff(before, after), before))).toBe(canonical(after));
      }),
      { numRuns: 5000 },
    );
  });

  it('gives nothing for equal documents, whatever the order of their members', () => {
    fc.assert(
      fc.property(json, (document) => {
        expect(diff(document, structuredClone(document))).toEqual([]);
      }),
    );
    expect(diff({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toEqual([]);
  });

  it('inserts into and deletes from an array with one operation', () => {
    fc.assert(
      fc.property(edited, ({ before, after, edit }) => {
        const operations = diff(before, after);
        expect(canonical(apply(operations, before))).toBe(canonical(after));
        if (edit !== 'replace') expect(operations.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [
      'a leaf',
      { spec: { replicas: 1, paused: true } },
      { spec: { replicas: 2, paused: true } },
      [{ op: 'replace', path: '/spec/replicas', value: 2 }],
    ],
    [
      'a new member',
      { spec: {} },
      { spec: { lifecycle: { preStop: { sleep: { seconds: 5 } } } } },
      [{ op: 'add', path: '/spec/lifecycle', value: { preStop: { sleep: { seconds: 5 } } } }],
    ],
    ['a member that goes', { a: 1, b: 2 }, { b: 2 }, [{ op: 'remove', path: '/a' }]],
    ['undefined as absent', { a: 1, b: undefined }, { a: undefined, c: undefined }, [{ op: 'remove', path: '/a' }]],
    ['null as a value', { a: null }, { a: null, b: null }, [{ op: 'add', path: '/b', value: null }]],
    [
      'names with / and ~',
      { 'x.io/a~b': '1' },
      { 'x.io/a~b': '2' },
      [{ op: 'replace', path: '/x.io~1a~0b', value: '2' }],
    ],
    [
      'one of several containers',
      [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
      [{ name: 'a' }, { name: 'b', x: 1 }, { name: 'c' }],
      [{ op: 'add', path: '/1/x', value: 1 }],
    ],
    [
      'a container in the middle that goes',
      [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
      [{ name: 'a' }, { name: 'c' }],
      [{ op: 'remove', path: '/1' }],
    ],
    ['another type', { a: [] }, { a: {} }, [{ op: 'replace', path: '/a', value: {} }]],
    ['the whole document', 1, [], [{ op: 'replace', path: '', value: [] }]],
    [
      'members named like the prototype’s',
      {},
      JSON.parse('{"toString":1,"__proto__":{"x":1}}'),
      [
        { op: 'add', path: '/toString', value: 1 },
        { op: 'add', path: '/__proto__', value: { x: 1 } },
      ],
    ],
  ])('%s', (_, before, after, operations) => {
    expect(diff(before, after)).toEqual(operations);
  });
});

describe('pointer', () => {
  it('escapes ~ before /', () => {
    expect(pointer('metadata', 'annotations', 'a~1/b', 0)).toBe('/metadata/annotations/a~01~1b/0');
  });
});
