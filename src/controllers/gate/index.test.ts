import { expect, test, vi } from 'vitest';
import { DRAIN_ANNOTATION } from '../../api/index.ts';
import { encodeState } from '../../gate/drainState.ts';
import { deploymentOwner, FakeGate, KEY, refusal, rsOwner, storedPod } from './gateFakes.ts';

test('a surplus pod is isolated and handed over in one write, verified, and let go with its uid', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(100);
  expect(gate.verbs()).toEqual(['patch a']);
  expect(gate.stored('a').metadata).toMatchObject({ labels: {}, ownerReferences: [deploymentOwner] });
  expect(gate.state('a')).toMatchObject({ isolatedAt: gate.state('a')?.handedOverAt, removedLabels: { app: 'web' } });

  // A slice that still lists it: nothing goes on.
  await gate.clock.advance(1_500);
  expect(gate.verbs()).toEqual(['patch a']);
  gate.list(['b', 'c']);
  await gate.clock.advance(100);
  expect(gate.verbs()).toEqual(['patch a', 'list ']);
  expect(gate.barriers).toBe(1);
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.calls.at(-1)).toMatchObject({ verb: 'delete', name: 'a', options: { preconditions: { uid: 'a' } } });

  gate.remove('a');
  await gate.clock.advance(100);
  expect(gate.ended).toMatchObject([{ pod: 'a', path: 'ScaleDown', outcome: 'Verified', proxies: { confirmed: 2 } }]);
  expect(gate.events.map(({ reason }) => reason)).toEqual(['Drained']);
  expect(gate.memory.peek('a')).toBeUndefined();
});

test('a conflict is looked at again, until the watch has brought the newer version', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.watching = false;
  gate.ask('a');
  gate.show('a');
  // Somebody else writes, and the watch is late.
  gate.put(gate.stored('a'));
  await gate.clock.advance(200);
  expect(gate.verbs().length).toBeGreaterThan(2);
  expect(gate.state('a')?.isolatedAt).toBeUndefined();
  gate.show('a');
  await gate.clock.advance(100);
  expect(gate.state('a')?.isolatedAt).toBeDefined();
});

test('a pod that went in between is no error, and its evidence is made when the watch says so', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.watching = false;
  gate.lead();
  gate.ask('a');
  gate.show('a');
  gate.pods.delete('a');
  await gate.clock.advance(1_000);
  expect(gate.verbs()).toContain('patch a');
  expect(gate.ended).toEqual([]);
  gate.show('a');
  await gate.clock.advance(100);
  expect(gate.ended).toMatchObject([{ pod: 'a', outcome: 'Ungated' }]);
});

test('another error is tried again after a back-off', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.failures.push({ verb: 'patch', error: refusal(500, 'InternalError') });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(1_000);
  expect(gate.verbs()).toEqual(['patch a', 'patch a']);
});

test('after an API server that failed for long, a pod in drain is looked at within seconds', async () => {
  const gate = new FakeGate({ replicas: 2 });
  for (let count = 0; count < 40; count += 1) {
    gate.failures.push({ verb: 'patch', error: refusal(500, 'InternalError') });
  }
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(300_000);
  // One a second or two of doubling delays, then one every five seconds.
  expect(gate.failures).toEqual([]);
  expect(gate.state('a')?.isolatedAt).toBeDefined();
});

test('what was written counts before the watch brings it back', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.watching = false;
  gate.ask('a');
  gate.show('a');
  await gate.clock.advance(100);
  expect(gate.verbs()).toEqual(['patch a']);
  // Looked at again with a cache that still shows the intent alone.
  gate.list(['b', 'c']);
  await gate.clock.advance(1_100);
  expect(gate.verbs()).toEqual(['patch a', 'list ']);
});

test('two surplus pods of one Service are decided one at a time: the last ready endpoint stays', async () => {
  const gate = new FakeGate({ pods: ['a', 'b'], replicas: 1 });
  gate.watching = false;
  for (const name of ['a', 'b']) gate.ask(name, { askedAt: '2026-01-01T11:59:50Z' });
  for (const name of ['a', 'b']) gate.show(name);
  gate.lead();
  await gate.clock.advance(3_000);
  // b is not surplus any more: its ReplicaSet wants one.
  expect(gate.verbs()).toEqual(['patch a', 'patch b']);
  expect(gate.state('a')?.isolatedAt).toBeDefined();
  expect(gate.stored('b').metadata).toMatchObject({ annotations: {}, labels: { app: 'web' } });
});

test('while one pod of a namespace is being written, no other is decided', async () => {
  const gate = new FakeGate({ replicas: 1 });
  gate.lead();
  const held = Promise.withResolvers<void>();
  gate.held = held.promise;
  gate.ask('a');
  gate.ask('b');
  await gate.clock.advance(5_000);
  expect(gate.verbs()).toEqual(['patch a']);
  held.resolve();
  await gate.clock.advance(100);
  expect(gate.verbs().slice(0, 2)).toEqual(['patch a', 'patch b']);
});

