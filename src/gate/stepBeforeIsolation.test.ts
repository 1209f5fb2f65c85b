import { describe, expect, it } from 'vitest';
import { decideStep } from './step.ts';
import { ago, barrier, type Given, NOW_MS, observation, rsOwner, service, sibling } from './testing/observations.ts';
import type { GateStep } from './types.ts';

type Case = readonly [name: string, given: Given, step: Partial<GateStep>];

const isolates = { do: 'Isolate', labels: { app: 'web' }, collateral: [] } as const;
const alone = [sibling('a')];
const alone1: Given = { replicas: 1, siblings: alone, services: [service(['a'])] };
/** Handed over, and its replacement b is there. */
const replaced: Given = {
  path: 'Eviction',
  handedOver: true,
  replicas: 1,
  siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('b')],
  services: [service(['a', 'b'])],
};
const known = { replacementKnown: barrier };
const budget = { name: 'web', disruptionsAllowed: 1 };

function expectSteps(cases: readonly Case[]): void {
  it.each(cases)('%s', (_, given, step) => {
    expect(decideStep(observation(given))).toMatchObject(step);
  });
}

describe('a scale-down', () => {
  expectSteps([
    ['leaves its Service and its ReplicaSet in one write', {}, { ...isolates, handOver: true }],
    [
      'is a surplus no more: waits for late caches, then is called off',
      { replicas: 3, state: { askedAt: ago(1) } },
      { do: 'Wait', forMs: 1_000, reason: 'ReplicaSet web-1 has 3 pods and wants 3' },
    ],
    ['is a surplus no more', { replicas: 3 }, { do: 'Cancel' }],
    [
      'has one surplus: terminating pods and pods handed over are not counted',
      { siblings: [sibling('a'), sibling('b'), sibling('c', { terminating: true }), sibling('d', { ownerUid: 'x' })] },
      { do: 'Cancel' },
    ],
    ['serves nobody: handed over', { services: [] }, { do: 'HandOver' }],
    ['serves nobody: let go', { services: [], handedOver: true }, { do: 'LetGo', outcome: 'Verified' }],
    [
      'is the last endpoint and surplus: handed over, to wait',
      { replicas: 0, deployment: { replicas: 1 }, siblings: alone, services: [service(['a'])] },
      { do: 'HandOver' },
    ],
    [
      'is the last endpoint of one of two Services',
      { replicas: 0, deployment: { replicas: 3 }, services: [service(['a', 'b']), service(['a'], { name: 'admin' })] },
      { do: 'HandOver' },
    ],
    [
      'is the only Ready one of a ReplicaSet that keeps one: the ReplicaSet shall choose another',
      { replicas: 1, siblings: [sibling('a'), sibling('b', { ready: false })], services: [service(['a'])] },
      { do: 'Cancel' },
    ],
    [
      'waits as the last endpoint',
      { replicas: 0, deployment: { replicas: 1 }, handedOver: true, services: [service(['a'])] },
      { do: 'Wait', forMs: 58_000, reason: 'Service web has no other ready endpoint' },
    ],
    [
      'waits: the other endpoints of the slices are known to go',
      {
        replicas: 0,
        deployment: { replicas: 1 },
        handedOver: true,
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b', { terminating: true }),
          sibling('c', {
            ownerUid: 'deployment',
            state: { path: 'ScaleDown', by: '', askedAt: '', isolatedAt: ago(1) },
          }),
        ],
      },
      { do: 'Wait' },
    ],
    [
      'leaves once another endpoint is there',
      { replicas: 0, deployment: { replicas: 1 }, handedOver: true, services: [service(['a', 'z'])] },
      { ...isolates, handOver: false },
    ],
    [
      'was the last endpoint for too long',
      {
        replicas: 0,
        deployment: { replicas: 1 },
        handedOver: true,
        services: [service(['a'])],
        state: { handedOverAt: ago(60) },
      },
      {
        do: 'LetGo',
        outcome: 'LastEndpoint',
        violation:
          'pod web-a was let go as the last ready endpoint of a Service (web): no other became Ready within 60 s',
      },
    ],
    [
      'is wanted again before it left: given back',
      {
        replicas: 1,
        handedOver: true,
        siblings: [sibling('a', { ownerUid: 'deployment' })],
        services: [service(['a'])],
      },
      { do: 'GiveBack' },
    ],
    ['lost its ReplicaSet before anything was done', { replicaSet: null }, { do: 'Cancel' }],
    ['lost its ReplicaSet after the hand-over: goes on', { replicaSet: null, handedOver: true }, isolates],
    [
      'lost its ReplicaSet as the last endpoint: ends in time',
      { replicaSet: null, handedOver: true, services: [service(['a'])], state: { handedOverAt: ago(61) } },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    ['was adopted by somebody else', { pod: { metadata: { uid: 'a', ownerReferences: [] } } }, { do: 'Cancel' }],
    [
      'of two Services that share a key: one label, and what else loses the pod',
      {
        services: [service(['a', 'b']), service(['a', 'c'], { name: 'all', selector: { app: 'web', tier: 'front' } })],
        selectedOn: [{ key: 'app', by: 'NetworkPolicy web' }],
      },
      { do: 'Isolate', labels: { app: 'web' }, collateral: [{ key: 'app', by: 'NetworkPolicy web' }] },
    ],
    ['of a headless Service', { services: [service(['a', 'b'], { otherDataPath: 'DNS' })] }, isolates],
    [
      'is not Ready, but its Service publishes it: not the last endpoint',
      { pod: { ready: false, metadata: observation().pod.metadata }, services: [service(['a', 'b'])] },
      isolates,
    ],
  ]);
});

