import { expect, test } from 'vitest';
import { DRAIN_ANNOTATION } from '../../api/index.ts';
import { DEFAULT_GATE_SETTINGS } from '../../gate/settings.ts';
import type { DrainState, GateStep } from '../../gate/types.ts';
import { silentLogger } from '../../runtime/index.ts';
import { claim, deploymentOwner, FakeGate, KEY, refusal, rsOwner } from './gateFakes.ts';
import { observe } from './observe.ts';

const signal = new AbortController().signal;

/** Takes one step for pod `a` as it is stored. */
async function act(gate: FakeGate, step: GateStep, given: Partial<DrainState> = {}) {
  const pod = gate.view('a');
  const written = gate.state('a');
  const state: DrainState = { path: 'Eviction', by: 'drainer', askedAt: gate.now(), ...written, ...given };
  const { caches, memory, clock } = gate;
  const common = { pod, state, key: KEY, settings: DEFAULT_GATE_SETTINGS };
  const podMonitors = { selectorsIn: () => [] };
  const observation = observe({
    ...common,
    caches,
    memory,
    podMonitors,
    routes: { routeTo: () => undefined },
    nowMs: clock.nowMs(),
    monoMs: clock.monotonicMs(),
  });
  return gate.actions.act(step, { ...common, observation, claim: claim(), context: { signal, log: silentLogger } });
}

const budget = (resourceVersion: string) => ({
  metadata: { namespace: 'shop', name: 'web', resourceVersion },
  selector: { matchLabels: { app: 'web' } },
  disruptionsAllowed: 1,
  observed: true,
});
const isolate: GateStep = { do: 'Isolate', labels: { app: 'web' }, handOver: true, collateral: [] };

test('every write of a pod names its uid, its version and the field manager of the gate', async () => {
  const gate = new FakeGate();
  const { resourceVersion } = gate.stored('a').metadata;
  expect(await act(gate, { do: 'HandOver' })).toEqual({ again: true });
  expect(gate.calls).toMatchObject([
    {
      verb: 'patch',
      body: { metadata: { uid: 'a', resourceVersion, ownerReferences: [deploymentOwner] } },
      options: { fieldManager: 'graceful-rollout-gate' },
    },
  ]);
  expect(gate.stored('a').metadata.labels).toEqual({ app: 'web' });
  expect(gate.state('a')).toMatchObject({ owner: rsOwner, handedOverAt: gate.now() });
});

test('calling off takes the state off, giving back the owner too', async () => {
  const gate = new FakeGate();
  gate.ask('a');
  await act(gate, { do: 'Cancel', reason: 'why' }, { path: 'ScaleDown' });
  expect(gate.stored('a').metadata).toMatchObject({ annotations: {}, ownerReferences: [rsOwner] });
  expect(gate.events).toEqual([]);

  gate.ask('a', { path: 'Eviction' });
  await act(gate, { do: 'HandOver' });
  gate.memory.note('a', { slicesCleanAtMs: 1 });
  expect(await act(gate, { do: 'GiveBack', reason: 'nobody asks' })).toEqual({});
  expect(gate.stored('a').metadata).toMatchObject({ annotations: {}, ownerReferences: [rsOwner] });
  expect(gate.memory.peek('a')).toBeUndefined();
  expect(gate.events).toMatchObject([{ reason: 'EvictionGivenUp', note: 'pod shop/a goes on serving: nobody asks' }]);
});

test('nothing is handed over to a Deployment that is gone', async () => {
  const gate = new FakeGate();
  gate.informers.deployments.remove('shop/web', 'deployment');
  expect(await act(gate, { do: 'HandOver' })).toEqual({ afterMs: 5_000 });
  expect(gate.calls).toEqual([]);
});

test('a write that is refused leaves no trace in memory', async () => {
  const gate = new FakeGate();
  gate.failures.push({ verb: 'patch', error: refusal(409, 'Conflict') });
  await expect(act(gate, isolate)).rejects.toThrow('Conflict');
  expect(gate.memory.isIsolated('a')).toBe(false);
  expect(gate.events).toEqual([]);
});

