import { expect, test } from 'vitest';
import { FakeGate } from './gateFakes.ts';
import { UNLISTED_MS, UnlistedEndpoints } from './unlisted.ts';

/** Blue/green: Service `web` sends to others from now on. */
function switchService(gate: FakeGate, selector: Readonly<Record<string, string>> | undefined): void {
  const spec = { clusterIP: '10.0.0.1', ...(selector === undefined ? {} : { selector }) };
  gate.informers.services.set({ metadata: { namespace: 'shop', name: 'web' }, spec });
}

test.each([
  ['a slice still lists it', 0],
  ['a slice listed it until a moment ago: proxies may not have followed', 2_000],
])('its Service has another selector, and %s: isolated with its labels, verified', async (_, beforeMs) => {
  const gate = new FakeGate({ replicas: 2 });
  gate.lead();
  switchService(gate, { app: 'web', version: 'v2' });
  if (beforeMs > 0) gate.list([]);
  await gate.clock.advance(beforeMs);
  gate.ask('a');
  await gate.clock.advance(100);
  expect(gate.state('a')).toMatchObject({ removedLabels: {}, isolatedAt: expect.any(String) as string });
  expect(gate.stored('a').metadata.labels).toEqual({ app: 'web' });
  gate.list([]);
  await gate.clock.advance(1_500);
  expect(gate.barriers).toBe(1);
  expect(gate.verbs()).not.toContain('delete a');
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.verbs().at(-1)).toBe('delete a');
  expect(gate.memory.of('a').outcome).toBe('Verified');
});

test('endpoints that somebody writes by hand, by address: held back, and let go at the limit, loudly', async () => {
  const gate = new FakeGate({ replicas: 2 });
  switchService(gate, undefined);
  gate.list([]);
  gate.slice.items = [
    { metadata: { namespace: 'shop', name: 'by-hand' }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.9'] }] },
  ];
  gate.put({ ...gate.stored('a'), status: { ...gate.stored('a').status, podIPs: [{ ip: '10.0.0.9' }] } });
  await gate.clock.advance(UNLISTED_MS);
  gate.lead();
  gate.ask('a');
  for (let seconds = 0; seconds < 55; seconds += 1) await gate.clock.advance(1_000);
  expect(gate.state('a')).toMatchObject({ removedLabels: {}, isolatedAt: expect.any(String) as string });
  expect(gate.verbs()).not.toContain('delete a');
  // Asked again and again, but not five times a second.
  expect(gate.verbs().filter((verb) => verb === 'list ').length).toBeLessThan(45);
  for (let seconds = 0; seconds < 10; seconds += 1) await gate.clock.advance(1_000);
  expect(gate.verbs().at(-1)).toBe('delete a');
  expect(gate.memory.of('a').outcome).toBe('DeadlinePassed');
  expect(gate.events.map(({ reason }) => reason)).toEqual(['DrainViolation']);
});

test('a worker that no Service ever selected goes as soon as the API server has said so: nothing is waited for', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.informers.services.remove('shop/web', 'web');
  gate.list([]);
  await gate.clock.advance(UNLISTED_MS);
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(50);
  expect(gate.verbs()).toEqual(['patch a', 'list ', 'delete a']);
  expect(gate.state('a')?.isolatedAt).toBeUndefined();
});

test('a Service that selects an isolated pod: isolated again, verified anew', async () => {
  const gate = new FakeGate({ replicas: 2 });
  for (const name of ['a', 'b', 'c']) {
    const { metadata } = gate.stored(name);
    gate.put({ ...gate.stored(name), metadata: { ...metadata, labels: { app: 'web', tier: 'front' } } });
  }
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(50);
  gate.list(['b', 'c']);
  await gate.clock.advance(1_500);
  expect(gate.barriers).toBe(1);
  const first = gate.barrier;
  gate.barrier = Promise.withResolvers();
  const isolatedAt = gate.state('a')?.isolatedAt;

  switchService(gate, { tier: 'front' });
  await gate.clock.advance(100);
  expect(gate.stored('a').metadata.labels).toEqual({});
  expect(gate.state('a')).toMatchObject({ isolatedAt, removedLabels: { app: 'web', tier: 'front' } });
  // The endpoint slice controller had seen it before its label went.
  gate.list(['a', 'b', 'c']);
  await gate.clock.advance(100);
  first.resolve({ evidence: 'Barrier', atMs: gate.clock.nowMs(), confirmed: 2, silent: [] });
  await gate.clock.advance(5_000);
  expect(gate.verbs()).not.toContain('delete a');
  gate.list(['b', 'c']);
  await gate.clock.advance(1_500);
  expect(gate.barriers).toBe(2);
  expect(gate.verbs()).not.toContain('delete a');
  gate.answer();
  await gate.clock.advance(100);
  expect(gate.verbs().at(-1)).toBe('delete a');
});

test('what a slice listed is known for half a minute, by uid, or by address where it names no pod', () => {
  const unlisted = new UnlistedEndpoints();
  const endpoint = { ready: true, serving: true, terminating: false };
  const slice = (...endpoints: readonly { readonly uid?: string; readonly addresses: readonly string[] }[]) => ({
    metadata: { name: 'x' },
    endpoints: endpoints.map((one) => ({ ...endpoint, ...one })),
  });
  const [a, b, c] = [{ uid: 'a', addresses: ['1'] }, { uid: 'b', addresses: ['2'] }, { addresses: ['3'] }];
  unlisted.changed(undefined, slice(a, b, c), 0);
  expect(unlisted.hasAny(['a', 'b', '3'], 0)).toBe(false);
  unlisted.changed(slice(a, b, c), slice(b), 1_000);
  expect([['a'], ['1'], ['b'], ['x', '3']].map((keys) => unlisted.hasAny(keys, 1_000))).toEqual([
    true,
    false,
    false,
    true,
  ]);
  unlisted.changed(slice(b), undefined, 20_000);
  expect(unlisted.hasAny(['a'], 999 + UNLISTED_MS)).toBe(true);
  expect(unlisted.hasAny(['a', '3'], 1_000 + UNLISTED_MS)).toBe(false);
  expect(unlisted.hasAny(['b'], 1_000 + UNLISTED_MS)).toBe(true);
});
