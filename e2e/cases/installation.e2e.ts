import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import {
  type Client,
  createClient,
  deployments,
  gracefulRollouts,
  loadKubeConfig,
  typed,
} from '../../src/kube/index.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject } from '../api/objects.ts';
import type { Cluster } from '../cluster/index.ts';
import { imageFiles } from '../install/imageFiles.ts';
import { type InstalledOperator, installOperator, uninstallOperator } from '../install/index.ts';
import { ensureServerImages } from '../servers/images.ts';
import { onProgress, operatorUnderTest } from './clusterUnderTest.ts';

let cluster: Cluster;
let operator: InstalledOperator;
let client: Client;
let image: string;
const namespace = 'installation';
const signal = new AbortController().signal;

beforeAll(async () => {
  ({ cluster, operator } = await operatorUnderTest());
  const connection = await loadKubeConfig({ path: cluster.kubeconfigPath }, signal);
  client = createClient({ connection, userAgent: 'graceful-rollout-e2e', fieldManager: 'graceful-rollout-e2e' });
  image = (await ensureServerImages(cluster, onProgress, signal)).draining;
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
  await apply([namespaceObject(namespace)]);
});

afterAll(async () => {
  await cluster?.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  await client?.close();
});

const kubectl = (args: readonly string[], input?: string) =>
  cluster.kubectl(args, { check: true, ...(input === undefined ? {} : { input }) });
const apply = (items: readonly object[]) =>
  kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
const live = (name: string): Promise<Deployment> => client.get(deployments, { namespace, name }, { signal });

function target(name: string, podSpec: object = {}): Deployment {
  const containers = [
    {
      name: 'app',
      image,
      imagePullPolicy: 'Never',
      ports: [{ containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 },
    },
  ];
  return deploymentObject(namespace, name, { containers, ...podSpec });
}

async function untilStatus(name: string, what: string, holds: (rollout: GracefulRollout) => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const rollout = await client.get(typed<GracefulRollout>(gracefulRollouts), { namespace, name }, { signal });
    if (holds(rollout)) return;
    if (performance.now() > endMs)
      throw new Error(`not ${what} after 60 s: ${JSON.stringify(rollout.status?.conditions)}`);
    await sleep(200);
  }
}

test('the image has no shell and no package manager', async () => {
  const program = /(^|\/)(ba|da|a|z)?sh$|(^|\/)(busybox|apt|apt-get|dpkg|npm|npx)$/;
  const files = await imageFiles(operator.image.archive);
  expect(files).toContain('app/operator.mjs');
  expect(files.filter((file) => program.test(file))).toEqual([]);
});

test('the operator runs under Pod Security restricted, two replicas, one of them leads', async () => {
  const pods = await kubectl(['get', 'pods', '-n', operator.namespace, '-o', 'json']);
  const { items } = JSON.parse(pods.stdout) as { items: { status: { phase: string } }[] };
  expect(items.filter(({ status }) => status.phase === 'Running').length).toBeGreaterThanOrEqual(2);
  const level = await kubectl([
    ...['get', 'namespace', operator.namespace],
    ...['-o', 'jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}'],
  ]);
  expect(level.stdout).toBe('restricted');
  const leases = await kubectl([
    'get',
    'lease',
    '-n',
    operator.namespace,
    '-o',
    'jsonpath={.items[*].spec.holderIdentity}',
  ]);
  expect(leases.stdout).not.toBe('');
});

