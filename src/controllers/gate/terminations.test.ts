import { expect, test } from 'vitest';
import { DEFAULT_GATE_SETTINGS } from '../../gate/settings.ts';
import type { DrainState } from '../../gate/types.ts';
import { claim, FakeGate } from './gateFakes.ts';

const observing = { ...DEFAULT_GATE_SETTINGS, mode: 'Observe' } as const;
const off = { ...DEFAULT_GATE_SETTINGS, mode: 'Off' } as const;
const ref = { namespace: 'shop', name: 'a' };

test.each([
  ['before the proxies let go of it: they took longer than the sleep', 7_000, -2, ['DrainViolation']],
  ['after', 3_000, 2, []],
])('mode Observe: SIGTERM %s', async (_, proxiesMs, margin, events) => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['a', 'b', 'c'], ['a']);
  expect(gate.terminations.ending(gate.view('a'), undefined, claim(), observing)).toEqual({});
  expect(gate.barriers).toBe(1);
  await gate.clock.advance(proxiesMs);
  gate.answer();
  await gate.clock.advance(1_000);
  gate.terminations.gone(ref);
  // preStop 5 s; the deletion is read from the deletionTimestamp.
  expect(gate.ended).toMatchObject([{ pod: 'a', path: 'Ungated', outcome: 'Ungated', proxies: { confirmed: 2 } }]);
  const [evidence] = gate.ended;
  expect(((evidence?.sigtermAtMs ?? 0) - (evidence?.proxies?.atMs ?? 0)) / 1000).toBe(margin);
  expect(gate.events.map(({ reason }) => reason)).toEqual(events);
  expect(gate.memory.peek('a')).toBeUndefined();
  expect(gate.evidence.of('shop/gr')).toHaveLength(1);
});

test('the proxies are asked when no slice has it as ready, and once', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  expect(gate.terminations.ending(gate.view('a'), undefined, claim(), observing)).toEqual({ afterMs: 50 });
  expect(gate.barriers).toBe(0);
  gate.list(['b', 'c']);
  for (let look = 0; look < 3; look += 1) gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  expect(gate.barriers).toBe(1);
  gate.answer();
  await gate.clock.advance(0);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  expect(gate.barriers).toBe(1);
});

test('a barrier that fails is asked for again at the next look', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list([]);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.barrier.reject(new Error('no'));
  await gate.clock.advance(0);
  gate.barrier = Promise.withResolvers();
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  expect(gate.barriers).toBe(2);
});

test('a pod that is gone before the proxies have let go of it: its evidence waits for them, and is a violation', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['b', 'c']);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.terminations.gone(ref);
  gate.terminations.gone(ref);
  expect(gate.ended).toEqual([]);
  expect(gate.terminations.follows('a')).toBe(true);
  await gate.clock.advance(9_000);
  gate.answer();
  await gate.clock.advance(0);
  expect(gate.memory.peek('a')).toBeUndefined();
  expect(gate.ended).toMatchObject([{ pod: 'a', proxies: { confirmed: 2 } }]);
  const [evidence] = gate.ended;
  expect((evidence?.proxies?.atMs ?? 0) - (evidence?.goneAtMs ?? 0)).toBe(9_000);
  expect(gate.events.map(({ reason }) => reason)).toEqual(['DrainViolation']);
  expect(gate.barriers).toBe(1);
});

test('a pod that is gone while slices still have it as ready: the proxies are asked after those', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['a', 'b']);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.terminations.gone(ref);
  await gate.clock.advance(1_000);
  expect([gate.barriers, gate.ended.length]).toEqual([0, 0]);
  gate.list(['b']);
  await gate.clock.advance(100);
  expect(gate.barriers).toBe(1);
  gate.answer();
  await gate.clock.advance(0);
  expect(gate.ended).toHaveLength(1);
});

