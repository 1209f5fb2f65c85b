import { expect, test } from 'vitest';
import { deploymentOwner, FakeGate, refusal, rsOwner, storedPod } from './gateFakes.ts';

/** In small steps: answers of the API server must not meet a clock that has gone far ahead. */
async function pass(gate: FakeGate, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) await gate.clock.advance(100);
}

const inOrder = (gate: FakeGate): string[] => gate.verbs().filter((verb) => verb !== 'list ');

test('an eviction of the only pod: handed over, replaced, confirmed, and only then isolated', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Eviction' });
  await gate.clock.advance(100);
  expect(gate.stored('a').metadata).toMatchObject({ labels: { app: 'web' }, ownerReferences: [deploymentOwner] });
  expect(gate.state('a')?.reason).toContain('0 of 1 pods of ReplicaSet web-1 are Ready');

  // Ready, and not in the slice yet.
  gate.put(storedPod('b'));
  await gate.clock.advance(10_000);
  expect(gate.barriers).toBe(0);
  gate.list(['a', 'b']);
  await gate.clock.advance(100);
  expect(gate.barriers).toBe(1);
  expect(gate.state('a')?.isolatedAt).toBeUndefined();
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.state('a')).toMatchObject({ isolatedAt: gate.state('a')?.isolatedAt, replacedAt: expect.any(String) });
  expect(gate.stored('a').metadata.labels).toEqual({});

  gate.list(['b']);
  await gate.clock.advance(1_100);
  expect(gate.barriers).toBe(2);
  gate.answer();
  await gate.clock.advance(100);
  expect(inOrder(gate).at(-1)).toBe('delete a');
});

test('under a budget the API server is asked every 5 s; no keeps the pod serving, yes isolates it', async () => {
  const gate = new FakeGate({ replicas: 2 });
  const budget = {
    metadata: { namespace: 'shop', name: 'web', resourceVersion: '1' },
    selector: { matchLabels: { app: 'web' } },
    disruptionsAllowed: 0,
    observed: true,
  };
  gate.informers.budgets.set(budget);
  gate.evictionAnswer = refusal(429, 'TooManyRequests', 'Cannot evict pod');
  gate.lead();
  gate.ask('a', { path: 'Eviction' });
  await gate.clock.advance(100);
  gate.answer();
  await pass(gate, 12_000);
  expect(gate.verbs().filter((verb) => verb === 'create a')).toHaveLength(3);
  expect(gate.stored('a').metadata.labels).toEqual({ app: 'web' });
  expect(gate.state('a')?.reason).toBe('Cannot evict pod');
  gate.evictionAnswer = undefined;
  await pass(gate, 5_000);
  expect(gate.state('a')?.isolatedAt).toBeDefined();
  // The next pod under that budget waits until the budget has counted this one.
  gate.ask('b', { path: 'Eviction' });
  gate.put(storedPod('d'));
  gate.put(storedPod('e'));
  gate.list(['b', 'c', 'd', 'e']);
  for (let second = 0; second < 10; second += 1) {
    gate.answer();
    await pass(gate, 1_000);
  }
  expect(gate.state('b')?.reason).toContain('has not counted the last pod that left yet');
  expect(gate.verbs()).not.toContain('create b');
  gate.informers.budgets.set({ ...budget, metadata: { ...budget.metadata, resourceVersion: '2' } });
  await pass(gate, 2_000);
  expect(gate.state('b')?.isolatedAt).toBeDefined();
});

test("a person's request: isolated, verified, told; the operator does not delete", async () => {
  const gate = new FakeGate();
  gate.lead();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await gate.clock.advance(100);
  gate.list(['b', 'c']);
  await gate.clock.advance(1_100);
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.state('a')?.drainedAt).toBeDefined();
  await gate.clock.advance(20_000);
  expect(inOrder(gate)).toEqual(['patch a', 'patch a']);
  // Nobody deleted it: 5 s after the end of the wait the operator does.
  await gate.clock.advance(10_000);
  expect(inOrder(gate).at(-1)).toBe('delete a');
});

test('a person who hangs up before isolation gives the pod back', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await gate.clock.advance(100);
  gate.ask('a', { ...gate.state('a'), abandonedAt: gate.now() });
  await gate.clock.advance(100);
  expect(gate.stored('a').metadata).toMatchObject({ annotations: {}, ownerReferences: [rsOwner] });
});

test('another leader goes on with what is on the pod, and asks anew what is not', async () => {
  const first = new FakeGate({ replicas: 2 });
  first.lead();
  first.ask('a');
  await first.clock.advance(100);
  first.list(['b', 'c']);
  await first.clock.advance(1_100);
  expect(first.barriers).toBe(1);

  const second = new FakeGate({ replicas: 2 });
  for (const pod of first.pods.values()) second.put(pod);
  second.list(['b', 'c']);
  second.clock.jump(2_000);
  second.lead();
  await second.clock.advance(100);
  expect(second.verbs()).toEqual(['list ']);
  expect(second.barriers).toBe(1);
  second.answer();
  await second.clock.advance(100);
  expect(inOrder(second)).toEqual(['delete a']);
});

test('past its time limit an isolated pod is let go, whatever is missing, and that is told', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await pass(gate, 59_000);
  expect(inOrder(gate)).toEqual(['patch a']);
  await pass(gate, 6_000);
  expect(inOrder(gate)).toEqual(['patch a', 'delete a']);
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation' }]);
  expect(gate.events[0]?.note).toContain('its removal from the EndpointSlices was not seen');
});
