import { describe, expect, test } from 'vitest';
import { type AdmitInput, judgeDeletion, judgeEviction, OVERDUE_MS, RERUN_MS, UNTOUCHED_MS } from './admit.ts';
import type { DrainState, GateSettings } from './types.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const ago = (ms: number): string => new Date(nowMs - ms).toISOString();

const replicaSetController = 'system:serviceaccount:kube-system:replicaset-controller';
const controllerManager = 'system:kube-controller-manager';
const ownUser = 'system:serviceaccount:graceful-rollout:graceful-rollout';
const settings: GateSettings = { mode: 'Gate', timeoutSeconds: 60 };

const pod: AdmitInput['pod'] = {
  metadata: {
    namespace: 'shop',
    name: 'web-1',
    uid: 'p1',
    resourceVersion: '7',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-a', uid: 'rs', controller: true }],
  },
  phase: 'Running',
  ready: true,
  gracePeriodSeconds: 35,
};
const handedOver: AdmitInput['pod'] = {
  ...pod,
  metadata: {
    ...pod.metadata,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd', controller: true }],
  },
};
const deployment = { name: 'web', uid: 'd', replicas: 3, recreate: false, deleting: false };
const replicaSet = { name: 'web-a', uid: 'rs', replicas: 2, owned: 3 };

const input: AdmitInput = {
  nowMs,
  request: { username: 'alice', dryRun: false },
  ownUser,
  synced: true,
  leaderAlive: true,
  pod,
  state: { kind: 'None' },
  deployment,
  replicaSet,
  settings,
  listedReady: false,
};
const state = (more: Partial<DrainState> = {}): AdmitInput['state'] => ({
  kind: 'State',
  state: { path: 'ScaleDown', by: 'x', askedAt: ago(1000), ...more },
});
const without = (key: 'deployment' | 'replicaSet' | 'settings'): AdmitInput => {
  const { [key]: _, ...rest } = input;
  return rest;
};
const by = (username: string, more: Partial<AdmitInput['request']> = {}): AdmitInput => ({
  ...input,
  request: { ...input.request, username, ...more },
});

describe('who asks for the deletion', () => {
  test.each([
    [replicaSetController, 'ScaleDown'],
    [controllerManager, 'ScaleDown'],
    ['alice', 'Delete'],
    ['system:admin', 'Delete'],
    ['', 'Delete'],
    ['system:serviceaccount:kube-system:somebody-new', 'Delete'],
    ['system:serviceaccount:shop:namespace-controller', 'Delete'],
    [`${ownUser}-2`, 'Delete'],
  ])('%s is gated as %s', (username, path) => {
    expect(judgeDeletion(by(username))).toEqual({ answer: 'Gate', path });
  });

  test.each([
    ownUser,
    'system:node:worker-1',
    'system:kube-scheduler',
    ...[
      'generic-garbage-collector',
      'namespace-controller',
      'pod-garbage-collector',
      'node-controller',
      'taint-eviction-controller',
      'daemon-set-controller',
      'job-controller',
      'cronjob-controller',
      'statefulset-controller',
    ].map((name) => `system:serviceaccount:kube-system:${name}`),
  ])('%s goes through, and so does its eviction', (username) => {
    expect(judgeDeletion(by(username))).toEqual({ answer: 'Admit', why: 'ExemptUser' });
    expect(judgeEviction(by(username))).toEqual({ answer: 'Admit', why: 'ExemptUser' });
  });

  test.each([controllerManager, replicaSetController, 'alice'])('an eviction by %s is gated', (username) => {
    expect(judgeEviction(by(username))).toEqual({ answer: 'Gate', path: 'Eviction' });
  });
});