test('one apply of a target is one rollout: the webhook completes it, called through its Service', async () => {
  await apply([serviceObject(namespace, 'one'), rolloutObject(namespace, {}, 'one')]);
  await untilStatus('one', 'observed', ({ status }) => status?.observedGeneration !== undefined);
  await apply([target('one')]);
  await kubectl(['rollout', 'status', 'deployment/one', '-n', namespace, '--timeout=120s']);
  await kubectl(['wait', '--for=condition=Ready', 'gr/one', '-n', namespace, '--timeout=60s']);
  const { metadata, spec } = await live('one');
  expect(spec.template.spec.containers[0]?.lifecycle?.preStop).toEqual({ sleep: { seconds: 5 } });
  expect(metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
  const table = await kubectl(['get', 'gr', 'one', '-n', namespace]);
  expect(table.stdout).toMatch(/TARGET\s+PHASE\s+CONTRACT/);
  expect(table.stdout).toContain('preStop 5s, grace 35s');
});

test('a target that is there first is adopted by one rollout', async () => {
  await apply([serviceObject(namespace, 'two'), target('two')]);
  await kubectl(['rollout', 'status', 'deployment/two', '-n', namespace, '--timeout=120s']);
  await apply([rolloutObject(namespace, {}, 'two')]);
  await kubectl(['wait', '--for=condition=Ready', 'gr/two', '-n', namespace, '--timeout=120s']);
  const { metadata } = await live('two');
  expect(metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
  const events = await kubectl(['get', 'events', '-n', namespace, '--field-selector=reason=Adopted']);
  expect(events.stdout).toContain('gracefulrollout/two');
});

test('helm upgrade --install --wait of Helm 4, which goes by kstatus, returns when the GracefulRollout is Ready', async () => {
  const chart = mkdtempSync(path.join(tmpdir(), 'graceful-rollout-chart-'));
  try {
    mkdirSync(path.join(chart, 'templates'));
    writeFileSync(path.join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: three\nversion: 0.1.0\n');
    const objects = [serviceObject(namespace, 'three'), target('three'), rolloutObject(namespace, {}, 'three')];
    const documents = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    writeFileSync(path.join(chart, 'templates', 'all.yaml'), documents);
    const args = ['upgrade', '--install', 'three', chart, `--namespace=${namespace}`, '--wait', '--timeout=2m'];
    await cluster.helm(args, { version: 4, check: true });
  } finally {
    rmSync(chart, { recursive: true });
  }
  // Asked once, without waiting: Helm has waited.
  const ready = ['-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
  expect((await kubectl(['get', 'gr', 'three', '-n', namespace, ...ready])).stdout).toBe('True');
  expect((await live('three')).spec.template.spec.terminationGracePeriodSeconds).toBe(35);
  await cluster.helm(['uninstall', 'three', `--namespace=${namespace}`, '--wait'], { version: 4, check: true });
  expect((await kubectl(['get', 'gr', '-n', namespace, '-o', 'name'])).stdout).not.toContain('three');
});

test('an apply of a value that is too low prints the arithmetic', async () => {
  const { stderr } = await apply([target('one', { terminationGracePeriodSeconds: 10 })]);
  expect(stderr).toMatch(/Warning: .*installation\/one.*terminationGracePeriodSeconds/);
  expect(stderr).toMatch(/preStop 5 s \+ drain 25 s/);
  expect((await live('one')).spec.template.spec.terminationGracePeriodSeconds).toBe(35);
});

test('helm upgrade keeps the certificate and the CA', async () => {
  const kept = async (): Promise<readonly string[]> => {
    const ca = await kubectl([
      ...['get', 'mutatingwebhookconfiguration', operator.name],
      ...['-o', 'jsonpath={.webhooks[0].clientConfig.caBundle}'],
    ]);
    const secrets = await kubectl([
      ...['get', 'secrets', '-n', operator.namespace],
      ...['-o', 'jsonpath={range .items[*]}{.data.tls\\.crt}{end}'],
    ]);
    expect(ca.stdout).not.toBe('');
    expect(secrets.stdout).not.toBe('');
    return [ca.stdout, secrets.stdout];
  };
  const before = await kept();
  await installOperator(cluster, { onProgress, values: { podAnnotations: { upgraded: 'once' } } });
  expect(await kept()).toEqual(before);
});

test('with the operator gone nothing is stuck: rollouts, applies and deletions work as in plain Kubernetes', async () => {
  await kubectl(['scale', `deployment/${operator.name}`, '-n', operator.namespace, '--replicas=0']);
  await kubectl([
    'wait',
    '--for=delete',
    'pod',
    '-l',
    'app.kubernetes.io/name=graceful-rollout',
    '-n',
    operator.namespace,
    '--timeout=90s',
  ]);
  const startedMs = performance.now();
  await kubectl(['rollout', 'restart', 'deployment/one', '-n', namespace]);
  expect(performance.now() - startedMs).toBeLessThan(5000);
  await kubectl(['rollout', 'status', 'deployment/one', '-n', namespace, '--timeout=120s']);
  expect((await live('one')).spec.template.spec.containers[0]?.lifecycle?.preStop).toEqual({ sleep: { seconds: 5 } });
  await kubectl(['delete', 'gr', 'one', '-n', namespace, '--timeout=10s']);
  await kubectl(['delete', 'deployment', 'two', '-n', namespace, '--timeout=60s']);
});

test('uninstalled, it leaves the GracefulRollouts and nothing that holds anything up', async () => {
  await uninstallOperator(cluster);
  const webhooks = await kubectl(['get', 'mutatingwebhookconfigurations', '-o', 'name']);
  expect(webhooks.stdout).not.toContain(operator.name);
  const rollouts = await kubectl(['get', 'gr', '-n', namespace, '-o', 'name']);
  expect(rollouts.stdout).toContain('two');
  await apply([target('one', { terminationGracePeriodSeconds: 12 })]);
  expect((await live('one')).spec.template.spec.terminationGracePeriodSeconds).toBe(12);
  operator = await installOperator(cluster, { onProgress });
});
