import { expect, test } from 'vitest';
import { TransportError } from '../../kube/index.ts';
import { type Call, FakeGate, refusal, rsOwner, storedPod } from './gateFakes.ts';
import { refusalOf } from './refusals.ts';

const policy = 'pods "a" is forbidden: pods must carry the label app';

/** The API server refuses the next so many calls. */
function refuse(gate: FakeGate, verb: Call['verb'], times: number): void {
  for (let left = times; left > 0; left -= 1) gate.failures.push({ verb, error: refusal(403, 'Forbidden', policy) });
}

/** In small steps: answers of the API server must not meet a clock that has gone far ahead. */
async function pass(gate: FakeGate, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) await gate.clock.advance(100);
}

test.each([
  [400, 'BadRequest', 'no'],
  [403, 'Forbidden', 'no'],
  [405, 'MethodNotAllowed', 'no'],
  [422, 'Invalid', 'no'],
  [500, 'InternalError', 'Internal error occurred: failed calling webhook "x": connection refused'],
])('%i %s is a refusal', (code, reason, message) => {
  expect(refusalOf(refusal(code, reason, message))).toBe(message);
});

test.each([
  [401, 'Unauthorized'],
  [404, 'NotFound'],
  [409, 'Conflict'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
])('%i %s is none', (code, reason) => {
  expect(refusalOf(refusal(code, reason))).toBeUndefined();
});

test('no answer is none', () => {
  expect(refusalOf(new TransportError({ method: 'GET', path: '/' }, 'deadline', 'no answer'))).toBeUndefined();
});

test('a surplus pod that may not be isolated is deleted after 15 s, with its uid, and people are told why', async () => {
  const gate = new FakeGate({ replicas: 2 });
  refuse(gate, 'patch', 100);
  gate.lead();
  gate.ask('a');
  for (let seconds = 0; seconds < 14; seconds += 1) {
    await pass(gate, 1_000);
    // Whatever happens in the namespace, it is tried every 2 s.
    gate.put(gate.stored('b'));
  }
  expect(gate.verbs()).toEqual(Array.from({ length: 7 }, () => 'patch a'));
  expect(gate.events).toEqual([]);
  await pass(gate, 5_000);
  expect(gate.calls.at(-1)).toMatchObject({ verb: 'delete', name: 'a', options: { preconditions: { uid: 'a' } } });
  expect(gate.verbs().filter((verb) => verb === 'delete a')).toHaveLength(1);
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation' }]);
  expect(gate.events[0]?.note).toContain(policy);
  expect(gate.stored('a').metadata).toMatchObject({ labels: { app: 'web' }, ownerReferences: [rsOwner] });

  gate.remove('a');
  await pass(gate, 1_000);
  gate.list(['b', 'c']);
  await pass(gate, 1_000);
  gate.answer();
  await pass(gate, 1_000);
  expect(gate.ended).toMatchObject([{ path: 'ScaleDown', outcome: 'Refused' }]);
});

test('a webhook that was only being restarted: isolated as ever', async () => {
  const gate = new FakeGate({ replicas: 2 });
  refuse(gate, 'patch', 5);
  gate.lead();
  gate.ask('a');
  await pass(gate, 12_000);
  expect(gate.state('a')?.isolatedAt).toBeDefined();
  expect(gate.memory.of('a').progress.refused).toBeUndefined();
  expect(gate.events).toEqual([]);
});

test('an eviction whose replacement is there, and whose isolation is refused, ends', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Eviction' });
  await pass(gate, 500);
  expect(gate.state('a')?.handedOverAt).toBeDefined();
  gate.put(storedPod('b'));
  gate.list(['a', 'b']);
  await pass(gate, 500);
  refuse(gate, 'patch', 100);
  gate.answer();
  await pass(gate, 20_000);
  expect(gate.verbs().at(-1)).toBe('delete a');
  expect(gate.events.map(({ reason }) => reason)).toEqual(['DrainViolation']);
});

test("a person's request is let through after 15 s, and told why", async () => {
  const gate = new FakeGate();
  gate.lead();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  // The isolation and not the mark.
  refuse(gate, 'patch', 9);
  await pass(gate, 20_000);
  expect(gate.state('a')).toMatchObject({ drainedAt: expect.any(String) });
  expect(gate.state('a')?.isolatedAt).toBeUndefined();
  expect(gate.verbs()).not.toContain('delete a');
  expect(gate.events.map(({ note }) => note).join()).toContain(policy);
});

test('a pod that the operator may not delete: told once a minute, tried on, and whoever else asks is let through', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  gate.ask('a');
  await pass(gate, 200);
  gate.list(['b', 'c']);
  refuse(gate, 'delete', 20);
  await pass(gate, 1_200);
  gate.answer();
  await pass(gate, 1_000);
  expect(gate.state('a')).toMatchObject({ isolatedAt: expect.any(String), drainedAt: expect.any(String) });
  await pass(gate, 69_000);
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation' }, { reason: 'DrainViolation' }]);
  expect(gate.events[0]?.note).toBe(
    `the API server refuses that the operator deletes pod shop/a, which is tried again: ${policy}`,
  );
  const tries = gate.verbs().filter((verb) => verb === 'delete a').length;
  expect(tries).toBeGreaterThan(10);
  expect(gate.verbs().filter((verb) => verb === 'patch a')).toHaveLength(2);
  await pass(gate, 60_000);
  expect(gate.failures).toEqual([]);
  expect(gate.stored('a').metadata.deletionTimestamp).toBeDefined();
});

test('a pod that may not be given back serves on, and people are told', async () => {
  const gate = new FakeGate({ pods: ['a'] });
  gate.lead();
  gate.ask('a', { path: 'Delete', until: '2026-01-01T12:00:25Z' });
  await pass(gate, 500);
  refuse(gate, 'patch', 3);
  gate.ask('a', { ...gate.state('a'), abandonedAt: gate.now() });
  await pass(gate, 2_000);
  expect(gate.events).toMatchObject([{ reason: 'DrainViolation' }]);
  expect(gate.events[0]?.note).toContain('gives back pod shop/a');
  await pass(gate, 20_000);
  expect(gate.stored('a').metadata).toMatchObject({ annotations: {}, ownerReferences: [rsOwner] });
});