test('isolation names what loses the pod with the label', async () => {
  const gate = new FakeGate();
  await act(gate, { ...isolate, collateral: [{ key: 'app', by: 'NetworkPolicy deny' }] });
  expect(gate.memory.isIsolated('a')).toBe(true);
  expect(gate.events).toMatchObject([{ reason: 'IsolationCollateral' }]);
  expect(gate.events[0]?.note).toContain('NetworkPolicy deny (label app)');
});

test("a budget's yes is kept until isolation, which notes the version to wait beyond", async () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('7'));
  expect(await act(gate, { do: 'AskBudget' })).toEqual({ again: true });
  expect(gate.memory.of('a').progress.budget).toMatchObject({ allowed: true });
  expect(gate.memory.pendingYes.get('shop/web')).toMatchObject({ podUid: 'a', atMs: gate.clock.nowMs() });
  await act(gate, isolate);
  expect(gate.memory.pendingYes.get('shop/web')?.isolatedAtVersion).toBe('7');
});

test('a pod that no Service selects has nothing to be isolated from: its budget is waited for from its deletion on', async () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('7'));
  await act(gate, { do: 'AskBudget' });
  await act(gate, { do: 'LetGo', outcome: 'Verified' });
  expect(gate.memory.pendingYes.get('shop/web')?.isolatedAtVersion).toBe('7');
});

test("a budget's no is noted with its words, and holds nobody else up", async () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('7'));
  gate.evictionAnswer = refusal(429, 'TooManyRequests', 'not now');
  expect(await act(gate, { do: 'AskBudget' })).toEqual({ again: true });
  expect(gate.memory.of('a').progress.budget).toMatchObject({ allowed: false, message: 'not now' });
  expect(gate.memory.pendingYes.size).toBe(0);
});

test.each([
  ['it is gone', refusal(404, 'NotFound')],
  ['another pod has its name', refusal(409, 'Conflict', 'the UID in the precondition does not match')],
  ['it goes', undefined],
])('letting go is done when %s, and says what was not kept', async (_, error) => {
  const gate = new FakeGate();
  if (error !== undefined) gate.failures.push({ verb: 'delete', error });
  const step = { do: 'LetGo', outcome: 'DeadlinePassed', violation: 'too late' } as const;
  expect(await act(gate, step, { isolatedAt: gate.now() })).toEqual({ afterMs: 5_000 });
  expect(gate.calls[0]).toMatchObject({ verb: 'delete' });
  expect(gate.calls[0]?.options['preconditions']).toEqual({ uid: 'a' });
  expect(gate.calls[0]?.options).not.toHaveProperty('gracePeriodSeconds');
  expect(gate.events).toEqual([{ reason: 'DrainViolation', note: 'too late' }]);
  expect(gate.memory.of('a')).toMatchObject({ outcome: 'DeadlinePassed', violation: 'too late' });
});

test('what was not isolated is let go as it was seen, or looked at again: somebody may have called it off', async () => {
  const gate = new FakeGate();
  const { resourceVersion } = gate.stored('a').metadata;
  gate.failures.push({ verb: 'delete', error: refusal(409, 'Conflict', 'the ResourceVersion does not match') });
  const step = { do: 'LetGo', outcome: 'LastEndpoint', violation: 'the last' } as const;
  await expect(act(gate, step)).rejects.toThrow('ResourceVersion');
  expect(gate.calls[0]?.options['preconditions']).toEqual({ uid: 'a', resourceVersion });
  expect(gate.memory.of('a').outcome).toBeUndefined();
  expect(gate.events).toEqual([]);
});

