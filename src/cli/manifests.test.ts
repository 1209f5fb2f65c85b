import { describe, expect, test } from 'vitest';
import { splitDocuments } from './documents.ts';
import { positionIn, readManifests } from './manifests.ts';

const read = (text: string) => readManifests({ file: 'f.yaml', text });

describe('splitDocuments', () => {
  test.each<[string, string, readonly string[]]>([
    ['nothing', '', []],
    ['comments alone', '# a\n---\n# b\n---\n', []],
    ['one without a separator', 'a: 1\n', ['a: 1\n']],
    ['the head of a file belongs to its first document', '# licence\n---\na: 1\n', ['# licence\n---\na: 1\n']],
    ['two', 'a: 1\n---\nb: 1\n', ['a: 1\n', '---\nb: 1\n']],
    ['Windows line ends', 'a: 1\r\n---\r\nb: 1\r\n', ['a: 1\r\n', '---\r\nb: 1\r\n']],
    ['a value on the separator', '--- {a: 1}\n--- # only a remark\n', ['--- {a: 1}\n']],
    ['an end mark', 'a: 1\n...\n%YAML 1.1\n---\nb: 1\n', ['a: 1\n...\n', '%YAML 1.1\n---\nb: 1\n']],
    ['dashes that separate nothing', 'a: |\n  ---\n  x\nb: ---x\n', ['a: |\n  ---\n  x\nb: ---x\n']],
  ])('%s', (_name, text, pieces) => {
    const documents = splitDocuments(text);
    expect(documents.map((document) => document.text)).toEqual(pieces);
    for (const { offset, linesBefore, text: piece } of documents) {
      expect(text.slice(offset, offset + piece.length)).toBe(piece);
      expect(text.slice(0, offset).split('\n')).toHaveLength(linesBefore + 1);
    }
  });
});

describe('readManifests', () => {
  test('a broken document is a problem with its line, and the others are read', () => {
    const { manifests, problems } = read(
      'apiVersion: v1\nkind: A\n---\nkind: "never closed\n---\napiVersion: v1\nkind: B\n---\n# nothing\n---\na: 1\na: 2\n',
    );
    expect(manifests.map(({ kind }) => kind)).toEqual(['A', 'B']);
    expect(problems).toEqual([
      { file: 'f.yaml', document: 2, line: 5, column: 1, message: 'Missing closing "quote' },
      { file: 'f.yaml', document: 4, line: 12, column: 1, message: 'the key "a" appears twice' },
    ]);
  });

  test('Lists are taken apart, also in each other; what is no Kubernetes object is passed over', () => {
    const item = { apiVersion: 'v1', kind: 'Service' };
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [item, { apiVersion: 'v1', kind: 'ServiceList', items: [item] }],
    };
    const { manifests, problems } = read(`${JSON.stringify(list)}\n---\nreplicaCount: 1\n---\n- 1\n---\njust text\n`);
    expect(manifests.map(({ at }) => at)).toEqual([
      ['items', 0],
      ['items', 1, 'items', 0],
    ]);
    expect(problems).toEqual([]);
  });

  test('a field is found by line and column in the file; a missing one by what is above it', () => {
    const { manifests } = read(
      '# head\n---\na: 1\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - name: app\n',
    );
    const [pod] = manifests;
    if (pod === undefined) throw new Error('no manifest');
    expect(positionIn(pod, [])).toEqual({ line: 8, column: 3 });
    expect(positionIn(pod, ['spec', 'containers', 0, 'name'])).toEqual({ line: 12, column: 7 });
    expect(positionIn(pod, ['spec', 'containers', 0, 'lifecycle', 'preStop'])).toEqual({ line: 12, column: 7 });
    expect(positionIn(pod, ['spec', 'volumes'])).toEqual({ line: 10, column: 3 });
  });

  test('YAML is read as kubectl reads it', () => {
    const { manifests } = read(
      'apiVersion: v1\nkind: K\nbase: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3\nyes: yes\noctal: 0644\ntime: 2001-01-01\nbase60: 1:30\n',
    );
    expect(manifests[0]?.object).toMatchObject({
      d: { x: 1, y: 3 },
      yes: true,
      octal: 420,
      time: '2001-01-01',
      base60: '1:30',
    });
  });

  test.each<[string, string, string]>([
    ['deep nesting', '['.repeat(100_000), 'nested too deeply'],
    [
      'aliases of aliases',
      Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`)
        .join('\n')
        .replace('[*a-1, *a-1]', '1'),
      'Excessive alias count indicates a resource exhaustion attack',
    ],
    ['many aliases', `a: &a 1\nb: [${'*a,'.repeat(20_000)}]`, 'more than 1000 aliases'],
    ['a very large document', 'x'.repeat((16 << 20) + 1), 'larger than 16777216 characters'],
    ['an unknown alias', 'a: *b', 'Unresolved alias (the anchor must be set before the alias): b'],
    ['a Helm template that nobody rendered', 'a: {{ .Values.x }}\nb: {{- if x }}\n', ''],
  ])('%s is bounded and said', (_name, text, message) => {
    const startedMs = performance.now();
    const { problems } = read(text);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]).toMatchObject({ document: 1, line: 1 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