describe('an eviction', () => {
  expectSteps([
    ['with others to serve leaves at once', { path: 'Eviction' }, { ...isolates, handOver: true }],
    ['of the last endpoint: replacement first', { path: 'Eviction', ...alone1 }, { do: 'HandOver' }],
    ['below minReady: replacement first', { path: 'Eviction', settings: { minReady: 3 } }, { do: 'HandOver' }],
    ['at minReady leaves at once', { path: 'Eviction', settings: { minReady: 2 } }, isolates],
    [
      'with a minReady beyond its replicas waits for what can be',
      { ...replaced, settings: { minReady: 9 } },
      { do: 'ConfirmReplacement' },
    ],
    ['under a budget: replacement first', { path: 'Eviction', budgets: [budget] }, { do: 'HandOver' }],
    ['that serves nobody', { path: 'Eviction', services: [] }, { do: 'HandOver' }],
    ['that serves nobody: let go', { path: 'Eviction', handedOver: true, services: [], replicas: 2 }, { do: 'LetGo' }],
    [
      'that serves nobody, under minReady: waits',
      { path: 'Eviction', handedOver: true, services: [], settings: { minReady: 3 } },
      { do: 'Wait', reason: 'waiting for its replacement: 2 of 3 pods of ReplicaSet web-1 are Ready' },
    ],
    [
      'waits for the replacement',
      { ...replaced, siblings: [sibling('a', { ownerUid: 'deployment' }), sibling('b', { ready: false })] },
      { do: 'Wait', reason: 'waiting for its replacement: 0 of 1 pods of ReplicaSet web-1 are Ready' },
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
    ['leaves when an earlier leader wrote that they know it', { ...replaced, state: { replacedAt: ago(1) } }, isolates],
    [
      'waits a quiet time when not all of them answered',
      { ...replaced, progress: { replacementKnown: { ...barrier, evidence: 'PartialBarrier', atMs: NOW_MS - 1_000 } } },
      { do: 'Wait', forMs: 4_000 },
    ],
    [
      'asks them again after the clock was set back',
      { ...replaced, progress: { replacementKnown: { ...barrier, atMs: NOW_MS + 3_600_000 } } },
      { do: 'ConfirmReplacement' },
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
        progress: { ...known, budget: { atMs: NOW_MS - 100, allowed: true, message: '' } },
      },
      isolates,
    ],
    [
      'asks again when the yes is old',
      {
        ...replaced,
        budgets: [budget],
        progress: { ...known, budget: { atMs: NOW_MS - 5_000, allowed: true, message: '' } },
      },
      { do: 'AskBudget' },
    ],
    [
      'passes on why not, and asks again after 5 s',
      {
        ...replaced,
        budgets: [budget],
        progress: { ...known, budget: { atMs: NOW_MS - 2_000, allowed: false, message: 'needs 4 healthy pods' } },
      },
      { do: 'Wait', reason: 'needs 4 healthy pods', forMs: 3_000 },
    ],
    [
      'asks again after the clock was set back',
      {
        ...replaced,
        budgets: [budget],
        progress: { ...known, budget: { atMs: NOW_MS + 60_000, allowed: false, message: 'no' } },
      },
      { do: 'AskBudget' },
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
      'waits no longer than replacementTimeoutSeconds',
      { ...replaced, services: [service(['a'])], settings: { replacementTimeoutSeconds: 2 } },
      { do: 'LetGo', outcome: 'ReplacementTimeout' },
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
      'given up in a ReplicaSet scaled to 0: ends as a scale-down does',
      {
        ...replaced,
        replicas: 0,
        deployment: { replicas: 1 },
        services: [service(['a'])],
        state: { askedAt: ago(900), handedOverAt: ago(61) },
      },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    [
      'whose ReplicaSet was deleted: ends as a scale-down does',
      { ...replaced, replicaSet: null, budgets: [budget], services: [service(['a', 'n'])] },
      isolates,
    ],
  ]);

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

describe("a person's delete", () => {
  const last: Given = { ...replaced, path: 'Delete', services: [service(['a'])] };
  expectSteps([
    ['with others to serve leaves at once', { path: 'Delete' }, { ...isolates, handOver: true }],
    ['asks no budget and no minReady', { path: 'Delete', budgets: [budget], settings: { minReady: 3 } }, isolates],
    ['of the last endpoint: replacement first', { path: 'Delete', ...alone1 }, { do: 'HandOver' }],
    ['waits for the replacement', last, { do: 'Wait', forMs: 27_000 }],
    ['leaves when it is known', { ...replaced, path: 'Delete', progress: known, budgets: [budget] }, isolates],
    ['that serves nobody goes through', { path: 'Delete', services: [] }, { do: 'MarkDrained', outcome: 'Verified' }],
    ['that serves nobody went through', { path: 'Delete', services: [], state: { drainedAt: ago(1) } }, { do: 'Wait' }],
    [
      'was abandoned',
      { ...last, state: { abandonedAt: ago(1) } },
      { do: 'GiveBack', reason: 'the request was abandoned' },
    ],
    ['was abandoned before anything was done', { path: 'Delete', state: { abandonedAt: ago(1) } }, { do: 'Cancel' }],
    [
      'was abandoned when its ReplicaSet was gone: ends as a scale-down does',
      { ...last, replicaSet: null, state: { abandonedAt: ago(1), handedOverAt: ago(61) } },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    [
      'is past its request by less than the API server may need',
      { ...last, state: { askedAt: ago(29), until: ago(4) } },
      { do: 'Wait', forMs: 1_000 },
    ],
    [
      'is past its request',
      { ...last, state: { askedAt: ago(30), until: ago(5) } },
      { do: 'GiveBack', reason: 'the request is over' },
    ],
    ['without an end waits 30 s', { ...last, state: { askedAt: ago(35), until: 'x' } }, { do: 'GiveBack' }],
    ['with a far end waits 30 s', { ...last, state: { askedAt: ago(35), until: ago(-9_999) } }, { do: 'GiveBack' }],
  ]);
});

describe('what the gate has no business with', () => {
  const exempt: readonly (readonly [name: string, given: Given])[] = [
    ['mode Off', { settings: { mode: 'Off' } }],
    ['mode Observe', { settings: { mode: 'Observe' } }],
    ['Recreate', { deployment: { recreate: true } }],
    ['replicas 0', { deployment: { replicas: 0 } }],
    ['a Deployment that is being deleted', { deployment: { deleting: true } }],
    ['a Deployment that is gone', { deployment: null }],
  ];
  for (const path of ['ScaleDown', 'Eviction', 'Delete'] as const) {
    it.each(exempt)(`${path}: %s`, (_, given) => {
      expect(decideStep(observation({ path, ...given }))).toMatchObject({ do: 'Cancel' });
      expect(decideStep(observation({ path, ...given, handedOver: true }))).toMatchObject({ do: 'GiveBack' });
    });
  }

  expectSteps([
    ['a pod left to the garbage collector', { handedOver: true, deployment: null, replicaSet: null }, { do: 'Cancel' }],
    ['a pod that has ended', { pod: { phase: 'Failed', metadata: { uid: 'a' } } }, { do: 'Cancel' }],
    [
      'a pod that has ended after the hand-over',
      { handedOver: true, pod: { phase: 'Succeeded', metadata: observation({ handedOver: true }).pod.metadata } },
      { do: 'LetGo', outcome: 'Verified' },
    ],
    [
      'a pod that is terminating',
      { pod: { metadata: { uid: 'a', deletionTimestamp: ago(0), ownerReferences: [rsOwner] } } },
      { do: 'Wait', reason: 'the pod is terminating' },
    ],
  ]);
});

describe('times in the future (another clock, or one that was set back)', () => {
  const inAnHour = ago(-3_600);
  const last: Given = { replicas: 0, deployment: { replicas: 1 }, handedOver: true, services: [service(['a'])] };
  expectSteps([
    [
      'within the skew of two clocks count as now',
      { ...last, state: { handedOverAt: ago(-10) } },
      { do: 'Wait', forMs: 60_000 },
    ],
    ['beyond it as over', { ...last, state: { handedOverAt: inAnHour } }, { do: 'LetGo' }],
    [
      'count from when the leader saw them first',
      { ...last, state: { handedOverAt: inAnHour }, progress: { seenAtMs: NOW_MS - 20_000 } },
      { do: 'Wait', forMs: 40_000 },
    ],
    [
      'and are over then',
      { ...last, state: { handedOverAt: inAnHour }, progress: { seenAtMs: NOW_MS - 60_000 } },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    ['hold no cancelling back', { replicas: 3, state: { askedAt: inAnHour } }, { do: 'Cancel' }],
    ['do not keep an eviction that nobody asks for', { ...replaced, state: { askedAt: inAnHour } }, { do: 'GiveBack' }],
    [
      "do not prolong a person's request",
      { ...replaced, path: 'Delete', state: { askedAt: inAnHour } },
      { do: 'GiveBack' },
    ],
  ]);
});