test('while one pod is being written, others that are isolated go on', async () => {
  const gate = new FakeGate({ replicas: 1 });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(100);
  gate.list(['b', 'c']);
  const held = Promise.withResolvers<void>();
  gate.held = held.promise;
  gate.ask('b');
  await gate.clock.advance(1_500);
  expect(gate.verbs()).toEqual(['patch a', 'patch b', 'list ']);
  held.resolve();
  await gate.clock.advance(100);
  expect(gate.memory.of('a').progress.slicesCleanAtMs).toBeDefined();
});

test('twenty pods of one namespace and an API server that takes a second for every call: all are let go in time', async () => {
  const names = Array.from({ length: 21 }, (_, index) => `p${index}`);
  const gate = new FakeGate({ pods: names, replicas: 1, claim: { endpointCheck: { timeoutSeconds: 30 } } });
  gate.latencyMs = 1_000;
  gate.lead();
  for (const name of names.slice(1)) gate.ask(name);
  for (let tenths = 0; tenths < 500; tenths += 1) {
    await gate.clock.advance(100);
    gate.list(names.filter((name) => gate.stored(name).metadata.labels?.['app'] === 'web'));
    gate.answer();
  }
  const gone = names.filter((name) => gate.stored(name).metadata.deletionTimestamp !== undefined);
  expect(gone).toEqual(names.slice(1));
  expect(gate.events).toEqual([]);
  for (const name of gone) expect(gate.memory.of(name).outcome, name).toBe('Verified');
});

test('a watch of slices that has fallen silent does not hold a pod until its limit: the API server is asked', async () => {
  const gate = new FakeGate({ replicas: 2 });
  const [slice] = gate.caches.slices.list();
  if (slice === undefined) throw new Error('no slice');
  gate.informers.slices.set({ ...slice, metadata: { ...slice.metadata, resourceVersion: '50' } });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(1_900);
  expect(gate.verbs()).toEqual(['patch a']);
  // Nothing of it reaches the cache.
  gate.slice.items = [];
  await gate.clock.advance(200);
  expect(gate.verbs()).toEqual(['patch a', 'list ']);
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.verbs().at(-1)).toBe('delete a');
  expect(gate.memory.of('a').outcome).toBe('Verified');
});

test('a barrier runs once at a time per pod; its end asks for the next look', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(50);
  gate.list(['b', 'c']);
  await gate.clock.advance(2_000);
  expect(gate.barriers).toBe(1);
  for (let poke = 0; poke < 5; poke += 1) {
    gate.put(gate.stored('a'));
    await gate.clock.advance(6_000);
  }
  expect(gate.barriers).toBe(1);
  gate.answer();
  await gate.clock.advance(0);
  expect(gate.verbs().at(-1)).toBe('delete a');
});

test('a barrier that fails is asked for again', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(50);
  gate.list(['b', 'c']);
  await gate.clock.advance(2_000);
  const failed = gate.barrier;
  gate.barrier = Promise.withResolvers();
  failed.reject(new Error('no'));
  await gate.clock.advance(0);
  expect(gate.barriers).toBe(2);
});

test('an answer that belongs to a drain that was called off counts for nothing', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await gate.clock.advance(100);
  expect(gate.state('a')?.handedOverAt).toBeDefined();
  gate.put(storedPod('b'));
  gate.list(['a', 'b']);
  await gate.clock.advance(100);
  expect(gate.barriers).toBe(1);
  const first = gate.barrier;
  gate.barrier = Promise.withResolvers();
  // The person goes away, the pod is given back; another one asks for it.
  gate.ask('a', { ...gate.state('a'), abandonedAt: gate.now() });
  await gate.clock.advance(100);
  expect(gate.stored('a').metadata).toMatchObject({ ownerReferences: [rsOwner], annotations: {} });
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  gate.list(['a']);
  await gate.clock.advance(100);
  first.resolve({ evidence: 'Barrier', atMs: gate.clock.nowMs(), confirmed: 2, silent: [] });
  await gate.clock.advance(100);
  expect(gate.state('a')?.path).toBe('Delete');
  expect(gate.memory.peek('a')?.progress.replacementKnown).toBeUndefined();
});

test.each([
  ['no JSON', '{'],
  ['a state with a wrong signature', '{"askedAt":"2026-01-01T12:00:00Z","by":"x","path":"ScaleDown","sig":"AAAA"}'],
  [
    'the state of another pod',
    encodeState(
      { path: 'ScaleDown', by: 'x', askedAt: '2026-01-01T12:00:00Z', isolatedAt: '2026-01-01T12:00:00Z' },
      { namespace: 'shop', name: 'b', uid: 'b' },
      KEY,
    ),
  ],
])('a forged state is taken off, with a warning, and nothing else is done: %s', async (_, text) => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  const { metadata } = gate.stored('a');
  gate.put({ ...gate.stored('a'), metadata: { ...metadata, annotations: { [DRAIN_ANNOTATION]: text, other: 'x' } } });
  await gate.clock.advance(10_000);
  expect(gate.verbs()).toEqual(['patch a']);
  expect(gate.calls[0]?.body).toMatchObject({ metadata: { uid: 'a', annotations: { [DRAIN_ANNOTATION]: null } } });
  expect(gate.stored('a').metadata).toMatchObject({ annotations: { other: 'x' }, labels: { app: 'web' } });
  expect(gate.events.map(({ reason }) => reason)).toEqual(['ForgedDrainState']);
});

