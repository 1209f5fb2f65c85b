import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Edit } from '../safety/index.ts';
import { splitDocuments } from './documents.ts';
import { fixDocument } from './fixDocument.ts';
import { type ParsedDocument, parseDocument } from './parseDocument.ts';
import { patchValue } from './patchValue.ts';

function parsed(text: string): ParsedDocument {
  const [source] = splitDocuments(text);
  if (source === undefined) throw new Error('no document');
  const result = parseDocument('f.yaml', source);
  if (result.parsed === undefined) throw new Error(JSON.stringify(result.problems));
  return result.parsed;
}

/** The text afterwards, or undefined when the edits were refused. */
function fixed(text: string, ...edits: Edit[]): string | undefined {
  const { document, refused } = fixDocument(parsed(text), [{ at: [], edits }]);
  return refused.length > 0 ? undefined : document.source.text;
}

const manifest = `# made by hand
apiVersion: apps/v1   # stays
kind: Deployment
metadata:
    name: "web"
spec:
    strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%}}
    template:
        spec:
            terminationGracePeriodSeconds: 30 # why not
            containers:
            - name: app
              image: 'nginx'

              lifecycle:
              # the end
              ports: [{containerPort: 80}]
            - {name: side, image: x}
            # last words
`;
const pod = ['spec', 'template', 'spec'] as const;

describe('what is changed, and nothing else', () => {
  test.each<[string, Edit, string, string]>([
    [
      'a scalar, its comment stays',
      { path: [...pod, 'terminationGracePeriodSeconds'], value: 60 },
      'Seconds: 30 # why not',
      'Seconds: 60 # why not',
    ],
    [
      'a scalar in a flow map',
      { path: ['spec', 'strategy', 'rollingUpdate', 'maxUnavailable'], value: 0 },
      'maxUnavailable: 25%',
      'maxUnavailable: 0',
    ],
    [
      'a new member of a flow map',
      { path: ['spec', 'strategy', 'rollingUpdate', 'maxSurge'], value: 1 },
      'maxUnavailable: 25%',
      'maxUnavailable: 25%, maxSurge: 1',
    ],
    [
      'below a member that says nothing',
      { path: [...pod, 'containers', 0, 'lifecycle', 'preStop'], value: { sleep: { seconds: 5 } } },
      'lifecycle:\n',
      'lifecycle:\n                preStop:\n                  sleep:\n                    seconds: 5\n',
    ],
    [
      'a new member of a list entry, after its last one',
      { path: [...pod, 'containers', 0, 'startupProbe', 'periodSeconds'], value: 5 },
      'ports: [{containerPort: 80}]\n',
      'ports: [{containerPort: 80}]\n              startupProbe:\n                periodSeconds: 5\n',
    ],
    [
      'objects that are missing in a flow entry',
      { path: [...pod, 'containers', 1, 'lifecycle', 'preStop'], value: { sleep: { seconds: 5 } } },
      '{name: side, image: x}',
      '{name: side, image: x, lifecycle: { preStop: { sleep: { seconds: 5 } } }}',
    ],
    [
      'a new entry of a block list',
      { path: [...pod, 'containers', 2], value: { name: 'c', image: 'i' } },
      '            - {name: side, image: x}\n',
      '            - {name: side, image: x}\n            - name: c\n              image: i\n',
    ],
    [
      'a new entry of a flow list',
      { path: [...pod, 'containers', 0, 'ports', 1], value: { containerPort: 81 } },
      '[{containerPort: 80}]',
      '[{containerPort: 80}, { containerPort: 81 }]',
    ],
    [
      'a new member at the top, after everything',
      { path: ['spec', 'minReadySeconds'], value: 10 },
      '{name: side, image: x}\n',
      '{name: side, image: x}\n    minReadySeconds: 10\n',
    ],
    [
      'a removal takes the line',
      { path: [...pod, 'terminationGracePeriodSeconds'], value: undefined },
      '            terminationGracePeriodSeconds: 30 # why not\n',
      '',
    ],
    [
      'a removal behind a dash',
      { path: [...pod, 'containers', 0, 'name'], value: undefined },
      "- name: app\n              image: 'nginx'",
      "- image: 'nginx'",
    ],
    ['text that YAML would read as a number', { path: ['metadata', 'name'], value: '012' }, '"web"', '"012"'],
  ])('%s', (_name, edit, before, after) => {
    expect(manifest).toContain(before);
    expect(fixed(manifest, edit)).toBe(manifest.replace(before, after));
  });

  test('a block collection in place of a scalar and of a block collection', () => {
    const text = 'a: 1 # x\nb:\n  c: 1\n  # gone with c\n  d:\n  - 1\ne: 2\n';
    expect(fixed(text, { path: ['a'], value: { z: 1 } })).toBe(text.replace('a: 1', 'a:\n  z: 1'));
    expect(fixed(text, { path: ['b'], value: { z: [1] } })).toBe('a: 1 # x\nb:\n  z:\n  - 1\ne: 2\n');
    expect(fixed(text, { path: ['b'], value: 'none' })).toBe('a: 1 # x\nb: none\ne: 2\n');
  });

  test('the last member of an object leaves an empty object', () => {
    expect(fixed('a:\n  b:\n    c: 1\nd: 2\n', { path: ['a', 'b', 'c'], value: undefined })).toBe(
      'a:\n  b: {}\nd: 2\n',
    );
  });

  test('an empty flow object becomes a block', () => {
    expect(fixed('a:\n  b: {}\nd: 2\n', { path: ['a', 'b', 'c'], value: 1 })).toBe('a:\n  b:\n    c: 1\nd: 2\n');
  });

  test('line ends of Windows, and a file without a last line end', () => {
    expect(fixed('a:\r\n  b: 1\r\nc: 2', { path: ['a', 'd'], value: { e: 1 } })).toBe(
      'a:\r\n  b: 1\r\n  d:\r\n    e: 1\r\nc: 2',
    );
    expect(fixed('a:\n  b: 1', { path: ['a', 'd'], value: 2 })).toBe('a:\n  b: 1\n  d: 2');
  });

  test('JSON stays JSON', () => {
    expect(fixed('{\n    "a": {\n        "b": 1\n    }\n}\n', { path: ['a', 'c'], value: 'x' })).toBe(
      '{\n    "a": {\n        "b": 1,\n        "c": "x"\n    }\n}\n',
    );
  });

  test('a document among others, with its separator', () => {
    expect(fixed('---\n# head\na: 1\n', { path: ['a'], value: 2 })).toBe('---\n# head\na: 2\n');
  });
});