describe('the controller manager under one name', () => {
  const balanced = { replicaSet: { ...replicaSet, owned: 2 } };
  test.each<[string, AdmitInput, ReturnType<typeof judgeDeletion>]>([
    [
      'the grace period that the API server filled in is plain',
      by(controllerManager, { gracePeriodSeconds: 35 }),
      { answer: 'Gate', path: 'ScaleDown' },
    ],
    [
      'another grace period is not',
      by(controllerManager, { gracePeriodSeconds: 5 }),
      { answer: 'Admit', why: 'ExemptUser' },
    ],
    [
      'pod garbage collection',
      by(controllerManager, { gracePeriodSeconds: 0 }),
      { answer: 'Admit', why: 'ExemptUser' },
    ],
    ['garbage collection', by(controllerManager, { uid: 'p1' }), { answer: 'Admit', why: 'ExemptUser' }],
    ['a version', by(controllerManager, { resourceVersion: '7' }), { answer: 'Admit', why: 'ExemptUser' }],
    ['no surplus', { ...by(controllerManager), ...balanced }, { answer: 'Admit', why: 'NoSurplus' }],
    [
      'no surplus any more, because the pod was handed over a moment ago',
      { ...by(controllerManager), ...balanced, pod: handedOver, state: state({ handedOverAt: ago(10) }) },
      { answer: 'Gate', path: 'ScaleDown' },
    ],
    [
      'taint eviction of a pod that waits for its replacement',
      { ...by(controllerManager), ...balanced, state: state({ path: 'Eviction', handedOverAt: ago(10) }) },
      { answer: 'Admit', why: 'NoSurplus' },
    ],
  ])('%s', (_name, asked, judged) => {
    expect(judgeDeletion(asked)).toEqual(judged);
  });

  test('the ReplicaSet controller under its own name is not asked for a surplus: the leader counts', () => {
    expect(judgeDeletion({ ...by(replicaSetController), ...balanced })).toEqual({ answer: 'Gate', path: 'ScaleDown' });
  });
});

/** Everything that lets every asker through, whatever else is true. */
const exempt: [string, string, Partial<AdmitInput>][] = [
  ['NotSynced', 'caches are not there', { synced: false }],
  ['ExemptNamespace', 'kube-system', { pod: { ...pod, metadata: { ...pod.metadata, namespace: 'kube-system' } } }],
  [
    'Terminating',
    'deletionTimestamp is set',
    { pod: { ...pod, metadata: { ...pod.metadata, deletionTimestamp: ago(1) } } },
  ],
  ['NotServing', 'not ready', { pod: { ...pod, ready: false } }],
  ['NotServing', 'not ready, handed over', { pod: { ...handedOver, ready: false }, state: state() }],
  ['NotServing', 'pending', { pod: { ...pod, phase: 'Pending' } }],
  ['NotServing', 'failed, isolated', { pod: { ...pod, phase: 'Failed' }, state: state({ isolatedAt: ago(10) }) }],
  ['OwnerGone', 'no owner', { pod: { ...pod, metadata: { ...pod.metadata, ownerReferences: [] } } }],
  ['OwnerGone', 'Deployment in deletion', { deployment: { ...deployment, deleting: true } }],
  ['OwnerGone', 'another ReplicaSet of that name', { replicaSet: { ...replicaSet, uid: 'other' } }],
  [
    'OwnerGone',
    'handed over to a Deployment that is gone',
    { pod: handedOver, deployment: { ...deployment, uid: 'new' } },
  ],
  ['Recreate', 'Recreate', { deployment: { ...deployment, recreate: true } }],
  ['ScaledToZero', 'replicas 0', { deployment: { ...deployment, replicas: 0 } }],
  ['NotGated', 'mode Observe', { settings: { ...settings, mode: 'Observe' } }],
  ['NotGated', 'mode Off', { settings: { ...settings, mode: 'Off' } }],
  ['LeaderSilent', 'nobody leads', { leaderAlive: false }],
  ['Drained', 'drained', { state: state({ drainedAt: ago(1), isolatedAt: ago(5000) }) }],
  ['Overdue', 'isolated too long ago', { pod: handedOver, state: state({ isolatedAt: ago(60_000 + OVERDUE_MS + 1) }) }],
  ['Overdue', 'nobody acted', { state: state({ askedAt: ago(UNTOUCHED_MS + 1) }) }],
  ['Overdue', 'nobody acted on a scale-down', { state: state({ askedAt: ago(UNTOUCHED_MS + 1), reason: 'r' }) }],
  [
    'Overdue',
    'handed over, and nothing since',
    {
      pod: handedOver,
      state: state({ path: 'Eviction', askedAt: ago(200_000), handedOverAt: ago(UNTOUCHED_MS + OVERDUE_MS + 1) }),
    },
  ],
  [
    'Overdue',
    'surplus, handed over, and not let go in time',
    {
      pod: handedOver,
      state: state({ askedAt: ago(200_000), handedOverAt: ago(80_000 + OVERDUE_MS + 1) }),
      settings: { ...settings, timeoutSeconds: 80 },
    },
  ],
  ['Overdue', 'asked by a clock that is an hour ahead', { state: state({ askedAt: ago(-3_600_000) }) }],
];