test('a pod that somebody’s slice lists for ever: the evidence comes without the proxies', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['a', 'b']);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.terminations.gone(ref);
  await gate.clock.advance(11_000);
  expect([gate.barriers, gate.ended.length]).toEqual([0, 1]);
  expect(gate.ended[0]?.proxies).toBeUndefined();
  expect(gate.memory.peek('a')).toBeUndefined();
});

test('a barrier that fails for a pod that is gone: the evidence comes without it', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list([]);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.terminations.gone(ref);
  gate.barrier.reject(new Error('no'));
  await gate.clock.advance(0);
  expect(gate.ended).toHaveLength(1);
  expect(gate.ended[0]?.proxies).toBeUndefined();
});

test('the delete that the kubelet ends a pod with does not move the time of its SIGTERM', async () => {
  const gate = new FakeGate();
  const startMs = gate.clock.nowMs();
  gate.terminate('a');
  gate.list(['b', 'c']);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.answer();
  await gate.clock.advance(9_000);
  const pod = gate.view('a');
  const last = { deletionTimestamp: gate.now(), deletionGracePeriodSeconds: 0 };
  gate.terminations.ending({ ...pod, metadata: { ...pod.metadata, ...last } }, undefined, claim(), observing);
  gate.terminations.gone(ref);
  const [evidence] = gate.ended;
  expect([evidence?.deletedAtMs, evidence?.sigtermAtMs]).toEqual([startMs, startMs + 5_000]);
});

test('a pod that is first seen when the kubelet has ended it: nobody knows when it got SIGTERM', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['b', 'c']);
  const pod = gate.view('a');
  const last = { deletionTimestamp: gate.now(), deletionGracePeriodSeconds: 0 };
  gate.terminations.ending({ ...pod, metadata: { ...pod.metadata, ...last } }, undefined, claim(), observing);
  gate.answer();
  await gate.clock.advance(0);
  gate.terminations.gone(ref);
  expect(gate.ended).toHaveLength(1);
  expect(gate.ended[0]).not.toHaveProperty('sigtermAtMs');
  expect(gate.events).toEqual([]);
});

test.each([
  ['the leader before let go: when its proxies followed is not known, and no violation', false, 0],
  ['this leader has seen in drain, and somebody else deletes: the proxies are asked', true, 1],
])('an isolated pod that %s', async (_, seen, barriers) => {
  const gate = new FakeGate();
  const state: DrainState = { path: 'Eviction', by: 'drainer', askedAt: gate.now(), isolatedAt: gate.now() };
  if (seen) gate.memory.note('a', { sights: { lookedMs: 0, of: new Map() } });
  gate.terminate('a');
  gate.list(['b', 'c']);
  gate.terminations.ending(gate.view('a'), state, claim(), { ...DEFAULT_GATE_SETTINGS, mode: 'Gate' });
  expect(gate.barriers).toBe(barriers);
  await gate.clock.advance(9_000);
  gate.answer();
  await gate.clock.advance(0);
  gate.terminations.gone(ref);
  expect(gate.ended).toHaveLength(1);
  expect(gate.ended[0]?.proxies === undefined).toBe(!seen);
  expect(gate.events.map(({ reason }) => reason).includes('DrainViolation')).toBe(seen);
});

test('a pod that is gone while a barrier of its own drain runs: its evidence comes when that has ended', () => {
  const gate = new FakeGate();
  const state: DrainState = { path: 'Delete', by: 'me', askedAt: gate.now(), isolatedAt: gate.now() };
  gate.memory.note('a', { sights: { lookedMs: 0, of: new Map() } });
  gate.memory.of('a').running.add('proxies');
  gate.terminate('a');
  gate.list(['b', 'c']);
  gate.terminations.ending(gate.view('a'), state, claim(), { ...DEFAULT_GATE_SETTINGS, mode: 'Gate' });
  gate.terminations.gone(ref);
  gate.terminations.gone(ref);
  expect([gate.barriers, gate.ended.length]).toEqual([0, 0]);
  gate.memory.of('a').running.delete('proxies');
  gate.terminations.gone(ref);
  expect(gate.ended).toHaveLength(1);
  expect(gate.terminations.follows('a')).toBe(false);
  expect(gate.memory.peek('a')).toBeUndefined();
});