describe('refused, because something else would change too', () => {
  test.each<[string, string, Edit]>([
    ['below an alias', 'x: &x\n  a: 1\ny: *x\n', { path: ['y', 'a'], value: 2 }],
    ['an anchored value', 'x: &x 1\ny: *x\n', { path: ['x'], value: 2 }],
    ['below a merged object', 'b: &b\n  s: {p: 1, q: 2}\nd:\n  <<: *b\n', { path: ['d', 's', 'p'], value: 3 }],
    ['below a scalar', 'a: 1\n', { path: ['a', 'b'], value: 3 }],
    ['a removal of what is not there', 'a: 1\n', { path: ['b'], value: undefined }],
  ])('%s', (_name, text, edit) => {
    expect(fixed(text, edit)).toBeUndefined();
  });

  test('a remedy of two edits is carried out whole or not at all', () => {
    const text = 'a: 1\nb: &b 1\nc: *b\n';
    const result = fixDocument(parsed(text), [
      {
        at: [],
        edits: [
          { path: ['a'], value: 2 },
          { path: ['b'], value: 2 },
        ],
      },
    ]);
    expect(result.refused).toHaveLength(1);
    expect(result.document.source.text).toBe(text);
  });
});

const key = fc.stringMatching(/^[a-z]{1,3}$/);
const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 8 }), fc.constant('multi\nline'));
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}));

test('any edit of any document: exactly its effect, or refused; and seldom refused', () => {
  let refusals = 0;
  let runs = 0;
  fc.assert(
    fc.property(
      fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
      fc.array(fc.oneof(key, fc.nat(3)), { minLength: 1, maxLength: 4 }),
      tree,
      fc.record({ indentSeq: fc.boolean(), indent: fc.constantFrom(2, 4), singleQuote: fc.boolean() }),
      (value, path, wanted, style) => {
        const text = stringify(value, { version: '1.1', ...style });
        const expected = patchValue(value, { path, value: wanted });
        const after = fixed(text, { path, value: wanted });
        if (expected === undefined) {
          expect(after).toBeUndefined();
          return;
        }
        runs += 1;
        if (after === undefined) refusals += 1;
        else expect(parsed(after).value).toEqual(expected);
      },
    ),
    { numRuns: 3000 },
  );
  expect(refusals / runs).toBeLessThan(0.03);
});