test('without the key nothing is read and nothing is done', async () => {
  const gate = new FakeGate({ replicas: 2 });
  let key: Uint8Array | undefined;
  gate.lead(() => key);
  gate.ask('a');
  await gate.clock.advance(4_000);
  expect(gate.calls).toEqual([]);
  key = KEY;
  await gate.clock.advance(2_000);
  expect(gate.verbs()[0]).toBe('patch a');
});

test('a drain whose gate is switched off before isolation is called off, and leaves nothing behind', async () => {
  const gate = new FakeGate({ replicas: 2, claim: { endpointCheck: { mode: 'Off' } } });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(100);
  expect(gate.stored('a').metadata.annotations).toEqual({});
  expect(gate.terminations.follows('a')).toBe(false);
  expect(gate.memory.peek('a')).toBeUndefined();
  // Its later end is an end like any other.
  gate.terminate('a');
  gate.remove('a');
  await gate.clock.advance(100);
  expect(gate.ended).toEqual([]);
});

test('a state that somebody took off is forgotten', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Eviction' });
  await gate.clock.advance(100);
  expect(gate.terminations.follows('a')).toBe(true);
  gate.put({ ...gate.stored('a'), metadata: { ...gate.stored('a').metadata, annotations: {} } });
  await gate.clock.advance(100);
  expect(gate.terminations.follows('a')).toBe(false);
  expect(gate.memory.peek('a')).toBeUndefined();
});

test('who does not lead gathers no names; who begins to lead looks at what is there', async () => {
  const gate = new FakeGate({ replicas: 2 });
  const controller = gate.controller();
  gate.ask('a');
  gate.terminate('b');
  gate.remove('c');
  await gate.clock.advance(10_000);
  expect(gate.clock.pendingTimers).toBe(0);
  const asked: string[] = [];
  controller.enqueue = (key) => void asked.push(typeof key === 'string' ? key : key.name);
  const stop = new AbortController();
  const running = controller.run(stop.signal, stop.signal);
  expect(asked).toEqual(['a', 'b']);
  stop.abort();
  await running;
});

test('nothing is remembered of pods that are gone', async () => {
  const gate = new FakeGate({ replicas: 3 });
  gate.lead();
  gate.memory.note('long gone', { slicesCleanAtMs: 1 });
  gate.memory.pendingYes.set('shop/web', { podUid: 'long gone', atMs: 1 });
  gate.memory.markIsolated('long gone');
  gate.ask('a', { path: 'Eviction' });
  await gate.clock.advance(100);
  expect(gate.memory.peek('long gone')).toBeDefined();
  await gate.clock.advance(66_000);
  expect(gate.memory.peek('long gone')).toBeUndefined();
  expect(gate.memory.isIsolated('long gone')).toBe(false);
  expect(gate.memory.pendingYes.size).toBe(0);
  expect(gate.memory.peek('a')).toBeDefined();
});

test('changes in a namespace with many drains are gathered: not each of them is a look at every drain', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
  const gate = new FakeGate({ pods: names });
  const waiting = { path: 'Eviction', owner: rsOwner, handedOverAt: gate.now() } as const;
  for (const name of names) gate.ask(name, { ...waiting, reason: 'waiting' });
  gate.lead();
  await gate.clock.advance(1_000);
  const looks = vi.spyOn(gate.terminations, 'draining');
  for (let change = 0; change < 20; change += 1) {
    gate.list(names);
    await gate.clock.advance(10);
  }
  await gate.clock.advance(200);
  expect(looks.mock.calls.length).toBeGreaterThanOrEqual(40);
  expect(looks.mock.calls.length).toBeLessThanOrEqual(280);
});

test('it is let go once, and told once, though its watch is late and much changes around it', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(57_000);
  gate.watching = false;
  // Its slice never lets go of it: past the deadline it is let go all the same.
  for (let change = 0; change < 60; change += 1) {
    gate.list(['a', 'b', 'c']);
    await gate.clock.advance(100);
  }
  expect(gate.verbs().filter((verb) => verb === 'delete a')).toHaveLength(1);
  expect(gate.events.map(({ reason }) => reason)).toEqual(['DrainViolation']);
  // Still not: it is asked for again, and not told again.
  await gate.clock.advance(5_000);
  expect(gate.verbs().filter((verb) => verb === 'delete a')).toHaveLength(2);
  expect(gate.events).toHaveLength(1);
});
