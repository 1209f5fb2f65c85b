import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Deployment, KubeObject } from '../../src/api/kubernetes.ts';
import { ApiError, type Client, createClient, deployments, loadKubeConfig, namespaces } from '../../src/kube/index.ts';
import { CONTEXT_KINDS, contextOf, judge, RULES, workloadOf } from '../../src/safety/index.ts';
import { applyEdits } from '../../src/safety/testing/edits.ts';
import { app, deployment, type Manifest, service, withApp } from '../../src/safety/testing/manifests.ts';

/* What `lint --fix` makes of the example of each rule that has a fix, and of some edges, is taken by the API server. */

const { signal } = new AbortController();
const namespace = `fixed-${process.pid}`;
let client: Client;

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  client = createClient({ connection, userAgent: 'fixes-test', fieldManager: 'fixes-test', onWarning: () => {} });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
});

afterAll(async () => {
  await client?.delete(namespaces, { name: namespace }, { signal });
  await client?.close();
});

const probe = { tcpSocket: { port: 8080 } };
const served = service({ ports: [{ port: 80, targetPort: 8080 }] });
const sleeping = (command: string[]) => ({ lifecycle: { preStop: { exec: { command } } } });
const edges: readonly (readonly [string, readonly Manifest[]])[] = [
  ['a short grace period', [withApp({ lifecycle: undefined }, { terminationGracePeriodSeconds: 3 }), served]],
  ['a sleep without a shell', [withApp({ image: 'gcr.io/distroless/base', ...sleeping(['sleep', '60']) }), served]],
  [
    'a grace period of 0',
    [withApp({ image: 'nginx', lifecycle: undefined }, { terminationGracePeriodSeconds: 0 }), served],
  ],
  [
    'a probe that kills at once',
    [withApp({ livenessProbe: { httpGet: { port: 8080 }, terminationGracePeriodSeconds: 1 } }), served],
  ],
  [
    '100 % unavailable',
    [deployment({ replicas: 1, strategy: { rollingUpdate: { maxUnavailable: '100%', maxSurge: '0%' } } }), served],
  ],
  [
    'a short deadline',
    [
      deployment(
        { progressDeadlineSeconds: 10 },
        { containers: [app({ readinessProbe: probe, startupProbe: probe })] },
      ),
      served,
    ],
  ],
  [
    'fractions of a second',
    [withApp({ ...sleeping(['sh', '-c', 'sleep 40.5']), args: ['--graceful-timeout', '12.5'] }), served],
  ],
];
const examples = RULES.filter(({ hasFix }) => hasFix).map(
  ({ code, example }) => [code, parseAllDocuments(example).map((document) => document.toJS() as Manifest)] as const,
);

test.each([...examples, ...edges])('%s', async (name, [target, ...others]) => {
  const { uid: _, ...metadata } = (target as unknown as KubeObject).metadata;
  const code = RULES.find((rule) => rule.code === name)?.code;
  const context = (object: unknown) => contextOf([object, ...others.map(here)], { namespace, complete: CONTEXT_KINDS });
  let object: unknown = { ...target, metadata: { ...metadata, namespace } };
  const found: string[][] = [];
  for (let round = 0; round < 2; round += 1) {
    const workload = workloadOf(object);
    if (workload === undefined) throw new Error('the example is no workload');
    const findings = judge(workload, context(object), { level: 'strict', nowMs: Date.UTC(2026, 0, 1) });
    found.push(findings.filter(({ fix }) => fix !== undefined).map((finding) => finding.code));
    object = applyEdits(
      object,
      findings.flatMap(({ fix = [] }) => fix),
    );
  }
  if (code !== undefined) expect(found[0]).toContain(code);
  expect(found[0]).not.toEqual([]);
  expect(found[1]).toEqual([]);
  const { kind } = object as KubeObject;
  expect(kind).toBe('Deployment');
  const refused = await client.create(deployments, object as Deployment, { signal, dryRun: true }).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ApiError) return error.serverMessage;
      throw error;
    },
  );
  expect(refused).toBeUndefined();
});

function here(object: Manifest): object {
  return { ...object, metadata: { ...(object['metadata'] as object), namespace } };
}
