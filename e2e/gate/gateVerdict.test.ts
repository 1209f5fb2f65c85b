import { describe, expect, it } from 'vitest';
import type { GateResult, GateRow } from './gateRun.ts';
import { commandShortcomings, type GateExpectation, type OperatorPresence, shortcomings } from './gateVerdict.ts';
import type { WatchedEnd } from './podWatch.ts';
import { errorLines } from './quiet.ts';
import type { EndpointCheckStatus } from './stage.ts';

const expected: GateExpectation = { minimumRequests: 100, plainLosesAtLeast: 1 };
const spread = { p50Ms: 1, p99Ms: 1, maxMs: 1 };

const gated: WatchedEnd = {
  pod: 'protected-5c98-abcde',
  uid: '1',
  app: 'protected',
  node: 'node-1',
  path: 'ScaleDown',
  drainSeenAtMs: 1,
  isolatedAtMs: 2,
  terminatingAtMs: 3,
  goneAtMs: 4,
  wasReady: true,
};

type Recorded = NonNullable<EndpointCheckStatus['recent']>[number];

function record(pod: string, change: Partial<Recorded> = {}): Recorded {
  return { pod, path: 'ScaleDown', outcome: 'Verified', proxiesEvidence: 'Barrier', ...change };
}

function row(side: 'plain' | 'protected', lost: number, change: Partial<GateRow> = {}): GateRow {
  return {
    name: side,
    side,
    mode: 'new-connection',
    ratePerSecond: 500,
    requests: 100,
    answered: 100 - lost,
    lost,
    byClass: {},
    latency: spread,
    lateness: spread,
    losses: [],
    buckets: [],
    pods: {},
    connectionsOpened: 0,
    closedWhileIdle: 0,
    kernelLosses: 0,
    untranslated: 0,
    minReadyEndpoints: 1,
    podEnds: side === 'plain' ? [] : [gated],
    ...change,
  };
}

function result(change: Partial<GateResult> = {}): GateResult {
  return {
    name: 'rollout',
    server: 'abrupt',
    mode: 'new-connection',
    startedAtMs: 0,
    idleRequests: 10,
    operationStartedAtMs: 1,
    operationEndedAtMs: 2,
    rows: [row('plain', 5), row('protected', 0)],
    commands: [],
    complaints: { workloadWarnings: [], operatorWarnings: [], replicaFailures: [], controllerErrors: [] },
    leftBehind: [],
    endpointCheck: { recent: [record(gated.pod)] },
    voidRuns: [],
    ...change,
  };
}

