import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import type { DrainState } from '../gate/types.ts';
import type { AdmissionRequest } from './admissionReview.ts';
import { FakeCluster, type FakeOptions, identity, refused, replicaSetController, storedPod } from './gateUnderTest.ts';

const scaleDown = { userInfo: { username: replicaSetController } };
const { signal } = new AbortController();
const quick = { signal };
const at = (cluster: FakeCluster, ms: number): string => new Date(cluster.clock.nowMs() + ms).toISOString();

const notFound = { code: 404, reason: 'NotFound' };
const tooMany = { code: 429, reason: 'TooManyRequests' };

describe('the ReplicaSet controller', () => {
  test('is told that the pod is gone, once the intent is on it', async () => {
    const cluster = new FakeCluster();
    const response = await cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick);
    expect(response).toMatchObject({ allowed: false, status: notFound });
    expect(cluster.state).toEqual({ path: 'ScaleDown', by: replicaSetController, askedAt: at(cluster, 0) });
    expect(cluster.patches).toMatchObject([{ metadata: { uid: 'p1', resourceVersion: '1' } }]);
    expect(await cluster.answers()).toEqual(['NotFound']);
  });

  test('asks again without another write', async () => {
    const cluster = new FakeCluster();
    for (let n = 0; n < 3; n += 1) {
      const response = await cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick);
      expect(response.status).toMatchObject(notFound);
    }
    expect(cluster.patches).toHaveLength(1);
  });
});

describe('an eviction', () => {
  test('is refused with the reason that is on the pod', async () => {
    const cluster = new FakeCluster();
    expect(await cluster.handlers.gateEvictions(cluster.eviction(), quick)).toMatchObject({
      allowed: false,
      status: { ...tooMany, message: 'pod web-1 is being drained: it leaves its Services first' },
    });
    expect(cluster.state).toMatchObject({ path: 'Eviction', by: 'alice' });
    cluster.setState({ path: 'Eviction', by: 'alice', askedAt: at(cluster, 0), reason: 'no node\nhas room' });
    const again = await cluster.handlers.gateEvictions(cluster.eviction(), quick);
    expect(again.status).toEqual({ ...tooMany, message: 'pod web-1 is being drained: no node has room' });
    expect(cluster.patches).toHaveLength(1);
  });

  test('is noted every 20 s, and refused also when that fails', async () => {
    let fails = false;
    const onPatch = () => {
      if (fails) throw refused(500, 'InternalError');
    };
    const cluster = new FakeCluster({ onPatch });
    for (let n = 0; n < 9; n += 1) {
      expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status).toMatchObject(tooMany);
      await cluster.clock.advance(5_000);
    }
    expect(cluster.patches).toHaveLength(3);
    const noted = cluster.state;
    expect(noted?.lastAskedAt).toBe(at(cluster, -5_000));
    if (noted !== undefined) cluster.setState({ ...noted, handedOverAt: at(cluster, 0) });
    fails = true;
    await cluster.clock.advance(20_000);
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status).toMatchObject(tooMany);
  });

  test('of a pod that the cache does not have yet is read', async () => {
    const cluster = new FakeCluster({ cached: false });
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status).toMatchObject(tooMany);
    expect(cluster.finds).toBe(1);
    cluster.remove();
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
  });

  test('with an old cache meets the newer pod', async () => {
    const cluster = new FakeCluster();
    cluster.lagging = true;
    const there: DrainState = { path: 'ScaleDown', by: 'x', askedAt: at(cluster, 0), reason: 'why' };
    cluster.setState(there);
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status?.message).toContain('why');
    expect(cluster.state).toEqual(there);
  });

  const notReady = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] } } as const;

  test('of a pod that the cache does not show as Ready yet is refused', async () => {
    const cluster = new FakeCluster();
    cluster.write({}, notReady);
    cluster.lagging = true;
    cluster.write({}, storedPod());
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status).toMatchObject(tooMany);
    expect(cluster.state).toMatchObject({ path: 'Eviction', by: 'alice' });
    expect(cluster.finds).toBe(1);
  });

  test('of a pod that is not Ready goes through, and when the stored one cannot be read or is gone too', async () => {
    let fails: unknown;
    const onFind = () => {
      if (fails !== undefined) throw fails;
    };
    const cluster = new FakeCluster({ onFind });
    cluster.write({}, notReady);
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
    fails = refused(500, 'InternalError');
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
    fails = undefined;
    cluster.lagging = true;
    cluster.pod = undefined;
    expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
    expect(cluster.finds).toBe(3);
    expect(cluster.patches).toEqual([]);
    expect(await cluster.answers()).toEqual(['NotServing', 'NotServing', 'NotServing']);
  });

  test('of a pod that is not Ready and none of ours, or has ended, is not read', async () => {
    const strange = new FakeCluster({ owners: { settings: { mode: 'Off', timeoutSeconds: 60 } } });
    strange.write({}, notReady);
    const ended = new FakeCluster();
    ended.write({}, { status: { phase: 'Succeeded' } });
    for (const cluster of [strange, ended]) {
      expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
      expect(cluster.finds).toBe(0);
    }
  });

  test('that is a dry run in its body only goes through untouched', async () => {
    const cluster = new FakeCluster();
    const object = { metadata: { name: 'web-1' }, deleteOptions: { dryRun: ['All'] } };
    expect((await cluster.handlers.gateEvictions(cluster.eviction({ object }), quick)).allowed).toBe(true);
    expect(cluster.patches).toEqual([]);
  });
});

