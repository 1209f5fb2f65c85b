import { describe, expect, it } from 'vitest';
import { decideStep } from './step.ts';
import { ago, barrier, type Given, MONO_MS, observation, service, sibling } from './testing/observations.ts';
import {
  budget,
  expectSteps,
  isolates,
  isolatesAsIs,
  known,
  lastEndpoint,
  replaced,
  unlisted,
} from './testing/stepCases.ts';

const unserved: Given = { path: 'Eviction', handedOver: true, services: [] };
const partial = { ...barrier, evidence: 'PartialBarrier' } as const;
/** The last endpoint, which no ReplicaSet wants back and nobody has asked for lately. */
const abandonedLast: Given = {
  ...replaced,
  deployment: { replicas: 1 },
  services: [service(['a'])],
  state: { askedAt: ago(900), handedOverAt: ago(61) },
};
/** Handed over 2 s ago, which is as long as it may wait; b and c serve, and are one fewer than wanted. */
const overdue: Given = { path: 'Eviction', handedOver: true, settings: { replacementTimeoutSeconds: 2 } };

describe('an eviction', () => {
  expectSteps([
    ['with others to serve leaves at once', { path: 'Eviction' }, { ...isolates, handOver: true }],
    ['of the last endpoint: replacement first', { path: 'Eviction', ...lastEndpoint }, { do: 'HandOver' }],
    ['below minReady: replacement first', { path: 'Eviction', settings: { minReady: 3 } }, { do: 'HandOver' }],
    [
      'without a minReady, of four pods of which two are leaving: replacement first',
      { path: 'Eviction', deployment: { replicas: 4 } },
      { do: 'HandOver' },
    ],
    [
      'with a minReady of 0, of four pods of which two are leaving: at once',
      { path: 'Eviction', deployment: { replicas: 4 }, settings: { minReady: 0 } },
      isolates,
    ],
    ['at minReady leaves at once', { path: 'Eviction', settings: { minReady: 2 } }, isolates],
    [
      'with a minReady beyond its replicas waits for what can be',
      { ...replaced, settings: { minReady: 9 } },
      { do: 'ConfirmReplacement' },
    ],
    ['under a budget: replacement first', { path: 'Eviction', budgets: [budget] }, { do: 'HandOver' }],
    ['that serves nobody', { path: 'Eviction', services: [] }, { do: 'HandOver' }],
    ['that serves nobody: checked', { ...unserved, replicas: 2 }, { do: 'VerifySlices' }],
    [
      'that serves nobody: let go',
      { ...unserved, replicas: 2, progress: unlisted },
      { do: 'LetGo', outcome: 'Verified' },
    ],
    ['that no Service selects any more: isolated', { ...unserved, replicas: 2, listed: 'Before' }, isolatesAsIs],
    [
      'that serves nobody, under minReady: waits',
      { path: 'Eviction', handedOver: true, services: [], settings: { minReady: 3 } },
      { do: 'Wait', reason: 'waiting for its replacement: 2 of 3 pods of ReplicaSet web-1 are Ready' },
    ],
    [
      'waits for the replacement',
      {
        ...replaced,
        siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('b', { ready: false, createdAt: ago(1) })],
      },
      { do: 'Wait', reason: 'waiting for its replacement: 0 of 1 pods of ReplicaSet web-1 are Ready' },
    ],
    [
      'does not wait for a pod that failed before: its replacement is there',
      {
        ...replaced,
        replicas: 2,
        state: { handedOverAt: ago(30) },
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b'),
          sibling('c', { ready: false, createdAt: ago(600) }),
        ],
      },
      { do: 'ConfirmReplacement' },
    ],
    [
      'waits for one that is not Ready and was made since it was handed over, by the clocks of two machines',
      {
        ...replaced,
        replicas: 2,
        state: { handedOverAt: ago(30) },
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b'),
          sibling('c', { ready: false, createdAt: ago(38) }),
        ],
      },
      { do: 'Wait', reason: 'waiting for its replacement: 1 of 2 pods of ReplicaSet web-1 are Ready' },
    ],
    [
      'with a pod that failed before still keeps minReady',
      {
        ...replaced,
        replicas: 2,
        state: { handedOverAt: ago(30) },
        settings: { minReady: 2 },
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b'),
          sibling('c', { ready: false, createdAt: ago(600) }),
        ],
      },
      { do: 'Wait', reason: expect.stringContaining('1 other pods of Deployment web are Ready, 2 must be') as string },
    ],
    [
      'waits: the stand-in is asked to leave itself',
      {
        ...replaced,
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b', { state: { path: 'Eviction', by: '', askedAt: ago(1) } }),
        ],
      },
      { do: 'Wait', reason: 'waiting for its replacement: 0 of 1 pods of ReplicaSet web-1 are Ready' },
    ],
    [
      'waits until the slices list the replacement',
      { ...replaced, services: [service(['a'])] },
      { do: 'Wait', reason: 'waiting for its replacement: Service web has no other ready endpoint' },
    ],
    ['asks the proxies about the replacement', replaced, { do: 'ConfirmReplacement' }],
    ['leaves when they know it', { ...replaced, progress: known }, { ...isolates, handOver: false }],
    [
      'asks them again where the one that they know is gone and another has come',
      { ...replaced, progress: { ...known, replacementUids: ['gone'] } },
      { do: 'ConfirmReplacement' },
    ],
    [
      'asks them again where one of two stand-ins that it needs is not known',
      {
        ...replaced,
        replicas: 2,
        siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('b'), sibling('x')],
        progress: known,
      },
      { do: 'ConfirmReplacement' },
    ],
    ['leaves when an earlier leader wrote that they know it', { ...replaced, state: { replacedAt: ago(1) } }, isolates],
    [
      'waits a quiet time when not all of them answered',
      { ...replaced, progress: { ...known, replacementKnown: partial, replacementHeardMs: MONO_MS - 1_000 } },
      { do: 'Wait', forMs: 4_000 },
    ],
    ['asks the budget', { ...replaced, budgets: [budget], progress: known }, { do: 'AskBudget' }],
    [
      'waits while another yes of the budget has not shown',
      { ...replaced, budgets: [{ ...budget, pendingUid: 'z' }], progress: known },
      { do: 'Wait', reason: 'PodDisruptionBudget web has not counted the last pod that left yet' },
    ],
    [
      'leaves on yes; its own pending yes is no obstacle',
      {
        ...replaced,
        budgets: [{ ...budget, pendingUid: 'a' }],
        progress: { ...known, budget: { heardMs: MONO_MS - 100, allowed: true, message: '' } },
      },
      isolates,
    ],
    [
      'asks again when the yes is old',
      {
        ...replaced,
        budgets: [budget],
        progress: { ...known, budget: { heardMs: MONO_MS - 5_000, allowed: true, message: '' } },
      },
      { do: 'AskBudget' },
    ],
    [
      'passes on why not, and asks again after 5 s',
      {
        ...replaced,
        budgets: [budget],
        progress: { ...known, budget: { heardMs: MONO_MS - 2_000, allowed: false, message: 'needs 4 healthy pods' } },
      },
      { do: 'Wait', reason: 'needs 4 healthy pods', forMs: 3_000 },
    ],
    [
      'waits for ever by default',
      {
        ...replaced,
        services: [service(['a'])],
        state: { askedAt: ago(86_400), lastAskedAt: ago(5), handedOverAt: ago(86_000) },
      },
      { do: 'Wait' },
    ],
    [
      'waits no longer than replacementTimeoutSeconds: the last ready endpoint goes as it is',
      { ...overdue, services: [service(['a'])] },
      { do: 'LetGo', outcome: 'ReplacementTimeout', violation: expect.stringContaining('Service web') as string },
    ],
    [
      'waits no longer, and serves nobody: goes as it is',
      { ...overdue, services: [], settings: { replacementTimeoutSeconds: 2, minReady: 3 }, progress: unlisted },
      { do: 'LetGo', outcome: 'ReplacementTimeout' },
    ],
    [
      'waits no longer, is selected by none and still listed: isolated as ever, and what did not hold is kept',
      { ...overdue, services: [], settings: { replacementTimeoutSeconds: 2, minReady: 3 }, listed: 'Now' },
      { ...isolatesAsIs, unmet: expect.stringContaining('2 of 3 pods of ReplicaSet web-1 are Ready') as string },
    ],
    [
      'waits no longer; the last endpoint of one of two Services goes as it is',
      { ...overdue, services: [service(['a', 'b']), service(['a'], { name: 'admin' })] },
      { do: 'LetGo', outcome: 'ReplacementTimeout', violation: expect.stringContaining('Service admin') as string },
    ],
    [
      'waits no longer for its replacement; where others serve, the proxies are asked whether they know them',
      overdue,
      { do: 'ConfirmReplacement' },
    ],
    [
      'waits no longer for its replacement; where others serve it is isolated as ever, and what did not hold is kept',
      { ...overdue, progress: known },
      {
        ...isolates,
        handOver: false,
        unmet:
          'waiting for its replacement: 2 of 3 pods of ReplicaSet web-1 are Ready; spec.eviction.replacementTimeoutSeconds (2 s) was over',
      },
    ],
    [
      'waits no longer for minReady',
      {
        ...overdue,
        replicas: 2,
        deployment: { replicas: 3 },
        settings: { replacementTimeoutSeconds: 2, minReady: 3 },
        progress: known,
      },
      { ...isolates, unmet: expect.stringContaining('2 other pods of Deployment web are Ready, 3 must be') as string },
    ],
    [
      'waits a quiet time before it is isolated, when not all proxies answered',
      { ...overdue, progress: { ...known, replacementKnown: partial, replacementHeardMs: MONO_MS - 1_000 } },
      { do: 'Wait', forMs: 4_000 },
    ],
    [
      'waits no longer; a budget that was never asked is asked',
      { ...overdue, replicas: 2, budgets: [budget], progress: known },
      { do: 'AskBudget' },
    ],
    [
      'waits no longer for a budget that says no',
      {
        ...overdue,
        replicas: 2,
        budgets: [budget],
        progress: { ...known, budget: { heardMs: MONO_MS - 2_000, allowed: false, message: 'needs 4 healthy pods' } },
      },
      { ...isolates, unmet: expect.stringContaining('needs 4 healthy pods; spec.eviction.replacement') as string },
    ],
    [
      'waits no longer for a budget that has said yes to another pod',
      { ...overdue, replicas: 2, budgets: [{ ...budget, pendingUid: 'z' }], progress: known },
      { ...isolates, unmet: expect.stringContaining('PodDisruptionBudget web has not counted') as string },
    ],
    [
      'serves nobody, has waited long enough, and its replacement has come: verified',
      { ...overdue, replicas: 2, services: [], progress: unlisted },
      { do: 'LetGo', outcome: 'Verified' },
    ],
    [
      'is given up: given back',
      { ...replaced, state: { askedAt: ago(900), lastAskedAt: ago(300) } },
      { do: 'GiveBack', reason: 'nobody has asked for its eviction for 300 s' },
    ],
    ['is given up before anything was done', { path: 'Eviction', state: { askedAt: ago(300) } }, { do: 'Cancel' }],
    [
      'is given up before its limit is noticed: given back, not let go',
      { ...replaced, state: { askedAt: ago(900), handedOverAt: ago(900) }, settings: { replacementTimeoutSeconds: 2 } },
      { do: 'GiveBack' },
    ],
    [
      'on a cordoned node is not given back',
      { ...replaced, state: { askedAt: ago(900) }, node: { unschedulable: true, ready: true } },
      { do: 'ConfirmReplacement' },
    ],
    [
      'on a node that is not Ready is not given back',
      { ...replaced, state: { askedAt: ago(900) }, node: { unschedulable: false, ready: false } },
      { do: 'ConfirmReplacement' },
    ],
    [
      'on a node that is gone is not given back',
      { ...replaced, state: { askedAt: ago(900) }, node: null },
      { do: 'ConfirmReplacement' },
    ],
    [
      'of a ReplicaSet scaled to 0 meanwhile goes on',
      {
        ...replaced,
        replicas: 0,
        deployment: { replicas: 1 },
        siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('n', { ownerUid: 'new' })],
        services: [service(['a', 'n'])],
        progress: known,
      },
      isolates,
    ],
    [
      'given up in a ReplicaSet scaled to 0: waits for another endpoint, for ever',
      { ...abandonedLast, replicas: 0 },
      { do: 'Wait', reason: 'Service web has no other ready endpoint' },
    ],
    ['whose ReplicaSet was deleted as well', { ...abandonedLast, replicaSet: null }, { do: 'Wait' }],
    [
      'whose ReplicaSet was deleted, for as long as evictions may wait',
      { ...abandonedLast, replicaSet: null, settings: { replacementTimeoutSeconds: 61 } },
      { do: 'LetGo', outcome: 'ReplacementTimeout', violation: expect.stringContaining('Service web') as string },
    ],
    [
      'whose ReplicaSet was deleted, and whose Deployment wants no pods: ends as a scale-down does',
      { ...abandonedLast, replicaSet: null, deployment: { replicas: 0 } },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    [
      'whose ReplicaSet was deleted: ends as a scale-down does',
      { ...replaced, replicaSet: null, budgets: [budget], services: [service(['a', 'n'])] },
      isolates,
    ],
  ]);

  it('has waited long enough, and its replacement has come: nothing is unmet', () => {
    const step = decideStep(observation({ ...overdue, replicas: 2, progress: known }));
    expect(step).toEqual({ ...isolates, handOver: false });
  });

  it.each([
    [undefined, 4_000],
    [1, undefined],
    [9, 8_000],
  ])('without a barrier, quietSeconds %s: the replacement is known after that', (quietSeconds, forMs) => {
    const replacementKnown = { ...barrier, evidence: 'QuietTime' as const };
    const given = { ...replaced, progress: { ...known, replacementKnown, replacementHeardMs: MONO_MS - 1_000 } };
    const step = decideStep(
      observation({ ...given, ...(quietSeconds === undefined ? {} : { settings: { quietSeconds } }) }),
    );
    expect(step).toMatchObject(forMs === undefined ? { do: 'Isolate' } : { do: 'Wait', forMs });
  });

  it('two drains at once: the second of two pods waits for the replacements', () => {
    const first = observation({
      path: 'Eviction',
      replicas: 2,
      siblings: [sibling('a'), sibling('b')],
      services: [service(['a', 'b'])],
    });
    expect(decideStep(first)).toMatchObject({ do: 'Isolate' });
    const gone = sibling('b', {
      ownerUid: 'deployment',
      state: { path: 'Eviction', by: '', askedAt: ago(1), isolatedAt: ago(0) },
    });
    const second = { ...first, siblings: [sibling('a'), gone] };
    expect(decideStep(second)).toEqual({ do: 'HandOver' });
  });
});
