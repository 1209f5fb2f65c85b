import { expect, test } from 'vitest';
import { RECOUNT_ANNOTATION } from '../../api/index.ts';
import { podsToTouch } from './budgetRecount.ts';
import { FakeGate, KEY, refusal, storedPod } from './gateFakes.ts';

const budget = (matchLabels: Readonly<Record<string, string>>) => ({
  metadata: { namespace: 'shop', name: 'web', resourceVersion: '1' },
  selector: { matchLabels },
  disruptionsAllowed: 1,
  observed: true,
});

/** Pod `a` is scaled down, isolated, and has left its slice; its label `app` is gone. */
async function isolated(gate: FakeGate, meanwhile: () => void = () => {}): Promise<readonly string[]> {
  gate.lead();
  gate.ask('a');
  await gate.clock.advance(100);
  meanwhile();
  gate.list(['b', 'c']);
  await gate.clock.advance(1_100);
  expect(gate.state('a')?.removedLabels).toEqual({ app: 'web' });
  return gate.verbs();
}

test('a budget that lost the isolated pod with its label is counted again: one of its pods that stays is touched', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.informers.budgets.set(budget({ app: 'web' }));
  expect(await isolated(gate)).toEqual(['patch a', 'patch b', 'list ']);
  const at = gate.stored('b').metadata.annotations?.[RECOUNT_ANNOTATION] ?? '';
  expect(Date.parse(at)).toBeGreaterThan(0);
  expect(gate.calls[1]?.body).toEqual({ metadata: { uid: 'b', annotations: { [RECOUNT_ANNOTATION]: at } } });
  expect(gate.stored('b').metadata).toMatchObject({ labels: { app: 'web' } });
  // Once.
  await gate.clock.advance(20_000);
  expect(gate.verbs().filter((verb) => verb === 'patch b')).toHaveLength(1);
});

test.each<[string, Readonly<Record<string, string>>]>([
  ['it never selected the pod', { app: 'db' }],
  ['it still selects the pod', {}],
])('nothing is touched for a budget when %s', async (_, labels) => {
  const gate = new FakeGate({ replicas: 2 });
  gate.informers.budgets.set(budget(labels));
  expect(await isolated(gate)).toEqual(['patch a', 'list ']);
});

test('nothing is touched when another pod of the budget has changed since', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.informers.budgets.set(budget({ app: 'web' }));
  expect(await isolated(gate, () => void gate.put(gate.stored('c')))).toEqual(['patch a', 'list ']);
});

test('a pod of another Deployment is not touched, one in drain only where there is no other', () => {
  const gate = new FakeGate({ pods: ['b', 'c', 'd'] });
  gate.informers.budgets.set(budget({ app: 'web' }));
  const touched = () => {
    const { metadata, ...pod } = storedPod('a');
    gate.put({ ...pod, metadata: { ...metadata, labels: {} } });
    const state = { path: 'ScaleDown', by: 'x', askedAt: gate.now(), removedLabels: { app: 'web' } } as const;
    return podsToTouch(gate.caches, gate.memory, gate.view('a'), state).map(({ metadata: { name } }) => name);
  };
  const { metadata, ...stranger } = storedPod('b');
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'other', uid: 'other', controller: true };
  gate.put({ ...stranger, metadata: { ...metadata, ownerReferences: [owner] } });
  gate.ask('c');
  expect(touched()).toEqual(['d']);
  gate.terminate('d');
  expect(touched()).toEqual(['c']);
  gate.remove('c');
  expect(touched()).toEqual([]);
});

test('the drain goes on where the touch is refused', async () => {
  const gate = new FakeGate({ replicas: 2 });
  gate.informers.budgets.set(budget({ app: 'web' }));
  const verbs = await isolated(
    gate,
    () => void gate.failures.push({ verb: 'patch', error: refusal(403, 'Forbidden') }),
  );
  expect(verbs).toEqual(['patch a', 'patch b', 'list ']);
});

test('who leads next touches again: nobody knows whether the last leader did', async () => {
  const first = new FakeGate({ replicas: 2 });
  first.informers.budgets.set(budget({ app: 'web' }));
  first.lead();
  first.ask('a');
  await first.clock.advance(100);
  const second = new FakeGate({ pods: ['b', 'c'], replicas: 2 });
  second.informers.budgets.set(budget({ app: 'web' }));
  second.put(first.stored('a'));
  second.list(['b', 'c']);
  second.clock.jump(2_000);
  second.lead(() => KEY);
  await second.clock.advance(100);
  expect(second.verbs()).toEqual(['patch b', 'list ']);
});
