import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isJsonObject } from '../../src/api/json.ts';
import { allowAs } from '../../src/webhooks/admissionReview.ts';
import { authority, start } from '../../src/webhooks/serverUnderTest.ts';
import { ApiHarness, type CommandResult, until } from './harness.ts';
import { deploymentObject, namespaceObject, serviceObject } from './objects.ts';

let harness: ApiHarness;
const folder = mkdtempSync(join(tmpdir(), 'audit-'));

beforeAll(async () => {
  harness = await ApiHarness.start();
}, 900_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await harness?.stop();
});

/** The kubectl plugin from its source; nobody runs the operator here. */
const audit = (...args: string[]): Promise<CommandResult> => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  return harness.run(process.execPath, [main, 'audit', ...args], { allowFailure: true });
};

interface Audits {
  readonly namespaces: readonly {
    readonly namespace: string;
    readonly workloads: number;
    readonly findings: readonly { readonly code: string; readonly object: object; readonly message: string }[];
  }[];
}

/** Codes by namespace. */
async function codesOf(...args: string[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const { code, stdout, stderr } = await audit('-o', 'json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  const { namespaces } = JSON.parse(stdout) as Audits;
  return Object.fromEntries(
    namespaces.map(({ namespace, findings }) => [namespace, findings.map(({ code: of }) => of)]),
  );
}

/** A preStop hook that takes the whole grace period: GR202, of whatever kind. */
const late = {
  terminationGracePeriodSeconds: 5,
  containers: [
    { name: 'app', image: 'registry.invalid/app:1', lifecycle: { preStop: { exec: { command: ['sleep', '60'] } } } },
  ],
};

test('another mutator that cuts the grace period of pods is found, where it does and nowhere else', async () => {
  const { port } = await start({
    '/cut': async (request) => {
      const { object } = request;
      const spec = object?.['spec'];
      return allowAs(request, {
        ...object,
        spec: { ...(isJsonObject(spec) ? spec : {}), terminationGracePeriodSeconds: 25 },
      });
    },
  });
  const mutator = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'cuts-grace' },
    webhooks: [
      {
        name: 'cuts.grace.example',
        clientConfig: {
          url: `https://127.0.0.1:${port}/cut`,
          caBundle: Buffer.from(authority.cert).toString('base64'),
        },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'spot' } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
  const both = ['spot', 'steady'];
  await harness.apply([mutator, ...both.map((name) => namespaceObject(name))]);
  await harness.apply(both.map((name) => deploymentObject(name, 'web', { terminationGracePeriodSeconds: 60 })));
  const graceOf = async (namespace: string) => {
    const jsonpath = '-o=jsonpath={.items[*].spec.terminationGracePeriodSeconds}';
    const { stdout } = await harness.kubectl(['get', 'pods', '-n', namespace, jsonpath]);
    return stdout.split(' ').length === 2 ? stdout : undefined;
  };
  expect(await until('the pods of spot are there', () => graceOf('spot'))).toBe('25 25');
  expect(await until('the pods of steady are there', () => graceOf('steady'))).toBe('60 60');
  const { spot, steady } = await codesOf();
  expect(spot).toContain('GR209');
  expect(steady).not.toContain('GR209');
  const { stdout } = await audit('-n', 'spot');
  expect(stdout).toMatch(/GR209 spot\/web: pod web-\S+ \(and 1 more\) has 25 s/);
  await harness.kubectl(['delete', 'mutatingwebhookconfiguration', 'cuts-grace']);
});

test('all namespaces: a table, the worst first; the ClusterRole view is enough but for nodes', async () => {
  await harness.apply(['shop', 'batch', 'empty'].map((name) => namespaceObject(name)));
  const container = { name: 'app', image: 'registry.invalid/app:1', ports: [{ containerPort: 8080 }] };
  const job = (name: string, spec: object) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'batch' },
    spec: { template: { spec: { ...late, restartPolicy: 'Never' } }, ...spec },
  });
  const jobTemplate = { spec: { template: { spec: { ...late, restartPolicy: 'Never' } } } };
  await harness.apply([
    serviceObject('shop'),
    deploymentObject('shop', 'web', { containers: [container] }),
    job('import', {}),
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly', namespace: 'batch' },
      spec: { schedule: '0 0 1 1 *', jobTemplate },
    },
    {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'old', namespace: 'batch' },
      spec: { replicas: 1, selector: { app: 'old' }, template: { metadata: { labels: { app: 'old' } }, spec: late } },
    },
  ]);
  await until('the Job has its pod', async () => {
    const { stdout } = await harness.kubectl(['get', 'pods', '-n', 'batch', '-o', 'name']);
    return stdout.includes('import-') ? true : undefined;
  });

  const { code, stdout, stderr } = await audit();
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n');
  expect(lines[0]?.split(/ {2,}/)).toEqual([
    'NAMESPACE',
    'WORKLOADS',
    'ERRORS',
    'WARNINGS',
    'REMARKS',
    'MOST FREQUENT',
  ]);
  const table = lines.slice(1, lines.indexOf('')).map((line) => line.split(/ {2,}/));
  const errors = table.map((row) => Number(row[2]));
  expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  const rowOf = (namespace: string) => table.find(([name]) => name === namespace);
  expect(rowOf('shop')?.[1]).toBe('1');
  expect(rowOf('shop')?.[5]).toContain('GR101');
  expect(rowOf('batch')?.[1]).toBe('3');
  expect(rowOf('batch')?.[5]).toContain('GR202 x3');
  expect(rowOf('empty')).toBeUndefined();
  expect(stdout).toMatch(/\d+ workloads in \d+ namespaces: /);
  expect(stdout).toContain('kubectl graceful audit --details (-n NAMESPACE for one)');
  expect(stdout).not.toContain('batch/import');
  expect((await audit('--fail-on', 'error')).code).toBe(1);

  const reader = await viewer();
  const seen = await audit('--kubeconfig', reader);
  expect(seen.code).toBe(0);
  expect(seen.stdout).toBe(stdout);
  // Without the role of the chart, and of Argo Rollouts, whether that is installed or not.
  expect(seen.stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/^warning: rollouts may not be listed: /) as unknown,
    expect.stringMatching(/^warning: gracefulrollouts may not be listed: /) as unknown,
    expect.stringMatching(/^warning: nodes may not be listed: /) as unknown,
  ]);
});

/** The kubeconfig of somebody with the ClusterRole `view` for the whole cluster. */
async function viewer(): Promise<string> {
  await harness.kubectl(['create', 'serviceaccount', 'viewer', '-n', 'empty']);
  await harness.kubectl([
    'create',
    'clusterrolebinding',
    'viewer',
    '--clusterrole=view',
    '--serviceaccount=empty:viewer',
  ]);
  const token = (await harness.kubectl(['create', 'token', 'viewer', '-n', 'empty'])).stdout.trim();
  const flat = ['config', 'view', '--raw', '--flatten', '-o', 'json'];
  const config = JSON.parse((await harness.kubectl(flat)).stdout) as {
    readonly users: readonly { readonly name: string }[];
  };
  const path = join(folder, 'viewer.json');
  writeFileSync(
    path,
    JSON.stringify({ ...config, users: config.users.map(({ name }) => ({ name, user: { token } })) }),
  );
  await until('the rights are there', async () => {
    const asked = ['auth', 'can-i', 'list', 'deployments', '-A', '--kubeconfig', path];
    return (await harness.kubectl(asked, { allowFailure: true })).stdout.trim() === 'yes' ? true : undefined;
  });
  return path;
}