test('letting go that failed is tried again, and told once', async () => {
  const gate = new FakeGate();
  gate.failures.push({ verb: 'delete', error: refusal(503, 'ServiceUnavailable') });
  const step = { do: 'LetGo', outcome: 'LastEndpoint', violation: 'the last' } as const;
  await expect(act(gate, step)).rejects.toThrow('ServiceUnavailable');
  expect(gate.events).toEqual([]);
  await act(gate, step);
  expect(gate.events).toHaveLength(1);
});

test('a reason is written when it changes, and at most every 10 s', async () => {
  const gate = new FakeGate();
  gate.ask('a', { path: 'Eviction' });
  const wait = (reason: string) => act(gate, { do: 'Wait', reason, forMs: 60_000 });
  expect(await wait('1 of 2')).toEqual({ afterMs: 5_000 });
  expect(gate.state('a')?.reason).toBe('1 of 2');
  await wait('1 of 2');
  await wait('2 of 2');
  expect(gate.verbs()).toEqual(['patch a']);
  await gate.clock.advance(10_000);
  await wait('2 of 2');
  expect(gate.state('a')?.reason).toBe('2 of 2');
  expect(gate.verbs()).toEqual(['patch a', 'patch a']);
});

test.each<[string, Partial<DrainState>]>([
  ['a scale-down: nobody is told', { path: 'ScaleDown' }],
  ['an isolated pod: nobody waits for a reason', { isolatedAt: '2026-01-01T12:00:00Z' }],
])('no reason is written for %s', async (_, state) => {
  const gate = new FakeGate();
  expect(await act(gate, { do: 'Wait', reason: 'x', forMs: 300 }, state)).toEqual({ afterMs: 300 });
  expect(gate.calls).toEqual([]);
});

test('people hear of an eviction that waits for a minute, and once a minute', async () => {
  const gate = new FakeGate();
  gate.ask('a', { path: 'Eviction', by: 'drainer' });
  for (let second = 0; second < 150; second += 5) {
    await act(gate, { do: 'Wait', reason: 'no node has room' });
    await gate.clock.advance(5_000);
  }
  expect(gate.events).toMatchObject([{ reason: 'EvictionWaiting' }, { reason: 'EvictionWaiting' }]);
  expect(gate.events[0]?.note).toBe('the eviction of pod shop/a by drainer waits: no node has room');
  expect(gate.verbs()).toEqual(['patch a']);
});

test('a pod that no slice was seen to list waits a second for its entry', async () => {
  const gate = new FakeGate();
  gate.list([]);
  const isolatedAt = gate.now();
  expect(await act(gate, { do: 'VerifySlices' }, { isolatedAt })).toEqual({ afterMs: 1_000 });
  expect(gate.calls).toEqual([]);
  gate.clock.jump(1_000);
  expect(await act(gate, { do: 'VerifySlices' }, { isolatedAt })).toEqual({ again: true });
  expect(gate.memory.of('a').progress.slicesCleanAtMs).toBe(gate.clock.nowMs());
});

test('the cache alone is no proof: the API server is asked, and asked again while a slice lists the pod', async () => {
  const gate = new FakeGate();
  gate.memory.of('a').listed = true;
  expect(await act(gate, { do: 'VerifySlices' }, { isolatedAt: gate.now() })).toEqual({ afterMs: 2_000 });
  const { items } = gate.slice;
  gate.list(['b', 'c']);
  gate.slice.items = items;
  expect(await act(gate, { do: 'VerifySlices' }, { isolatedAt: gate.now() })).toEqual({ afterMs: 200 });
  gate.slice.items = [];
  expect(await act(gate, { do: 'VerifySlices' }, { isolatedAt: gate.now() })).toEqual({ again: true });
  expect(gate.verbs()).toEqual(['list ', 'list ']);
});

const check = { httpGet: { path: '/', port: 1, scheme: 'HTTP' }, timeoutSeconds: 1 } as const;

