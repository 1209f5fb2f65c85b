import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RULES } from '../safety/index.ts';
import { kindSeeds } from '../safety/testing/kindSeeds.ts';
import { fixManifests } from './fixManifests.ts';
import { type JudgeManifestsOptions, judgeManifests } from './judgeManifests.ts';
import { readManifests } from './manifests.ts';

const options: JudgeManifestsOptions = { level: 'strict', nowMs: Date.UTC(2026, 0, 1), complete: [] };
const source = (text: string, file = 'f.yaml') => ({ file, text });

/** Findings of the real rules in a text. */
function judged(text: string) {
  const { manifests, problems } = readManifests(source(text));
  return { problems, findings: judgeManifests(manifests, options).findings };
}
const codesOf = (text: string) => judged(text).findings.map(({ finding }) => finding.code);

describe("each rule's own example", () => {
  test.each(RULES.map((rule) => [rule.code, rule] as const))('%s', (code, rule) => {
    const { problems, findings } = judged(rule.example);
    expect(problems).toEqual([]);
    const own = findings.filter(({ finding }) => finding.code === code);
    // A rule that needs to know what no manifest tells (pods as they run) finds nothing here; it must not guess.
    for (const { finding, position } of own) {
      expect(position.line).toBeLessThanOrEqual(rule.example.split('\n').length);
      expect(finding.message).not.toMatch(/\p{Cc}/u);
    }
    const { sources, written } = fixManifests([source(rule.example)], options);
    const fixed = sources[0]?.text ?? '';
    const fixable = findings.filter(({ finding }) => finding.fix !== undefined);
    if (fixable.length === 0) {
      expect(written).toBe(0);
      expect(fixed).toBe(rule.example);
      return;
    }
    expect(judged(fixed).problems).toEqual([]);
    expect(judged(fixed).findings.filter(({ finding }) => finding.fix !== undefined)).toEqual([]);
    // Comments and whole lines that no remedy is about are still there, in their order.
    const kept = rule.example.split('\n').filter((line) => fixed.split('\n').includes(line));
    expect(kept.length).toBeGreaterThan(rule.example.split('\n').length / 2);
  });
});

test.each(kindSeeds)('a $kind is fixed, and nothing that can be fixed is left', ({ kind, yaml }) => {
  const { sources, written } = fixManifests([source(yaml)], options);
  expect(written).toBeGreaterThan(0);
  const { problems, findings } = judged(sources[0]?.text ?? '');
  expect(problems).toEqual([]);
  expect(findings.filter(({ finding }) => finding.fix !== undefined)).toEqual([]);
  expect(sources[0]?.text).toContain(kind);
});

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      # how long we wait
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: nginx:1.29 # pinned
          ports: [{containerPort: 80}]
          readinessProbe: {httpGet: {path: /, port: 80}}
`;
const service = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
`;

test('what else is in the input is context, whatever the order, the file and the List', () => {
  expect(codesOf(web)).not.toContain('GR206');
  expect(codesOf(`${web}---\n${service}`)).toContain('GR206');
  expect(codesOf(`${service}---\n${web}`)).toContain('GR206');
  expect(codesOf(`${web}---\n${service.replace('namespace: shop', 'namespace: other')}`)).not.toContain('GR206');
  expect(codesOf(`${web}---\n${service.replace(', namespace: shop', '')}`)).toContain('GR206');
});

test('files are fixed with each other as context, and only what has a remedy changes', () => {
  const { sources, written } = fixManifests([source(web, 'web.yaml'), source(service, 'service.yaml')], options);
  expect(written).toBeGreaterThan(0);
  expect(sources[1]?.text).toBe(service);
  const text = sources[0]?.text ?? '';
  expect(text).toContain('# how long we wait\n      terminationGracePeriodSeconds: ');
  expect(text).toContain('image: nginx:1.29 # pinned');
  expect(text).toMatch(/preStop:\n +sleep:\n/u);
});

/** Texts to try; `RUNS=100000` for many. */
const RUNS = Number(process.env['RUNS'] ?? 1_500);

/** Pieces that break YAML, numbers, or what a rule expects. */
const piece = fc.oneof(
  fc.constantFrom(
    '---\n',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    '&a ',
    '*a',
    '<<: *a\n',
    '|\n',
    '>\n',
    '#',
    '\t',
    '!!int ',
  ),
  fc.constantFrom('\u0000', '\u2028', '\uFEFF', '\r', '-1', '1e309', '.nan', '0x7f', '~', 'yes', '%', '? '),
  fc.string({ maxLength: 5 }),
);

test('mutated manifests: read or refused with a line, judged, fixed without a new fault, and memory stays', () => {
  const beforeBytes = process.memoryUsage().heapUsed;
  let readable = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(
        ...RULES.map(({ example }) => example),
        ...kindSeeds.map(({ yaml }) => yaml),
        `${web}---\n${service}`,
      ),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(12), piece), { minLength: 1, maxLength: 3 }),
      (example, cuts) => {
        let text = example;
        for (const [at, length, insert] of cuts) {
          const from = at % (text.length + 1);
          text = text.slice(0, from) + insert + text.slice(from + length);
        }
        const { problems } = judged(text);
        for (const { line = 0 } of problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split('\n').length + 1);
        }
        const { sources, written } = fixManifests([source(text)], options);
        if (written === 0) expect(sources[0]?.text).toBe(text);
        else
          expect(judged(sources[0]?.text ?? '').problems).toEqual(
            problems.map((problem) => expect.objectContaining({ message: problem.message }) as unknown),
          );
        if (problems.length === 0) readable += 1;
      },
    ),
    { numRuns: RUNS },
  );
  expect(readable).toBeGreaterThan(RUNS / 10);
  expect((process.memoryUsage().heapUsed - beforeBytes) / (1 << 20)).toBeLessThan(300);
}, 1_800_000);
