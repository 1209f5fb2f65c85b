import { describe, expect, test } from 'vitest';
import { encodeState } from '../gate/drainState.ts';
import type { DrainState } from '../gate/types.ts';
import type { AdmissionRequest, AdmissionResponse } from './admissionReview.ts';
import { HOLD_MS, MOST_HELD } from './gate.ts';
import { FakeCluster, identity, key } from './gateUnderTest.ts';

/** A person's DELETE in the background. */
function ask(cluster: FakeCluster, more: Partial<AdmissionRequest> = {}) {
  const controller = new AbortController();
  const call: { response?: AdmissionResponse; done: Promise<void>; hangUp: () => void } = {
    done: Promise.resolve(),
    hangUp: () => controller.abort(new Error('the API server hung up')),
  };
  const answered = async (): Promise<void> => {
    call.response = await cluster.handlers.gateDeletes(cluster.deletion(more), { signal: controller.signal });
  };
  call.done = answered();
  return call;
}

const time = (cluster: FakeCluster, ms = 0): string => new Date(cluster.clock.nowMs() + ms).toISOString();
const as = (username: string) => ({ userInfo: { username } });

/** The leader changes the state that there is. */
function lead(cluster: FakeCluster, more: Partial<DrainState>): void {
  if (cluster.state === undefined) throw new Error('no state');
  cluster.setState({ ...cluster.state, ...more });
}