describe.each(exempt)('%s: %s', (why, _name, facts) => {
  test.each([
    ['the ReplicaSet controller', judgeDeletion, replicaSetController],
    ['the controller manager', judgeDeletion, controllerManager],
    ['a person', judgeDeletion, 'alice'],
    ['an evictor', judgeEviction, 'alice'],
  ] as const)('%s is admitted', (_who, judge, username) => {
    expect(judge({ ...by(username), ...facts })).toEqual({ answer: 'Admit', why });
  });
});

test('what the caches do not have is admitted', () => {
  for (const judge of [judgeDeletion, judgeEviction]) {
    expect(judge(without('deployment'))).toEqual({ answer: 'Admit', why: 'OwnerGone' });
    expect(judge(without('replicaSet'))).toEqual({ answer: 'Admit', why: 'OwnerGone' });
    expect(judge(without('settings'))).toEqual({ answer: 'Admit', why: 'NotGated' });
  }
});

describe('a pod that is not Ready, and that a slice lists as ready', () => {
  const unready = { ...pod, ready: false };
  const listed: AdmitInput = { ...input, pod: unready, listedReady: true };
  test.each([
    [replicaSetController, judgeDeletion, 'ScaleDown'],
    ['alice', judgeDeletion, 'Delete'],
    ['alice', judgeEviction, 'Eviction'],
  ] as const)('is gated as any other: %s', (username, judge, path) => {
    expect(judge({ ...listed, request: { username, dryRun: false } })).toEqual({ answer: 'Gate', path });
  });

  test.each<[string, Partial<AdmitInput>]>([
    ['none lists it (any more)', { listedReady: false }],
    ['it waits for a replacement', { pod: { ...handedOver, ready: false }, state: state({ handedOverAt: ago(10) }) }],
    ['it has not begun to run', { pod: { ...unready, phase: 'Pending' } }],
    ['it has ended', { pod: { ...unready, phase: 'Failed' } }],
  ])('is admitted when %s', (_, facts) => {
    for (const judge of [judgeDeletion, judgeEviction]) {
      expect(judge({ ...listed, ...facts })).toEqual({ answer: 'Admit', why: 'NotServing' });
    }
  });
});