test('an intent that no leader has looked at for a minute refuses nobody', async () => {
  const cluster = new FakeCluster();
  await cluster.handlers.gateEvictions(cluster.eviction(), quick);
  await cluster.clock.advance(60_001);
  expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
  expect(await cluster.answers()).toEqual(['TooManyRequests', 'Overdue']);
});

describe('what cannot be written is admitted', () => {
  const both = (cluster: FakeCluster) => [
    () => cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick),
    () => cluster.handlers.gateEvictions(cluster.eviction(), quick),
    () => cluster.handlers.gateDeletes(cluster.deletion(), quick),
  ];
  const everyPatch = (onPatch: FakeOptions['onPatch']) => [0, 1, 2].map((n) => ({ n, onPatch }));

  test.each(
    everyPatch(() => {
      throw refused(500, 'InternalError');
    }),
  )('the API server fails (%#)', async ({ n, onPatch }) => {
    const cluster = new FakeCluster({ ...(onPatch && { onPatch }) });
    expect(await both(cluster)[n]?.()).toMatchObject({ allowed: true });
    expect(await cluster.answers()).toEqual(['WriteFailed']);
    expect(cluster.patches).toHaveLength(1);
  });

  test.each(
    everyPatch((cluster) => {
      cluster.write({ labels: { written: 'by somebody' } });
    }),
  )('somebody else writes each time (%#)', async ({ n, onPatch }) => {
    const cluster = new FakeCluster({ ...(onPatch && { onPatch }) });
    expect(await both(cluster)[n]?.()).toMatchObject({ allowed: true });
    expect(await cluster.answers()).toEqual(['WriteFailed']);
    expect(cluster.patches).toHaveLength(2);
  });

  test.each(
    everyPatch((cluster) => {
      cluster.remove();
    }),
  )('the pod goes (%#)', async ({ n, onPatch }) => {
    const cluster = new FakeCluster({ ...(onPatch && { onPatch }) });
    expect(await both(cluster)[n]?.()).toMatchObject({ allowed: true });
    expect(await cluster.answers()).toEqual(['Gone']);
  });

  test('one conflict is read again and tried again', async () => {
    let times = 0;
    const cluster = new FakeCluster({
      onPatch: (there) => {
        if (times++ === 0) there.write({ labels: {} });
      },
    });
    const response = await cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick);
    expect(response.status).toMatchObject(notFound);
    expect(cluster.state?.path).toBe('ScaleDown');
  });

  test('a conflict that ended the reason to gate', async () => {
    const cluster = new FakeCluster({
      onPatch: (there) => void there.write({ deletionTimestamp: '2026-03-01T12:00:00Z' }),
    });
    const response = await cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick);
    expect(response.allowed).toBe(true);
    expect(await cluster.answers()).toEqual(['Terminating']);
  });

  test('no time is left after a conflict', async () => {
    const cluster = new FakeCluster({
      onPatch: (there) => {
        there.clock.jump(1_500);
        there.write({ labels: {} });
      },
    });
    expect((await cluster.handlers.gateReplicaSets(cluster.deletion(scaleDown), quick)).allowed).toBe(true);
    expect(await cluster.answers()).toEqual(['NoTime']);
    expect(cluster.patches).toHaveLength(1);
  });
});

