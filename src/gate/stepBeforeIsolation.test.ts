import { describe, expect, it } from 'vitest';
import { decideStep } from './step.ts';
import { ago, type Given, MONO_MS, observation, rsOwner, service, sibling } from './testing/observations.ts';
import {
  alone,
  budget,
  expectSteps,
  isolates,
  isolatesAsIs,
  known,
  lastEndpoint,
  replaced,
  unlisted,
} from './testing/stepCases.ts';
import type { DrainProgress } from './types.ts';

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
    ['serves nobody: checked', { services: [], handedOver: true }, { do: 'VerifySlices' }],
    [
      'serves nobody: let go',
      { services: [], handedOver: true, progress: unlisted },
      { do: 'LetGo', outcome: 'Verified' },
    ],
    [
      'no Service selects it since a moment ago: isolated as it is, to be verified',
      { services: [], handedOver: true, listed: 'Before', progress: unlisted },
      { ...isolatesAsIs, handOver: false },
    ],
    ['no Service selects it, a slice lists it', { services: [], handedOver: true, listed: 'Now' }, isolatesAsIs],
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
    [
      'is not Ready, and published as are others of its crash loop: leaves as plain Kubernetes would have it',
      {
        pod: { ready: false },
        siblings: ['a', 'b', 'c'].map((uid) => sibling(uid, { ready: false })),
        services: [service(['a', 'b', 'c'])],
      },
      isolates,
    ],
    [
      'is not Ready, and the last that is published: the ReplicaSet is not sent away',
      {
        pod: { ready: false },
        siblings: [sibling('a', { ready: false }), sibling('b', { ready: false })],
        services: [service(['a'])],
        replicas: 1,
      },
      { do: 'HandOver' },
    ],
    [
      'waits: the other endpoint was drained as it is, and its request deletes it now',
      {
        replicas: 0,
        deployment: { replicas: 2 },
        handedOver: true,
        siblings: [
          sibling('a', { ownerUid: 'deployment' }),
          sibling('b', { state: { path: 'Delete', by: 'me', askedAt: ago(1), drainedAt: ago(0) } }),
        ],
        services: [service(['a', 'b'])],
      },
      { do: 'Wait', reason: 'Service web has no other ready endpoint' },
    ],
  ]);
});

describe("a person's delete", () => {
  const last: Given = { ...replaced, path: 'Delete', services: [service(['a'])] };
  expectSteps([
    ['with others to serve leaves at once', { path: 'Delete' }, { ...isolates, handOver: true }],
    ['asks no budget and no minReady', { path: 'Delete', budgets: [budget], settings: { minReady: 3 } }, isolates],
    ['of the last endpoint: replacement first', { path: 'Delete', ...lastEndpoint }, { do: 'HandOver' }],
    ['waits for the replacement', last, { do: 'Wait', forMs: 27_000 }],
    ['leaves when it is known', { ...replaced, path: 'Delete', progress: known, budgets: [budget] }, isolates],
    ['that serves nobody is checked', { path: 'Delete', services: [] }, { do: 'VerifySlices' }],
    [
      'that serves nobody goes through',
      { path: 'Delete', services: [], progress: unlisted },
      { do: 'MarkDrained', outcome: 'Verified' },
    ],
    [
      'that no Service selects any more is isolated',
      { path: 'Delete', services: [], listed: 'Before' },
      { ...isolatesAsIs, handOver: true },
    ],
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
  const seen = (ownSeconds: number): DrainProgress => {
    const sight = { ageMs: -3_600_000, seenMs: MONO_MS - ownSeconds * 1000 };
    return { sights: { lookedMs: MONO_MS, of: new Map([[inAnHour, sight]]) } };
  };
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
      { ...last, state: { handedOverAt: inAnHour }, progress: seen(20) },
      { do: 'Wait', forMs: 40_000 },
    ],
    [
      'and are over then',
      { ...last, state: { handedOverAt: inAnHour }, progress: seen(60) },
      { do: 'LetGo', outcome: 'LastEndpoint' },
    ],
    ['hold no cancelling back', { replicas: 3, state: { askedAt: inAnHour } }, { do: 'Cancel' }],
    ['do not keep an eviction that nobody asks for', { ...replaced, state: { askedAt: inAnHour } }, { do: 'GiveBack' }],
    [
      "do not prolong a person's request",
      { ...replaced, path: 'Delete', state: { askedAt: inAnHour, until: ago(-3_625) } },
      { do: 'GiveBack' },
    ],
  ]);
});
