import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { customResourceDefinition } from '../../src/api/crd.ts';
import type { GracefulRolloutStatus } from '../../src/api/index.ts';
import { rolloutWith } from '../../src/api/testing/arbitraryRollout.ts';
import { type ApiServer, connect, installCrd, rolloutsPath } from './apiServer.ts';
import { kubectl } from './kubectl.ts';

const namespace = 'crd';
let api: ApiServer;
beforeAll(async () => {
  api = await connect(inject('kubeconfig'));
  await installCrd(api);
  await api.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});
afterAll(() => api.close());

const run = (...args: string[]) => kubectl({ kubectl: inject('kubectl'), kubeconfig: inject('kubeconfig') }, args);

test('the API server finds nothing to complain about', async () => {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gracefulrollouts.graceful-rollout.io';
  const { body } = await api.send('GET', path);
  const { conditions } = body.status as { conditions: { type: string; status: string }[] };
  expect(Object.fromEntries(conditions.map(({ type, status }) => [type, status]))).toEqual({
    NamesAccepted: 'True',
    Established: 'True',
  });
  // what was sent is what is stored: no keyword was dropped as unknown
  expect(body.spec).toMatchObject(customResourceDefinition().spec as object);
});

const status: GracefulRolloutStatus = {
  observedGeneration: 1,
  phase: 'Enforced',
  target: { name: 'shop', uid: 'b0c3', generation: 3, templateHash: '0011' },
  contract: {
    gracePeriodSeconds: 35,
    containers: [
      { name: 'app', preStopSleepSeconds: 5, readinessProbe: { httpGet: { port: 'http' } } },
      { name: 'mesh', init: true },
    ],
    strategy: { maxUnavailable: 0, maxSurge: '25%' },
  },
  contractSummary: 'preStop 5s, grace 35s',
  contractInputs: 'aabb',
  heldBy: 'gr/database',
  changes: [
    { path: 'spec.template.spec.containers[app].lifecycle.preStop', from: null, to: '{"sleep":{"seconds":5}}' },
    { path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' },
  ],
  findings: [{ code: 'SingleReplica', severity: 'info', message: 'one replica', remedy: 'run two' }],
  endpointCheck: {
    margin: { pods: 2, minSeconds: -0.25, p50Seconds: 5.125, p99Seconds: 4 },
    recommendedPreStopSeconds: 3,
    draining: [{ pod: 'shop-1', path: 'Eviction', stage: 'Isolated', reason: 'waits', since: '2026-11-22T12:00:00Z' }],
    recent: [
      {
        pod: 'shop-0',
        node: 'one',
        path: 'ScaleDown',
        by: 'system:serviceaccount:kube-system:replicaset-controller',
        outcome: 'Verified',
        askedAt: '2026-11-22T12:00:00.125Z',
        goneAt: '2026-11-22T12:00:09Z',
        proxiesEvidence: 'PartialBarrier',
        proxiesConfirmed: 1,
        proxiesSilent: ['two'],
        marginSeconds: 5,
        violation: 'node two did not confirm',
      },
    ],
  },
  touch: { templateHash: '0011', contractHash: '2233', at: '2026-11-22T12:00:00Z' },
  contest: { field: 'spec.x', writer: 'hpa', value: '1', times: 3, lastSeenTime: '2026-11-22T12:00:00Z' },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Enforced',
      message: 'the contract holds',
      lastTransitionTime: '2026-11-22T12:00:00Z',
      observedGeneration: 1,
    },
  ],
};

test('a full status is stored as it is, through the status subresource only', async () => {
  const object = { ...rolloutWith('full', { targetRef: { name: 'shop' } }), metadata: { name: 'full', namespace } };
  const created = await api.send('POST', rolloutsPath(namespace), { ...object, status });
  expect([created.code, created.body.status]).toEqual([201, undefined]);

  // as the controller writes it
  const path = `${rolloutsPath(namespace)}/full/status?fieldValidation=Strict`;
  const apply = `${path}&fieldManager=test&force=true`;
  const { spec: _, ...rest } = object as { spec?: unknown };
  const written = await api.send('PATCH', apply, { ...rest, status }, 'application/apply-patch+yaml');
  expect([written.code, written.body.status]).toEqual([200, status]);
  expect(written.body.metadata).toMatchObject({ generation: 1 });
  // as a backup is restored
  const replaced = await api.send('PUT', path, written.body);
  expect([replaced.code, replaced.body.status]).toEqual([200, status]);

  const { stdout } = await run('get', 'gr', '-n', namespace, '-o', 'wide');
  const [head, row] = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(head).toEqual(['NAME', 'TARGET', 'PHASE', 'CONTRACT', 'HELD-BY', 'AGE', 'MODE', 'GATE', 'MESSAGE']);
  expect(row?.filter((_, index) => index !== 5)).toEqual([
    'full',
    'shop',
    'Enforced',
    'preStop 5s, grace 35s',
    'gr/database',
    'Enforce',
    'Gate',
    'the contract holds',
  ]);
  const waited = await run('wait', '-n', namespace, 'gr/full', '--for=condition=Ready', '--timeout=5s');
  expect(waited).toMatchObject({ code: 0, stderr: '' });
});

test('kubectl explain tells what a field means and what it may be', async () => {
  const { stdout } = await run('explain', 'gr.spec.termination');
  expect(stdout).toContain('GROUP:      graceful-rollout.io');
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('How a pod ends: it sleeps, gets SIGTERM, drains');
  for (const field of ['preStopSleepSeconds', 'drainSeconds', 'gracePeriodSeconds']) expect(stdout).toContain(field);
  const mode = await run('explain', 'gr.spec.mode');
  expect(mode.stdout).toMatch(/ENUM:\s+Enforce\s+Audit/);
});

test.each([
  ['gr', 'A GracefulRollout keeps a Deployment to its termination contract'],
  ['gr.spec.targetRef', 'The Deployment to protect, in the same namespace.'],
  ['gr.spec.readiness.probe.httpGet.port', 'The port to probe: its number (1 to 65535), or the name of a port'],
  ['gr.spec.termination.gracePeriodSeconds', 'terminationGracePeriodSeconds of the pods, at least.'],
  ['gr.spec.endpointCheck.drained.metric', 'Drained when a metric that the pod serves'],
  ['gr.status.endpointCheck.recent', 'The pods that ended last, the newest first'],
  ['gr.spec.strategy.maxSurge', 'may be there beyond the replicas during a rollout.'],
])('kubectl explain %s has its description', async (field, description) => {
  const { code, stdout } = await run('explain', field);
  expect(code).toBe(0);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(description);
  expect(stdout).not.toContain('<empty>');
});