describe('shortcomings', () => {
  it('finds none where the protected side lost nothing and the plain one did', () => {
    expect(shortcomings(result(), expected)).toEqual([]);
  });

  it('finds a lost request, but not one that the kernel lost', () => {
    expect(shortcomings(result({ rows: [row('protected', 1)] }), expected)).toHaveLength(1);
    expect(shortcomings(result({ rows: [row('protected', 1, { kernelLosses: 1 })] }), expected)).toEqual([]);
  });

  it('finds a rig that loses nothing, or sends too little', () => {
    expect(shortcomings(result({ rows: [row('plain', 0)] }), expected)[0]).toContain('has to lose 1');
    expect(shortcomings(result({ rows: [row('plain', 1, { requests: 99 })] }), expected)[0]).toContain('99 requests');
  });

  it('finds a pod that ended without the gate, or too early', () => {
    const ends = (end: Partial<WatchedEnd>) =>
      shortcomings(result({ rows: [row('protected', 0, { podEnds: [{ ...gated, ...end }] })] }), expected);
    expect(ends({ path: undefined })[0]).toContain('without a drain');
    expect(ends({ isolatedAtMs: undefined })[0]).toContain('never taken out');
    expect(ends({ isolatedAtMs: 4 })[0]).toContain('before it was taken out');
    expect(ends({ wasReady: false })).toEqual(['no protected pod that served ended: nothing was tried']);
  });

  describe('records of the pods that were drained', () => {
    const recorded = (recent: readonly Recorded[], operator?: OperatorPresence): string[] => {
      const change = { endpointCheck: { recent: [...recent] } };
      return shortcomings(result(change), operator === undefined ? expected : { ...expected, operator });
    };
    const { proxiesEvidence: _, ...unseen } = record(gated.pod, { outcome: 'Ungated' });

    it('are missed', () => {
      expect(recorded([])).toEqual([`the status has no record of ${gated.pod}`]);
      expect(shortcomings(result({ endpointCheck: undefined }), expected)).toHaveLength(1);
    });

    it('are not missed beside ten newer ones, nor where the leader may have left', () => {
      expect(recorded(Array.from({ length: 10 }, (_each, index) => record(`protected-${index}`)))).toEqual([]);
      expect(recorded([], 'moves')).toEqual([]);
    });

    it('say Verified, and that every proxy confirmed', () => {
      const other = { outcome: 'DeadlinePassed' } as const;
      expect(recorded([record(gated.pod, other)])).toEqual([
        expect.stringContaining('says DeadlinePassed and Barrier'),
      ]);
      const quiet = { proxiesEvidence: 'QuietTime' } as const;
      expect(recorded([record(gated.pod, quiet)])).toEqual([expect.stringContaining('says Verified and QuietTime')]);
      expect(recorded([record(gated.pod, quiet)], 'moves')).toHaveLength(1);
      expect(recorded([unseen])).toEqual([expect.stringContaining('says Ungated and nothing of proxies')]);
      expect(recorded([unseen], 'moves')).toEqual([]);
    });

    it('are not asked for where the operator is killed, nor the gate', () => {
      const rows = [row('protected', 0, { podEnds: [{ ...gated, path: undefined }] })];
      const killed = { ...expected, operator: 'killed' } as const;
      expect(shortcomings(result({ rows, endpointCheck: undefined }), killed)).toEqual([]);
      expect(shortcomings(result({ rows: [row('protected', 1)] }), killed)).toHaveLength(1);
    });
  });

  it('takes complaints about the protected side only', () => {
    const complaints = {
      workloadWarnings: ['ReplicaSet plain-1: FailedDelete: no', 'ReplicaSet protected-1: FailedDelete: no'],
      operatorWarnings: [],
      replicaFailures: ['Deployment plain: no'],
      controllerErrors: [],
    };
    expect(shortcomings(result({ complaints }), expected)).toEqual([
      'warning event: ReplicaSet protected-1: FailedDelete: no',
    ]);
  });
});

describe('warnings of the operator', () => {
  it('are a shortcoming of every case, those with a budget included', () => {
    const operatorWarnings = ['GracefulRollout protected: DrainViolation: too early'];
    const complaints = { workloadWarnings: [], operatorWarnings, replicaFailures: [], controllerErrors: [] };
    expect(shortcomings(result({ name: 'drain-budget', complaints }), expected)).toEqual([
      'operator: GracefulRollout protected: DrainViolation: too early',
    ]);
  });
});

describe('commandShortcomings', () => {
  it('lets pass what plain Kubernetes says', () => {
    const stderr =
      'Warning: ignoring DaemonSet-managed Pods: kube-system/x\n' +
      `error when evicting pods/"a" -n "b" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.\n`;
    expect(commandShortcomings({ args: ['drain', 'node-1'], code: 0, stderr })).toEqual([]);
  });

  it('finds another code and other words', () => {
    const stderr = 'error: unable to drain node "node-1" due to error: denied';
    expect(commandShortcomings({ args: ['drain', 'node-1'], code: 1, stderr })).toHaveLength(2);
  });
});

describe('errorLines', () => {
  const line = (text: string): string =>
    `E1122 20:13:57.698218   10327 replica_set.go:640] "Unhandled Error" err="${text}"`;

  it('takes errors that name the namespace', () => {
    const text = [line('sync ns-1/protected-1 failed'), line('sync ns-2/protected-1 failed'), 'I1122 ns-1'].join('\n');
    expect(errorLines(text, 'ns-1')).toEqual([line('sync ns-1/protected-1 failed')]);
  });

  it('leaves out what every plain rollout logs', () => {
    const text =
      'sync ns-1/a failed with read version: 1 is not as new as written version: 2 for group resource replicasets.apps';
    expect(errorLines(line(text), 'ns-1')).toEqual([]);
  });
});
