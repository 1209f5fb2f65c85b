import { expect, test } from 'vitest';
import { RULES } from '../safety/index.ts';
import { run } from './run.ts';

/* The machine-readable outputs with the rules as they are; what they look like is in lint.test.ts, with few rules. */

const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxUnavailable: 2}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: nginx
          image: nginx:stable
          ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
`;
/** Code, severity, line: what a reader of any output should see. */
const wanted = [
  ['GR101', 'error', 12],
  ['GR302', 'error', 6],
  ['GR206', 'warning', 12],
  ['GR501', 'warning', 13],
  ['GR502', 'info', 12],
] as const;

const levels = { error: 'error', warning: 'warning', info: 'note' };
const commands = { error: 'error', warning: 'warning', info: 'notice' };

async function lint(output: string): Promise<string> {
  let out = '';
  const code = await run(['lint', '-f', '-', '--level', 'strict', '-o', output], {
    stdin: (async function* () {
      yield await Promise.resolve(manifests);
    })(),
    out: (text) => (out += text),
    err: () => {},
    color: false,
    nowMs: () => Date.UTC(2026, 0, 1),
    signal: new AbortController().signal,
  });
  expect(code).toBe(1);
  return out;
}

test('SARIF: every rule is described, and every result points at one of them and at its line', async () => {
  const log: unknown = JSON.parse(await lint('sarif'));
  const texts = { text: expect.stringMatching(/\S/) as unknown };
  const descriptors = RULES.map(({ code, name }) => ({ id: code, name, help: texts, fullDescription: texts }));
  const results = wanted.map(([ruleId, severity, startLine]) => ({
    ruleId,
    ruleIndex: RULES.findIndex(({ code }) => code === ruleId),
    level: levels[severity],
    locations: [{ physicalLocation: { artifactLocation: { uri: 'stdin' }, region: { startLine } } }],
  }));
  expect(log).toMatchObject({
    version: '2.1.0',
    runs: [{ tool: { driver: { rules: descriptors } }, invocations: [{ executionSuccessful: true }], results }],
  });
});

test('GitHub: one workflow command for each finding, with the name of the rule', async () => {
  const lines = (await lint('github')).trimEnd().split('\n');
  const starts = wanted.map(([code, severity, line]) => {
    const name = RULES.find((rule) => rule.code === code)?.name;
    return new RegExp(`^::${commands[severity]} line=${line},col=\\d+,title=${code} ${name}::shop/web: .+%0A.+$`);
  });
  expect(lines).toEqual(starts.map((start) => expect.stringMatching(start) as unknown));
});
