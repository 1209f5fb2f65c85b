import { expect, test } from 'vitest';
import type { DrainState } from '../../gate/types.ts';
import { pendingUidOf } from './budgetPending.ts';
import { FakeGate, KEY } from './gateFakes.ts';

const budget = (resourceVersion: string, disruptionsAllowed = 1, matchLabels = { app: 'web' }) => ({
  metadata: { namespace: 'shop', name: 'web', resourceVersion },
  selector: { matchLabels },
  disruptionsAllowed,
  observed: true,
});

/** Isolated by another leader, `secondsAgo`; the label that the budget selects on is gone, or not. */
function isolated(gate: FakeGate, name: string, state: Partial<DrainState> & { readonly secondsAgo?: number } = {}) {
  const { secondsAgo = 0, ...rest } = state;
  const isolatedAt = new Date(gate.clock.nowMs() - secondsAgo * 1000).toISOString();
  const { metadata, ...pod } = gate.stored(name);
  gate.put({
    ...pod,
    metadata: { ...metadata, labels: rest.removedLabels?.['app'] === undefined ? { app: 'web' } : {} },
  });
  gate.ask(name, { path: 'Eviction', isolatedAt, ...rest });
}

const gone = { removedLabels: { app: 'web' } };

function pending(gate: FakeGate, of = budget('1')): string | undefined {
  const { caches, memory, clock } = gate;
  return pendingUidOf({ caches, memory, key: KEY, nowMs: clock.nowMs() }, of);
}

test('what another leader isolated is waited for until the budget changes, and not again', () => {
  const gate = new FakeGate();
  isolated(gate, 'a', gone);
  gate.memory.of('a');
  expect([pending(gate), pending(gate)]).toEqual(['a', 'a']);
  expect([pending(gate, budget('2')), pending(gate, budget('2'))]).toEqual([undefined, undefined]);
});

test('a status that was on its way before the budget was made to count shows nothing', () => {
  const gate = new FakeGate();
  gate.memory.pendingYes.set('shop/web', { podUid: 'a', atMs: gate.clock.nowMs(), isolatedAtVersion: '1' });
  gate.memory.of('a').recounted = false;
  expect(pending(gate, budget('2'))).toBe('a');
  gate.memory.of('a').recounted = true;
  expect(pending(gate, budget('2'))).toBeUndefined();
});

test('of several the last: each waited for the one before it', () => {
  const gate = new FakeGate();
  isolated(gate, 'a', { ...gone, secondsAgo: 3 });
  isolated(gate, 'b', { ...gone, secondsAgo: 2 });
  expect(pending(gate)).toBe('b');
});

test('30 s after its isolation a pod is not waited for', () => {
  const gate = new FakeGate();
  isolated(gate, 'a', { ...gone, secondsAgo: 20 });
  gate.memory.of('a');
  expect(pending(gate)).toBe('a');
  gate.clock.jump(10_001);
  expect([pending(gate), pending(gate)]).toEqual([undefined, undefined]);
});

test.each<[string, (gate: FakeGate) => void]>([
  ['is scaled down or deleted by a person', (gate) => isolated(gate, 'a', { ...gone, path: 'ScaleDown' })],
  ['is not isolated', (gate) => gate.ask('a', { path: 'Eviction' })],
  ['is of another budget', (gate) => isolated(gate, 'a', { removedLabels: { app: 'db' } })],
  [
    'is terminating',
    (gate) => {
      isolated(gate, 'a', gone);
      gate.terminate('a');
    },
  ],
])('a pod is not waited for when it %s', (_, prepare) => {
  const gate = new FakeGate();
  prepare(gate);
  expect(pending(gate)).toBeUndefined();
});

test('a pod that the budget still selects counts as healthy until it is deleted', () => {
  const gate = new FakeGate();
  isolated(gate, 'a', { path: 'ScaleDown', removedLabels: { serves: 'yes' }, secondsAgo: 50 });
  expect(pending(gate, budget('1'))).toBe('a');
  // It allows another one besides.
  expect(pending(gate, budget('2', 2))).toBeUndefined();
  gate.terminate('a');
  expect(pending(gate, budget('3'))).toBeUndefined();
});