test.each<[string, FakeOptions, string]>([
  ['without caches', { synced: false }, 'NotSynced'],
  ['without a key', { key: undefined }, 'NotSynced'],
  ['without a leader', { leaderAlive: false }, 'LeaderSilent'],
  ['without a GracefulRollout', { owners: { settings: { mode: 'Off', timeoutSeconds: 60 } } }, 'NotGated'],
])('everything is admitted %s, and nothing written', async (_name, options, why) => {
  const cluster = new FakeCluster(options);
  const { gateReplicaSets, gateDeletes, gateEvictions } = cluster.handlers;
  expect((await gateReplicaSets(cluster.deletion(scaleDown), quick)).allowed).toBe(true);
  expect((await gateDeletes(cluster.deletion(), quick)).allowed).toBe(true);
  expect((await gateEvictions(cluster.eviction(), quick)).allowed).toBe(true);
  expect(await cluster.answers()).toEqual([why, why, why]);
  expect(cluster.patches).toEqual([]);
});

test('a forged state is no drain', async () => {
  const cluster = new FakeCluster();
  const text = JSON.stringify({
    path: 'ScaleDown',
    by: 'eve',
    askedAt: at(cluster, 0),
    drainedAt: at(cluster, 0),
    sig: '',
  });
  cluster.write({ annotations: { [DRAIN_ANNOTATION]: text } });
  expect((await cluster.handlers.gateEvictions(cluster.eviction(), quick)).status).toMatchObject(tooMany);
  expect(cluster.state).toMatchObject({ path: 'Eviction', by: 'alice' });
});

test('what is no pod, or no deletion, is admitted', async () => {
  const cluster = new FakeCluster();
  const { gateReplicaSets, gateDeletes, gateEvictions } = cluster.handlers;
  for (const response of [
    await gateDeletes(cluster.deletion({ oldObject: null }), quick),
    await gateDeletes(cluster.deletion({ operation: 'UPDATE' }), quick),
    await gateDeletes(cluster.deletion({ subResource: 'status' }), quick),
    await gateReplicaSets(cluster.eviction(scaleDown), quick),
    await gateEvictions(cluster.deletion(), quick),
    await gateDeletes(cluster.deletion({ resource: { group: '', version: 'v1', resource: 'services' } }), quick),
  ]) {
    expect(response).toEqual({ uid: 'r1', allowed: true, auditAnnotations: { gate: 'NotAPod' } });
  }
});

test('whatever the review holds, each handler answers it', async () => {
  const cluster = new FakeCluster();
  const stored = cluster.deletion().oldObject ?? {};
  const oldObject = fc.oneof(
    fc.object({ maxDepth: 4 }),
    fc.record({
      metadata: fc.oneof(fc.constant(stored['metadata']), fc.object()),
      status: fc.anything(),
      spec: fc.anything(),
    }),
    fc.record({
      metadata: fc.record(
        {
          ...Object.fromEntries(Object.entries(identity).map(([name, value]) => [name, fc.constant(value)])),
          resourceVersion: fc.oneof(fc.constant('1'), fc.anything()),
          annotations: fc.oneof(fc.dictionary(fc.constant(DRAIN_ANNOTATION), fc.string()), fc.anything()),
          ownerReferences: fc.anything(),
          deletionTimestamp: fc.anything(),
        },
        { requiredKeys: [] },
      ),
      status: fc.constant(stored['status']),
    }),
    fc.constant(null),
  );
  const review = fc.record({
    operation: fc.constantFrom('DELETE', 'CREATE', 'UPDATE', 'CONNECT'),
    subResource: fc.constantFrom('', 'eviction', 'status', undefined),
    name: fc.oneof(fc.string(), fc.constant('web-1')),
    namespace: fc.oneof(fc.string(), fc.constant('shop')),
    userInfo: fc.record({ username: fc.anything() }),
    options: fc.oneof(fc.object(), fc.constant(null)),
    object: fc.oneof(fc.object(), fc.constant(null)),
    oldObject,
    dryRun: fc.constantFrom(true, false, undefined),
  });
  await fc.assert(
    fc.asyncProperty(review, async (made) => {
      const request = { ...cluster.deletion(), ...made } as unknown as AdmissionRequest;
      // Nobody waits: an aborted request still has to be answered.
      const { signal: ended } = { signal: AbortSignal.abort(new Error('hung up')) };
      for (const handler of Object.values(cluster.handlers)) {
        const response = await handler(request, { signal: ended });
        expect(response.uid).toBe('r1');
        expect(typeof response.allowed).toBe('boolean');
      }
    }),
    { numRuns: 300 },
  );
});
