import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { run } from './run.ts';

vi.mock('../safety/index.ts', async (original) => {
  const { FEW_RULES, fewRuleOf, judgeByFewRules } = await import('./testing/fewRules.ts');
  return { ...(await original<object>()), RULES: FEW_RULES, ruleOf: fewRuleOf, judge: judgeByFewRules };
});

const shop = relative(process.cwd(), join(import.meta.dirname, 'golden/shop.yaml.txt'));

async function graceful(args: readonly string[], input = '', color = false) {
  let out = '';
  let err = '';
  const code = await run(args, {
    stdin: (async function* () {
      yield await Promise.resolve(input);
    })(),
    out: (text) => (out += text),
    err: (text) => (err += text),
    color,
    nowMs: () => Date.UTC(2026, 0, 1),
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'graceful-lint-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

const clean = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      containers: [{name: app, image: i, readinessProbe: {tcpSocket: {port: 80}}}]
`;
const short = clean.replace('Seconds: 30', 'Seconds: 5');
const unprobed = clean.replace(', readinessProbe: {tcpSocket: {port: 80}}', '');

describe('golden output', () => {
  test.each(['text', 'json', 'sarif', 'github'])('%s', async (format) => {
    const { code, out, err } = await graceful(['lint', '-f', shop, '--level', 'strict', '-o', format]);
    expect(code).toBe(2);
    await expect(
      out.replaceAll(/"version": "(dev|\d+\.\d+\.\d+)"(?=,\n\s+"rules")/gu, '"version": "VERSION"'),
    ).toMatchFileSnapshot(`golden/lint.${format}.txt`);
    expect(err).toBe(format === 'text' ? `error: ${shop}, document 2, line 25: Missing closing "quote\n` : '');
  });

  test('--explain', async () => {
    const { code, out } = await graceful(['lint', '--explain', 'gr101']);
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot('golden/explain.txt');
  });

  test('--fix of standard input: the manifests on standard output, the report beside it', async () => {
    const text = await readFile(shop, 'utf8');
    const { code, out, err } = await graceful(['lint', '-f', '-', '--fix', '--level', 'strict'], text);
    expect(code).toBe(2);
    await expect(out).toMatchFileSnapshot('golden/fixed.yaml.txt');
    expect(err).toContain('2 remedies written');
    expect(err).not.toContain('GR201');
  });

  test.each(['', 'lint', 'audit'])('--help %s', async (command) => {
    const { code, out } = await graceful([...command.split(' ').filter(Boolean), '--help']);
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot(`golden/help${command === '' ? '' : `-${command}`}.txt`);
  });
});

describe('exit code', () => {
  test.each<[number, string, readonly string[]]>([
    [0, clean, []],
    [1, unprobed, []],
    [0, unprobed, ['--fail-on', 'never']],
    [0, short, []],
    [1, short, ['--fail-on', 'warning']],
    [1, short, ['--fail-on', 'info']],
    [0, '', []],
    [2, `${clean}---\na: [`, ['--fail-on', 'never']],
  ])('%i for %j with %j', async (code, input, flags) => {
    expect((await graceful(['lint', '-f', '-', ...flags], input)).code).toBe(code);
  });

  test.each<[readonly string[], string]>([
    [['lint'], 'say what to read'],
    [['lint', '-f', '-', '--bogus'], "Unknown option '--bogus'"],
    [['lint', '-f', '-', '-o', 'xml'], '--output is text, json, sarif, github; not "xml"'],
    [['lint', '-f', '-', '--level', 'high'], '--level is baseline, strict; not "high"'],
    [['lint', '--explain', 'GR999'], 'there is no rule GR999; known are GR101, GR201'],
    [['lint', '-f', '/nowhere.yaml'], '/nowhere.yaml: cannot be read'],
    [['audit', '--bogus'], "Unknown option '--bogus'"],
    [['mend'], 'there is no command "mend"'],
  ])('2 for %j', async (args, message) => {
    const { code, err } = await graceful(args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

test('a folder: manifests below it, sorted, hidden and other files apart; more names after -f', async () => {
  const path = await folder({ 'b.yaml': unprobed, 'a.yml': short, 'c.json': '{}', '.d.yaml': short, 'e.txt': 'x: [' });
  const files = async (args: readonly string[]) =>
    (await graceful(['lint', ...args])).out
      .split('\n')
      .flatMap((line) => /\/(\w+\.ya?ml):\d+:\d+ /u.exec(line)?.[1] ?? []);
  expect(await files(['-f', path])).toEqual(['a.yml', 'b.yaml']);
  expect(await files(['-f', join(path, 'b.yaml'), join(path, 'a.yml'), path])).toEqual(['b.yaml', 'a.yml']);
});

test('--fix writes what it mends and nothing else, and a second run has nothing to do', async () => {
  const path = await folder({ 'a.yaml': `# head\n${short}---\n${clean}`, 'b.yaml': clean });
  const first = await graceful(['lint', '-f', path, '--fix', '--fail-on', 'warning']);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toBe('3 workloads judged, nothing found, 1 remedy written.\n');
  expect(await readFile(join(path, 'a.yaml'), 'utf8')).toBe(`# head\n${clean}---\n${clean}`);
  expect(await readFile(join(path, 'b.yaml'), 'utf8')).toBe(clean);
  expect((await graceful(['lint', '-f', path, '--fix'])).out).toBe('3 workloads judged, nothing found.\n');
});

test('what is no UTF-8 is a problem', async () => {
  const path = await folder({ 'a.yaml': clean });
  await writeFile(join(path, 'b.yaml'), Uint8Array.of(0x61, 0x3a, 0xff));
  const { code, err } = await graceful(['lint', '-f', path]);
  expect(code).toBe(2);
  expect(err).toContain('b.yaml: is not UTF-8 text');
});

test('names cannot drive the terminal, nor forge a workflow command', async () => {
  const evil = unprobed.replace('{name: web}', '{name: "w\\u001b[2J\\n::error::x"}');
  const text = await graceful(['lint', '-f', '-'], evil);
  expect(text.out).not.toContain('\u001B');
  const github = await graceful(['lint', '-f', '-', '-o', 'github'], evil);
  expect(github.out.split('\n').filter((line) => line.startsWith('::'))).toHaveLength(1);
});

test('colours where they are shown', async () => {
  expect((await graceful(['lint', '-f', '-'], unprobed, true)).out).toContain('\u001B[31merror\u001B[0m GR101');
});
