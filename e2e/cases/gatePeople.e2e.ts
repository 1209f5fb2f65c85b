import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { controllerOf, pods } from '../../src/kube/index.ts';
import { workloadsOf } from '../gate/gateCases.ts';
import { gateRig } from '../gate/gateTests.ts';
import { scaleTo } from '../gate/operations.ts';
import { DRAIN_ANNOTATION, isReady } from '../gate/podWatch.ts';
import {
  type RolloutStatus,
  rolloutStatus,
  type Stage,
  servingPods,
  setStage,
  strike,
  untilSettled,
} from '../gate/stage.ts';
import { aPodOf, timed, until } from '../gate/timed.ts';
import { recordsOf } from '../gate/told.ts';
import type { Workload } from '../gate/workload.ts';
import { onProgress } from './clusterUnderTest.ts';

/** What people see of the gate at the command line, and whether its estimate of SIGTERM is right. */
const rig = gateRig();
const signal = new AbortController().signal;
const QUIET_SECONDS = 10;
let stage: Stage;

afterEach(async () => strike(stage));

async function set(namespace: string, change: Partial<Workload> = {}, rollout: object = {}): Promise<void> {
  const variant = { case: 'rollout', server: 'abrupt', mode: 'new-connection', termination: 'contract' } as const;
  const workloads = workloadsOf(variant, rig.image('abrupt')).map((each) => ({
    ...each,
    ...change,
    namespace,
    ...(each.rollout === undefined ? {} : { rollout: { ...each.rollout, ...rollout } }),
  }));
  stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
}

test('kubectl delete pod says what it says without the gate', async () => {
  await set('gate-people-delete', { replicas: 2 });
  const said = async (side: string): Promise<object> => {
    const pod = await aPodOf(stage, side);
    const { code, stdout, stderr } = await stage.commands.run(['delete', 'pod', pod, '-n', stage.namespace]);
    return { code, stdout: stdout.replace(pod, 'POD'), stderr };
  };
  const plain = await said('plain');
  expect(await said('protected')).toEqual(plain);
  expect(plain).toMatchObject({ code: 0, stderr: '' });
});

test('kubectl delete pod of two pods in one command says what it says without the gate', async () => {
  await set('gate-people-delete-two', { replicas: 4 });
  const said = async (side: string): Promise<object> => {
    const two = (await servingPods(stage, side)).slice(0, 2).map(({ metadata }) => metadata.name ?? '');
    const { code, stdout, stderr } = await stage.commands.run(['delete', 'pod', ...two, '-n', stage.namespace]);
    return { code, stdout: two.reduce((text, pod) => text.replace(pod, 'POD'), stdout), stderr };
  };
  const plain = await said('plain');
  expect(await said('protected')).toEqual(plain);
  expect(plain).toMatchObject({ code: 0, stderr: '' });
});

test('Ctrl-C before isolation gives the pod back', async () => {
  // Its replacement needs longer than the person waits: the last ready endpoint is not isolated before.
  await set('gate-people-interrupt', { replicas: 1, startUpSeconds: 20 });
  const { client, namespace, commands } = stage;
  const name = await aPodOf(stage, 'protected');
  const interrupted = await commands.interrupt(['delete', 'pod', name, '-n', namespace], () => sleep(5000));
  expect(interrupted.endedBefore, `kubectl ended before Ctrl-C: ${interrupted.stderr}`).toBe(false);
  await until('the pod was not given back', 60_000, signal, async () => {
    const pod = await client.get(pods, { namespace, name }, { signal });
    return pod.metadata.annotations?.[DRAIN_ANNOTATION] === undefined && controllerOf(pod)?.kind === 'ReplicaSet';
  });
  await untilSettled(stage, 120_000);
  const pod = await client.get(pods, { namespace, name }, { signal });
  expect(isReady(pod)).toBe(true);
  expect(pod.metadata.deletionTimestamp).toBeUndefined();
  expect(pod.metadata.labels?.['app']).toBe('protected');
});

test('Ctrl-C after isolation: the drain goes on to its end', async () => {
  await set('gate-people-isolated', { replicas: 2 }, { endpointCheck: { quietSeconds: QUIET_SECONDS } });
  const { client, namespace, commands } = stage;
  const name = await aPodOf(stage, 'protected');
  const isolated = (): Promise<void> =>
    until('the pod is not isolated', 20_000, signal, async () => {
      const pod = await client.get(pods, { namespace, name }, { signal });
      return pod.metadata.labels?.['app'] === undefined;
    });
  const interrupted = await commands.interrupt(['delete', 'pod', name, '-n', namespace], isolated);
  expect(interrupted.endedBefore, `kubectl ended before Ctrl-C: ${interrupted.stderr}`).toBe(false);
  // As any kubectl in the middle of a request: the signal ends it, and it says nothing.
  expect(interrupted).toMatchObject({ code: undefined, stderr: '' });
  const here = await client.get(pods, { namespace, name }, { signal });
  expect(here.metadata.deletionTimestamp, 'nobody has deleted it yet').toBeUndefined();
  await until('the pod is there', 60_000, signal, async () => {
    return (await client.find(pods, { namespace, name }, { signal })) === undefined;
  });
  await untilSettled(stage, 60_000);
  const { status, records } = await recordsOf(stage, 'protected', [name]);
  expect(status.recent?.map(({ pod }) => pod)).toEqual([name]);
  const [{ isolatedAt = '', deletedAt = '', ...record } = {}] = records;
  expect(record).toMatchObject({ path: 'Delete', outcome: 'Verified', proxiesEvidence: 'Barrier' });
  expect(Date.parse(deletedAt) - Date.parse(isolatedAt)).toBeGreaterThanOrEqual((QUIET_SECONDS - 1) * 1000);
});

test("the estimated time of SIGTERM is the server's own", async () => {
  await set('gate-people-sigterm', { replicas: 3 });
  const { client, namespace, commands } = stage;
  const { items } = await client.list(pods, { namespace, labelSelector: 'app=protected', signal });
  const logs = items.map(async ({ metadata }) => {
    const { stdout } = await commands.run(['logs', '--follow', '-n', namespace, metadata.name ?? '']);
    const line = stdout.split('\n').find((each) => each.includes('SIGTERM'));
    return { pod: metadata.name ?? '', atMs: line === undefined ? undefined : Date.parse(line.split(' ')[0] ?? '') };
  });
  await scaleTo(1)(stage);
  let status: RolloutStatus | undefined;
  await until('the evidence of two pods is not in the status', 30_000, signal, async () => {
    status = await rolloutStatus(client, namespace, 'protected', signal);
    return (status?.endpointCheck?.recent?.length ?? 0) >= 2;
  });
  // The last pod's log ends here.
  await timed(() => commands.must(['delete', 'deployment', 'protected', '-n', namespace, '--timeout=60s']));
  const seen = new Map((await Promise.all(logs)).map(({ pod, atMs }) => [pod, atMs]));
  const recent = status?.endpointCheck?.recent ?? [];
  for (const { pod, sigtermAt } of recent) {
    const ownMs = seen.get(pod);
    expect(ownMs, `the log of ${pod} has a SIGTERM`).toBeDefined();
    // deletionTimestamp has whole seconds, and the kubelet needs a moment.
    const offMs = Date.parse(sigtermAt ?? '') - (ownMs ?? 0);
    onProgress(`SIGTERM of ${pod}: the estimate is ${offMs} ms after the server's own time`);
    expect(Math.abs(offMs), `estimated ${sigtermAt}`).toBeLessThanOrEqual(2500);
  }
  expect(recent.length).toBeGreaterThanOrEqual(2);
});
