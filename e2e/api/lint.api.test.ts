import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runCommand } from '../cluster/command.ts';
import { helmProgram } from '../cluster/goTools.ts';
import { chartFolder } from '../install/chart.ts';

/** Holds the plugin under the name by which kubectl finds it, and what is written for a test. */
const folder = mkdtempSync(join(tmpdir(), 'lint-'));
let helm: string;

beforeAll(async () => {
  helm = await helmProgram(3);
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  writeFileSync(join(folder, 'kubectl-graceful'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
}, 900_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly workloads: number;
  readonly findings: readonly { readonly code: string }[];
  readonly problems: readonly unknown[];
}

/** What `kubectl graceful lint` says of what a program prints, in a pipe of the shell; `$HELM` and `$CHART` are set. */
async function lintOf(program: string) {
  const PATH = [folder, dirname(inject('kubectl')), process.env['PATH'] ?? ''].join(delimiter);
  const { code, stdout, stderr } = await runCommand(
    ['bash', '-o', 'pipefail', '-c', `${program} | kubectl graceful lint -f - -o json --complete`],
    { env: { PATH, HELM: helm, CHART: chartFolder }, cwd: folder },
  );
  expect(stderr).toBe('');
  return { code, report: JSON.parse(stdout) as Report };
}

test.each([
  ['its defaults', ''],
  ['every option on', '--values "$CHART/golden/everything.values.yaml"'],
])('helm template of this chart with %s: no problem, no error', async (_name, values) => {
  const template = `"$HELM" template graceful-rollout "$CHART" --namespace shop --kube-version 1.37.0 ${values}`;
  const { code, report } = await lintOf(template);
  expect(code).toBe(0);
  expect(report.problems).toEqual([]);
  expect(report.workloads).toBeGreaterThan(0);
});

const base = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1
          ports: [{ name: http, containerPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
`;
const patch = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  template:
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: app
          readinessProbe: { httpGet: { path: /ready, port: http } }
          lifecycle: { preStop: { sleep: { seconds: 10 } } }
`;
const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec: { maxUnavailable: 1, selector: { matchLabels: { app: web } } }
`;

test('kubectl kustomize: the overlay is judged, not its base', async () => {
  const files: Readonly<Record<string, string>> = {
    'base/web.yaml': base,
    'base/kustomization.yaml': 'resources: [web.yaml]\n',
    'prod/kustomization.yaml':
      'namespace: shop\nnamePrefix: prod-\nresources: [../base, budget.yaml]\npatches: [{ path: patch.yaml }]\n',
    'prod/patch.yaml': patch,
    'prod/budget.yaml': budget,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const overlay = await lintOf('kubectl kustomize prod');
  expect(overlay).toEqual({
    code: 0,
    report: expect.objectContaining({ workloads: 1, findings: [], problems: [] }) as unknown,
  });
  const bare = await lintOf('kubectl kustomize base');
  expect(bare.code).toBe(1);
  expect(bare.report.findings.map(({ code }) => code)).toContain('GR101');
});
