import { describe, expect, it } from 'vitest';
import { decideStep } from './step.ts';
import { lastOnNodeOf } from './stepFacts.ts';
import { ago, type Given, MONO_MS, observation, service, sibling } from './testing/observations.ts';
import { budget, expectSteps, isolates, known, replaced } from './testing/stepCases.ts';

/** Of three endpoints a alone is on its node. */
const local = service(['a', 'b', 'c'], { localUids: ['a'] });
const last: Given = { services: [local] };
const asItIs = { do: 'LetGo', outcome: 'LastOnNode' } as const;
const withoutSleep = 'traffic policy Local) on its node, and it has no preStop sleep';

describe('the last ready endpoint on its node of a Service with traffic policy Local', () => {
  expectSteps([
    ['of a scale-down goes at once, as it is', last, asItIs],
    ['goes as it is after a hand-over, too', { ...last, handedOver: true }, asItIs],
    ['is evicted without waiting for a replacement that nobody needs', { ...last, path: 'Eviction' }, asItIs],
    [
      'is evicted after its replacement where one is needed: it need not be on the same node',
      { ...replaced, services: [service(['a', 'b'], { localUids: ['a'] })], progress: known },
      asItIs,
    ],
    [
      'is not evicted before a budget was asked',
      { ...replaced, services: [local], progress: known, budgets: [budget] },
      { do: 'AskBudget' },
    ],
    ['is not evicted below minReady', { ...last, path: 'Eviction', settings: { minReady: 3 } }, { do: 'HandOver' }],
    [
      'is deleted by the request of the person',
      { ...last, path: 'Delete' },
      { do: 'MarkDrained', outcome: 'LastOnNode' },
    ],
    [
      'waited for what did not come',
      {
        ...replaced,
        services: [service(['a', 'b'], { localUids: ['a'] })],
        budgets: [budget],
        progress: { ...known, budget: { heardMs: MONO_MS, allowed: false, message: 'no' } },
        settings: { replacementTimeoutSeconds: 1 },
      },
      { do: 'LetGo', outcome: 'ReplacementTimeout' },
    ],
    [
      'is the last anywhere: that counts first',
      {
        ...last,
        handedOver: true,
        services: [service(['a'], { localUids: ['a'] })],
        replicas: 0,
        deployment: { replicas: 1 },
      },
      { do: 'Wait', reason: 'Service web has no other ready endpoint' },
    ],
    [
      'is so of one of two Services: the label of the other does not help',
      { services: [service(['a', 'b']), service(['a', 'b'], { name: 'lb', localUids: ['a'] })] },
      asItIs,
    ],
    [
      'has a neighbour that is known to go',
      {
        services: [service(['a', 'b', 'c'], { localUids: ['a', 'b'] })],
        siblings: [sibling('a'), sibling('b', { ready: false }), sibling('c'), sibling('d')],
      },
      asItIs,
    ],
    ['has a neighbour: isolated', { services: [service(['a', 'b', 'c'], { localUids: ['a', 'b'] })] }, isolates],
    [
      'goes on to its end where it was isolated before',
      { ...last, handedOver: true, state: { isolatedAt: ago(1) } },
      { do: 'VerifySlices' },
    ],
    [
      'is selected again after its isolation: serves on within its time limit',
      {
        handedOver: true,
        state: { isolatedAt: ago(1) },
        services: [service(['a', 'b'], { localUids: ['a'], selector: { tier: 'front' } })],
      },
      { do: 'Wait', reason: 'Service web selects the isolated pod again and has no other ready endpoint on its node' },
    ],
    [
      'has no preStop sleep: loud',
      { ...last, pod: { preStopSeconds: 0 } },
      { ...asItIs, violation: expect.stringContaining(withoutSleep) },
    ],
    [
      'has no preStop sleep, and a person deletes it: loud as well',
      { ...last, path: 'Delete', pod: { preStopSeconds: 0 } },
      { do: 'MarkDrained', violation: expect.stringContaining(withoutSleep) },
    ],
  ]);

  it('is no violation with a preStop sleep', () => {
    expect(lastOnNodeOf(observation(last))).toBe(local);
    expect(lastOnNodeOf(observation())).toBeUndefined();
    const [scaleDown, deleted] = [last, { ...last, path: 'Delete' } as const].map((given) =>
      decideStep(observation({ ...given, pod: { preStopSeconds: 5 } })),
    );
    expect(scaleDown).toStrictEqual(asItIs);
    expect(deleted).toStrictEqual({ do: 'MarkDrained', outcome: 'LastOnNode' });
  });
});