describe('options', () => {
  test.each<[string, Partial<AdmitInput['request']>, string]>([
    ['a dry run', { dryRun: true }, 'DryRun'],
    ['force', { gracePeriodSeconds: 0 }, 'Forced'],
    ['a precondition on the version', { resourceVersion: '7' }, 'Precondition'],
    ['a precondition on another uid', { uid: 'p0' }, 'Precondition'],
  ])('%s goes through', (_name, options, why) => {
    expect(judgeDeletion(by('alice', options))).toEqual({ answer: 'Admit', why });
    expect(judgeEviction(by('alice', options))).toEqual({ answer: 'Admit', why });
  });

  test.each<[string, Partial<AdmitInput['request']>]>([
    ['its own uid', { uid: 'p1' }],
    ['a short grace period', { gracePeriodSeconds: 1 }],
  ])('%s does not', (_name, options) => {
    expect(judgeDeletion(by('alice', options))).toEqual({ answer: 'Gate', path: 'Delete' });
  });

  test('a ReplicaSet does not force: 0 is the grace period of the pod', () => {
    const asked = { ...by(replicaSetController, { gracePeriodSeconds: 0 }), pod: { ...pod, gracePeriodSeconds: 0 } };
    expect(judgeDeletion(asked)).toEqual({ answer: 'Gate', path: 'ScaleDown' });
  });
});

describe('a drain that goes on holds everybody back', () => {
  test.each<[string, Partial<AdmitInput>]>([
    ['just asked', { state: state() }],
    [
      'handed over: the last endpoint may wait as long as an isolated pod',
      {
        pod: handedOver,
        state: state({ handedOverAt: ago(80_000 + OVERDUE_MS - 1), askedAt: ago(500_000) }),
        settings: { ...settings, timeoutSeconds: 80 },
      },
    ],
    [
      'an eviction that was handed over a minute ago',
      {
        pod: handedOver,
        state: state({ path: 'Eviction', askedAt: ago(99_000), handedOverAt: ago(UNTOUCHED_MS + 1) }),
      },
    ],
    [
      'an eviction that was handed over and waits for its replacement',
      { pod: handedOver, state: state({ path: 'Eviction', handedOverAt: ago(9_000_000), reason: 'no room' }) },
    ],
    [
      'a delete by a person that took over an eviction of ten minutes',
      { pod: handedOver, state: state({ path: 'Delete', handedOverAt: ago(600_000), until: ago(-24_000) }) },
    ],
    [
      'an eviction that waits for a node, for ever',
      { state: state({ path: 'Eviction', askedAt: ago(9_000_000), reason: 'no replacement' }) },
    ],
    ['its ReplicaSet is cleaned up', { pod: handedOver, state: state({ isolatedAt: ago(10) }) }],
    ['unready since its isolation', { pod: { ...handedOver, ready: false }, state: state({ isolatedAt: ago(10) }) }],
    ['near its deadline', { pod: handedOver, state: state({ isolatedAt: ago(60_000 + OVERDUE_MS - 1) }) }],
    ['a forged state is no state', { state: { kind: 'Forged' } }],
  ])('%s', (name, facts) => {
    const { replicaSet: _, ...gone } = input;
    const base = name.includes('cleaned') ? gone : input;
    expect(judgeDeletion({ ...base, ...facts })).toEqual({ answer: 'Gate', path: 'Delete' });
    expect(judgeEviction({ ...base, ...facts })).toEqual({ answer: 'Gate', path: 'Eviction' });
    expect(
      judgeDeletion({ ...base, ...facts, request: { username: replicaSetController, dryRun: false } }),
    ).toMatchObject({ answer: 'Gate' });
  });
});

describe('the second call about one DELETE', () => {
  const after = (more: Partial<DrainState>) => judgeDeletion({ ...input, state: state({ path: 'Delete', ...more }) });
  const waited = { answer: 'Admit', why: 'Waited' };
  const gated = { answer: 'Gate', path: 'Delete' };
  test.each<[string, Partial<DrainState>, object]>([
    ['while it waits', { until: ago(-1) }, gated],
    ['at its end', { until: ago(0) }, waited],
    ['a moment later', { until: ago(RERUN_MS - 1) }, waited],
    ['later than the API server waits: another request', { until: ago(RERUN_MS) }, gated],
    ['on an isolated pod', { until: ago(1), isolatedAt: ago(9000) }, waited],
    ['after a hang-up: another request', { until: ago(1), abandonedAt: ago(3000) }, gated],
  ])('%s', (_name, more, judged) => {
    expect(after(more)).toEqual(judged);
  });
});
