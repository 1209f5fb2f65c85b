import { expect, test } from 'vitest';
import { TransportError } from '../../kube/index.ts';
import { askBudget } from './budgetQuestion.ts';
import { FakeGate, refusal } from './gateFakes.ts';

const signal = new AbortController().signal;

test('asks for an eviction of exactly this pod that changes nothing, and only once', async () => {
  const gate = new FakeGate();
  expect(await askBudget(gate.client(), gate.view('a'), signal)).toEqual({ allowed: true, message: '' });
  expect(gate.calls).toMatchObject([
    {
      verb: 'create',
      resource: 'pods',
      name: 'a',
      body: { kind: 'Eviction', metadata: { namespace: 'shop' }, deleteOptions: { preconditions: { uid: 'a' } } },
      options: { dryRun: true, retry: false },
    },
  ]);
});

const violated = "Cannot evict pod as it would violate the pod's disruption budget.";
const numbers = 'The disruption budget web needs 2 healthy pods and has 2 currently';

test.each([
  ['a budget', refusal(429, 'TooManyRequests', violated, numbers), `${violated} ${numbers}`],
  [
    'two budgets',
    refusal(500, 'InternalError', 'more than one PodDisruptionBudget'),
    'more than one PodDisruptionBudget',
  ],
  ['a pod that is gone', refusal(404, 'NotFound', 'pods "a" not found'), 'pods "a" not found'],
  ['another pod of that name', refusal(409, 'Conflict', 'the UID does not match'), 'the UID does not match'],
  ["a policy's webhook", refusal(403, 'Forbidden', 'no evictions on Fridays'), 'no evictions on Fridays'],
  ['a webhook that calls it bad', refusal(400, 'BadRequest', 'denied the request'), 'denied the request'],
])('no, in the words of the API server and without our request: %s', async (_, answer, message) => {
  const gate = new FakeGate();
  gate.evictionAnswer = answer;
  expect(await askBudget(gate.client(), gate.view('a'), signal)).toEqual({ allowed: false, message });
});

test.each([
  ['an API server that cannot answer now', refusal(503, 'ServiceUnavailable')],
  ['no answer', new TransportError({ method: 'POST', path: '/x' }, 'connection', 'reset')],
])('is neither yes nor no: %s', async (_, error) => {
  const gate = new FakeGate();
  gate.failures.push({ verb: 'create', error });
  await expect(askBudget(gate.client(), gate.view('a'), signal)).rejects.toBe(error);
});