test('the application is asked once at a time, and what it never said is told', async () => {
  const gate = new FakeGate();
  const { spec, metadata } = gate.stored('a');
  gate.put({ spec, metadata, status: { phase: 'Running' } });
  const looks = [act(gate, { do: 'CheckDrained', check }), act(gate, { do: 'CheckDrained', check })];
  expect(await Promise.all(looks)).toEqual([{ afterMs: 5_000 }, { afterMs: 5_000 }]);
  await gate.clock.advance(0);
  expect(gate.memory.of('a').progress).toMatchObject({
    drained: { met: false },
    drainedAskedMs: gate.clock.monotonicMs(),
  });
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation' }]);
  expect(gate.events[0]?.note).toContain('the pod has no address');
});

test('an answer of the application from before a slice listed the pod again does not count', async () => {
  const gate = new FakeGate();
  gate.memory.note('a', { slicesCleanAtMs: gate.clock.nowMs() });
  const { spec, metadata } = gate.stored('a');
  gate.put({ spec, metadata, status: { phase: 'Running' } });
  const looked = act(gate, { do: 'CheckDrained', check });
  gate.memory.unverify('a', true);
  await looked;
  await gate.clock.advance(0);
  expect(gate.memory.of('a').running.has('drained')).toBe(false);
  expect(gate.memory.of('a').progress).not.toHaveProperty('drained');
  expect(gate.events).toEqual([]);
});

test('what was decided before a slice listed the pod again is no part of its end', () => {
  const gate = new FakeGate();
  Object.assign(gate.memory.of('a'), { outcome: 'LastEndpoint', violation: 'last' });
  gate.memory.unverify('a', true);
  expect(gate.memory.of('a')).toMatchObject({ listed: true });
  expect(gate.memory.of('a')).not.toHaveProperty('outcome');
  expect(gate.memory.of('a')).not.toHaveProperty('violation');
});

test('a person’s request is told that the drain is over', async () => {
  const gate = new FakeGate();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  expect(await act(gate, { do: 'MarkDrained', outcome: 'Verified' })).toEqual({ again: true });
  expect(gate.state('a')).toMatchObject({ path: 'Delete', drainedAt: gate.now() });
  expect(gate.memory.of('a').outcome).toBe('Verified');
  expect(gate.events).toEqual([]);
});

test('a person’s request that goes on although not everything was checked is a violation', async () => {
  const gate = new FakeGate();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await act(gate, { do: 'MarkDrained', outcome: 'DeadlinePassed', violation: 'too late' });
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation', note: 'too late' }]);
  expect(gate.memory.of('a').violation).toBe('too late');
});

test.each(['LetGo', 'MarkDrained'] as const)('the last endpoint on its node is told of, once: %s', async (step) => {
  const gate = new FakeGate();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await act(gate, { do: step, outcome: 'LastOnNode' });
  if (step === 'LetGo') await act(gate, { do: step, outcome: 'LastOnNode' });
  expect(gate.events).toMatchObject([{ reason: 'LastOnNode' }]);
  expect(gate.memory.of('a')).toMatchObject({ outcome: 'LastOnNode' });
  expect(gate.memory.of('a').violation).toBeUndefined();
});

test('a pod whose own ReplicaSet deleted it goes back to it; one that we let go does not', async () => {
  const gate = new FakeGate();
  gate.ask('a');
  await act(gate, { do: 'HandOver' });
  gate.terminate('a');
  const state = gate.state('a') ?? { path: 'ScaleDown', by: '', askedAt: '' };
  gate.memory.of('a').outcome = 'Verified';
  await gate.actions.returnToReplicaSet(gate.view('a'), state, signal);
  expect(gate.stored('a').metadata.ownerReferences).toEqual([deploymentOwner]);
  gate.memory.forget('a');
  await gate.actions.returnToReplicaSet(gate.view('a'), state, signal);
  expect(gate.stored('a').metadata.ownerReferences).toEqual([rsOwner]);
  expect(gate.stored('a').metadata.annotations).toHaveProperty([DRAIN_ANNOTATION]);
});