describe('a person waits', () => {
  test('until the pod is drained, and the second call about the same DELETE answers at once', async () => {
    const cluster = new FakeCluster();
    const first = ask(cluster);
    await cluster.clock.advance(3_000);
    expect(first.response).toBeUndefined();
    expect(cluster.state).toMatchObject({ path: 'Delete', by: 'alice', until: time(cluster, HOLD_MS - 3_000) });
    lead(cluster, { handedOverAt: time(cluster), isolatedAt: time(cluster) });
    await cluster.clock.advance(1_000);
    expect(first.response).toBeUndefined();
    lead(cluster, { drainedAt: time(cluster) });
    await first.done;
    expect(first.response).toEqual({ uid: 'r1', allowed: true, auditAnnotations: { gate: 'Drained' } });
    const second = ask(cluster);
    await second.done;
    expect(second.response?.allowed).toBe(true);
    expect(cluster.patches).toHaveLength(1);
  });

  test('where there is a place to wait in: one more goes through, and is told', async () => {
    const cluster = new FakeCluster();
    const calls = Array.from({ length: MOST_HELD }, () => ask(cluster));
    await cluster.clock.advance(1_000);
    const writes = cluster.patches.length;
    const last = ask(cluster);
    await last.done;
    expect(last.response).toMatchObject({
      allowed: true,
      warnings: ['pod shop/web-1 is deleted before it is drained: too many deletions wait at once'],
      auditAnnotations: { gate: 'TooManyHeld' },
    });
    expect(cluster.patches).toHaveLength(writes);
    expect(calls.filter(({ response }) => response !== undefined)).toEqual([]);
    // Who goes leaves a place.
    calls[0]?.hangUp();
    await calls[0]?.done;
    const next = ask(cluster);
    await cluster.clock.advance(1_000);
    expect(next.response).toBeUndefined();
    lead(cluster, { drainedAt: time(cluster) });
    await next.done;
    expect(next.response?.allowed).toBe(true);
  });

  test('25 s at most; what the second call finds then is no reason to wait anew', async () => {
    const cluster = new FakeCluster();
    const first = ask(cluster);
    await cluster.clock.advance(HOLD_MS - 1);
    expect(first.response).toBeUndefined();
    await cluster.clock.advance(1);
    expect(first.response).toMatchObject({
      allowed: true,
      warnings: ['pod shop/web-1 is deleted before it is drained: it leaves its Services first'],
    });
    const second = ask(cluster);
    await second.done;
    expect(await cluster.answers()).toEqual(['NotDrainedInTime', 'Waited']);
    expect(cluster.patches).toHaveLength(1);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test('for what is left, when the second call comes in the middle', async () => {
    const cluster = new FakeCluster();
    const first = ask(cluster);
    await cluster.clock.advance(10_000);
    const second = ask(cluster);
    await cluster.clock.advance(14_999);
    expect([first.response, second.response]).toEqual([undefined, undefined]);
    await cluster.clock.advance(1);
    expect(second.response?.allowed).toBe(true);
  });

  test.each<[string, (cluster: FakeCluster) => void, string]>([
    ['the pod is gone', (cluster) => cluster.remove(), 'Gone'],
    [
      'the pod is terminating',
      (cluster) => void cluster.write({ deletionTimestamp: '2026-03-01T12:00:00Z' }),
      'Terminating',
    ],
    [
      'the pod is not ready any more',
      (cluster) => void cluster.write({}, { status: { phase: 'Running', conditions: [] } }),
      'NotServing',
    ],
  ])('until %s', async (_name, change, answer) => {
    const cluster = new FakeCluster();
    const call = ask(cluster);
    await cluster.clock.advance(1_000);
    change(cluster);
    await call.done;
    expect(call.response?.allowed).toBe(true);
    expect(await cluster.answers()).toEqual([answer]);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test('also for one that is not Ready and that proxies send to, until it waits for a replacement', async () => {
    const cluster = new FakeCluster({ listedReady: true });
    cluster.write({}, { status: { phase: 'Running', conditions: [] } });
    const call = ask(cluster);
    await cluster.clock.advance(1_000);
    expect(cluster.state?.path).toBe('Delete');
    expect(call.response).toBeUndefined();
    const asked: DrainState = { path: 'Delete', by: 'alice', askedAt: '2026-03-01T12:00:00Z' };
    cluster.setState({ ...asked, until: '2026-03-01T12:00:25Z', handedOverAt: '2026-03-01T12:00:01Z' });
    await call.done;
    expect(await cluster.answers()).toEqual(['NotServing']);
  });

  test('and is not woken by a cache that is older than what it wrote', async () => {
    const cluster = new FakeCluster();
    cluster.lagging = true;
    const call = ask(cluster);
    await cluster.clock.advance(1_000);
    // The cache shows once more what was before the intent.
    cluster.lagging = false;
    const { pod } = cluster;
    cluster.pod = { ...pod, metadata: { ...pod?.metadata, resourceVersion: '1', annotations: {} } } as typeof pod &
      object;
    cluster.show();
    await cluster.clock.advance(1_000);
    expect(cluster.patches).toHaveLength(1);
    cluster.pod = pod;
    cluster.show();
    lead(cluster, { drainedAt: time(cluster) });
    await call.done;
    expect(call.response?.allowed).toBe(true);
  });
});

describe('a pod that is in another drain', () => {
  test('scale-down: waits, and its end is noted for the second call', async () => {
    const cluster = new FakeCluster();
    cluster.setState({ path: 'ScaleDown', by: 'rs', askedAt: time(cluster) });
    const call = ask(cluster);
    await cluster.clock.advance(HOLD_MS - 1);
    expect(cluster.state).toMatchObject({ path: 'ScaleDown', by: 'rs', until: time(cluster, 1) });
    lead(cluster, { handedOverAt: time(cluster) });
    await cluster.clock.advance(1);
    expect(call.response?.warnings).toHaveLength(1);
    await ask(cluster).done;
    expect(await cluster.answers()).toEqual(['NotDrainedInTime', 'Waited']);
  });

  test('scale-down that is cancelled: then it is the person who asks', async () => {
    const cluster = new FakeCluster();
    cluster.setState({ path: 'ScaleDown', by: 'rs', askedAt: time(cluster) });
    const call = ask(cluster);
    await cluster.clock.advance(2_000);
    cluster.removeState();
    await cluster.clock.advance(0);
    expect(cluster.state).toEqual({
      path: 'Delete',
      by: 'alice',
      askedAt: time(cluster),
      until: time(cluster, HOLD_MS - 2_000),
    });
    await cluster.clock.advance(HOLD_MS - 2_000);
    expect(call.response?.warnings).toHaveLength(1);
  });

  test('eviction: is taken over before isolation', async () => {
    const cluster = new FakeCluster();
    cluster.setState({ path: 'Eviction', by: 'drain', askedAt: time(cluster), reason: 'the budget says no' });
    const call = ask(cluster);
    await cluster.clock.advance(0);
    expect(cluster.state).toMatchObject({ path: 'Delete', by: 'alice' });
    lead(cluster, { isolatedAt: time(cluster), drainedAt: time(cluster) });
    await call.done;
    expect(call.response?.allowed).toBe(true);
  });

  test('eviction: is joined after isolation, until the operator deletes', async () => {
    const cluster = new FakeCluster();
    cluster.setState({ path: 'Eviction', by: 'drain', askedAt: time(cluster), isolatedAt: time(cluster) });
    const call = ask(cluster);
    await cluster.clock.advance(1_000);
    expect(cluster.state).toMatchObject({ path: 'Eviction', by: 'drain', until: time(cluster, HOLD_MS - 1_000) });
    cluster.write({ deletionTimestamp: '2026-03-01T12:00:00Z' });
    await call.done;
    expect(await cluster.answers()).toEqual(['Terminating']);
  });

  test('a pod that is given back under the person again and again is let go after six writes', async () => {
    const cluster = new FakeCluster({
      onPatch: (there) => void setImmediate(() => there.removeState()),
    });
    const call = ask(cluster);
    await call.done;
    expect(cluster.patches).toHaveLength(6);
    expect(await cluster.answers()).toEqual(['WriteFailed']);
  });
});

describe('a hang-up', () => {
  test('before isolation gives the pod back', async () => {
    const cluster = new FakeCluster();
    const call = ask(cluster);
    await cluster.clock.advance(2_000);
    lead(cluster, { handedOverAt: time(cluster) });
    call.hangUp();
    await call.done;
    expect(cluster.state).toMatchObject({ abandonedAt: time(cluster), handedOverAt: time(cluster) });
    expect(await cluster.answers()).toEqual(['HungUp']);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test('after isolation changes nothing', async () => {
    const cluster = new FakeCluster();
    const call = ask(cluster);
    await cluster.clock.advance(2_000);
    lead(cluster, { isolatedAt: time(cluster) });
    const before = cluster.state;
    call.hangUp();
    await call.done;
    expect(cluster.state).toEqual(before);
  });

  test('that races with the isolation does not give up what is isolated', async () => {
    let race = false;
    const cluster = new FakeCluster({
      onPatch: (there) => {
        if (race) lead(there, { isolatedAt: time(there) });
        race = false;
      },
    });
    const call = ask(cluster);
    await cluster.clock.advance(2_000);
    race = true;
    call.hangUp();
    await call.done;
    expect(cluster.state?.isolatedAt).toBeDefined();
    expect(cluster.state?.abandonedAt).toBeUndefined();
  });

  test('during the write of the intent, which arrives all the same', async () => {
    const waiting: { hangUp?: () => void } = {};
    const cluster = new FakeCluster({
      onPatch: (there) => {
        if (waiting.hangUp === undefined) return;
        const asked = { path: 'Delete', by: 'alice', askedAt: time(there), until: time(there, HOLD_MS) } as const;
        there.setState(asked);
        waiting.hangUp();
        delete waiting.hangUp;
      },
    });
    const call = ask(cluster);
    waiting.hangUp = call.hangUp;
    await call.done;
    expect(cluster.state?.abandonedAt).toBeDefined();
  });

  test('of one who only joined leaves the drain alone', async () => {
    const cluster = new FakeCluster();
    const first = ask(cluster);
    const joined = ask(cluster, as('bob'));
    await cluster.clock.advance(1_000);
    joined.hangUp();
    await joined.done;
    expect(cluster.state?.abandonedAt).toBeUndefined();
    expect(first.response).toBeUndefined();
  });

  test('of the first of two leaves the pod to the second', async () => {
    const cluster = new FakeCluster();
    const first = ask(cluster);
    await cluster.clock.advance(1_000);
    const second = ask(cluster, as('bob'));
    await cluster.clock.advance(1_000);
    first.hangUp();
    await first.done;
    await cluster.clock.advance(0);
    expect(cluster.state).toMatchObject({ path: 'Delete', by: 'bob', until: time(cluster, HOLD_MS - 1_000) });
    expect(cluster.state?.abandonedAt).toBeUndefined();
    lead(cluster, { drainedAt: time(cluster) });
    await second.done;
    expect(second.response?.allowed).toBe(true);
  });

  test('costs at most 5 s when the API server does not answer', async () => {
    let hangs = false;
    const cluster = new FakeCluster({
      onPatch: async (there) => {
        if (hangs) await there.clock.sleep(5_001);
      },
    });
    const call = ask(cluster);
    await cluster.clock.advance(1_000);
    hangs = true;
    call.hangUp();
    await cluster.clock.advance(5_001);
    await call.done;
    expect(await cluster.answers()).toEqual(['HungUp']);
  });
});

test('a state of another pod of that name is none', async () => {
  const cluster = new FakeCluster();
  const drained: DrainState = { path: 'Delete', by: 'a', askedAt: time(cluster), drainedAt: time(cluster) };
  cluster.write({
    annotations: { 'graceful-rollout.io/drain': encodeState(drained, { ...identity, uid: 'p0' }, key) },
  });
  const call = ask(cluster);
  await cluster.clock.advance(1_000);
  expect(call.response).toBeUndefined();
  call.hangUp();
  await call.done;
  expect(cluster.state?.by).toBe('alice');
});