test('pods of nobody, and of mode Off, are not followed', () => {
  const gate = new FakeGate();
  gate.terminate('a');
  expect(gate.terminations.ending(gate.view('a'), undefined, undefined, off)).toEqual({});
  gate.terminations.gone(ref);
  expect(gate.memory.peek('a')).toBeUndefined();
  expect([gate.barriers, gate.ended.length]).toEqual([0, 0]);
});

test('a drain that was begun is followed to its end, whatever is switched off meanwhile', () => {
  const gate = new FakeGate();
  const state: DrainState = { path: 'Eviction', by: 'drainer', askedAt: gate.now(), isolatedAt: gate.now() };
  gate.terminations.draining(gate.view('a'), state, claim());
  expect(gate.news).toEqual(['gr']);
  gate.memory.of('a').outcome = 'DeadlinePassed';
  gate.memory.of('a').violation = 'too late';
  gate.terminate('a');
  gate.list([]);
  gate.terminations.ending(gate.view('a'), undefined, undefined, off);
  gate.terminations.gone(ref);
  gate.terminations.gone(ref);
  expect(gate.ended).toMatchObject([
    { path: 'Eviction', by: 'drainer', outcome: 'DeadlinePassed', violation: 'too late' },
  ]);
  expect(gate.evidence.of('shop/gr')).toHaveLength(1);
});

test('a drain that was called off is no part of the pod’s later end', async () => {
  const gate = new FakeGate();
  gate.terminations.draining(gate.view('a'), { path: 'Eviction', by: 'x', askedAt: gate.now() }, claim());
  expect(gate.terminations.follows('a')).toBe(true);
  gate.terminations.calledOff(gate.view('a'));
  expect(gate.terminations.follows('a')).toBe(false);
  gate.terminate('a');
  gate.list([]);
  gate.terminations.ending(gate.view('a'), undefined, claim(), observing);
  gate.terminations.gone(ref);
  gate.answer();
  await gate.clock.advance(0);
  expect(gate.ended).toMatchObject([{ path: 'Ungated' }]);
  expect(gate.ended[0]).not.toHaveProperty('by');
});

test('a pod that never was Ready had no proxy to leave: no margin, no violation', async () => {
  const gate = new FakeGate();
  gate.terminate('a');
  gate.list(['b', 'c']);
  const young = { ...gate.view('a'), ready: false };
  expect(gate.terminations.ending(young, undefined, claim(), observing)).toEqual({});
  expect(gate.barriers).toBe(0);
  await gate.clock.advance(1_000);
  gate.terminations.gone(ref);
  expect(gate.ended).toHaveLength(1);
  expect(gate.ended[0]?.proxies).toBeUndefined();
  expect(gate.events).toEqual([]);
});

test('a pod that is deleted when a person has waited in vain is told of', async () => {
  const gate = new FakeGate();
  const state: DrainState = { path: 'Delete', by: 'me', askedAt: gate.now(), until: gate.now() };
  gate.terminations.draining(gate.view('a'), state, claim());
  gate.terminate('a');
  gate.list(['b', 'c']);
  gate.terminations.ending(gate.view('a'), state, claim(), { ...DEFAULT_GATE_SETTINGS, mode: 'Gate' });
  gate.terminations.gone(ref);
  gate.answer();
  await gate.clock.advance(0);
  expect(gate.ended).toMatchObject([{ path: 'Delete', by: 'me', outcome: 'DeadlinePassed' }]);
  expect(gate.events.map(({ reason }) => reason)).toEqual(['DrainViolation', 'Drained']);
});
