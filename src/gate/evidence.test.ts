import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evidenceOf, evidenceText, marginSeconds, marginSummary, recommendedPreStopSeconds } from './evidence.ts';
import { ago, barrier, NOW_MS, observation, rsOwner } from './testing/observations.ts';
import type { Evidence } from './types.ts';

const base: Evidence = { pod: 'web-a', uid: 'a', path: 'ScaleDown', outcome: 'Verified' };

function withMargin(seconds: number): Evidence {
  return { ...base, proxies: barrier, sigtermAtMs: NOW_MS + seconds * 1000 };
}

function withRemoval(seconds: number): Evidence {
  return { ...base, isolatedAtMs: NOW_MS, proxies: { ...barrier, atMs: NOW_MS + seconds * 1000 } };
}

const { pod } = observation();
/** Deleted at NOW_MS. */
const terminating = {
  ...pod,
  nodeName: 'node-1',
  metadata: { ...pod.metadata, deletionTimestamp: ago(-30), deletionGracePeriodSeconds: 30 },
};

describe('evidenceOf', () => {
  it('tells no margin of the last endpoint on its node: its proxy sent to it until it ended', () => {
    const progress = { slicesCleanAtMs: NOW_MS, proxies: barrier };
    const state = { path: 'Eviction', by: 'drain', askedAt: ago(1) } as const;
    const evidence = evidenceOf({ pod: terminating, state, progress, outcome: 'LastOnNode' });
    expect(evidence).not.toHaveProperty('proxies');
    expect(marginSeconds(evidence)).toBeUndefined();
    expect(recommendedPreStopSeconds([evidence])).toBeUndefined();
    expect(evidenceText(evidence)).toContain('Eviction by drain: LastOnNode; ');
    expect(evidenceText(evidence)).toContain('; not isolated: its node had no other ready endpoint');
  });

  it('puts together what the pod, its state and the leader know', () => {
    const state = {
      path: 'Eviction',
      by: 'drain',
      askedAt: ago(9),
      owner: rsOwner,
      handedOverAt: ago(8),
      isolatedAt: ago(4),
      removedLabels: { app: 'web' },
    } as const;
    const replacementKnown = { ...barrier, atMs: NOW_MS - 5_000 };
    const proxies = { ...barrier, atMs: NOW_MS - 2_000 };
    const progress = {
      replacementKnown,
      slicesCleanAtMs: NOW_MS - 3_000,
      proxies,
      drained: { atMs: NOW_MS - 1_000, met: true },
    };
    expect(evidenceOf({ pod: terminating, state, progress, outcome: 'Verified', goneAtMs: NOW_MS + 9_000 })).toEqual({
      pod: 'web-a',
      uid: 'a',
      node: 'node-1',
      path: 'Eviction',
      by: 'drain',
      outcome: 'Verified',
      askedAtMs: NOW_MS - 9_000,
      handedOverAtMs: NOW_MS - 8_000,
      replacedAtMs: NOW_MS - 5_000,
      isolatedAtMs: NOW_MS - 4_000,
      slicesCleanAtMs: NOW_MS - 3_000,
      proxies,
      drainedAtMs: NOW_MS - 1_000,
      drainedMet: true,
      deletedAtMs: NOW_MS,
      sigtermAtMs: NOW_MS + 5_000,
      goneAtMs: NOW_MS + 9_000,
      removedLabels: ['app'],
    });
  });

  it('takes a pod that was drained as it was, by a leader that is no more, for no verified one', () => {
    const state = { path: 'Delete', by: 'me', askedAt: ago(9), drainedAt: ago(8) } as const;
    expect(evidenceOf({ pod: terminating, state, progress: {} })).toMatchObject({ outcome: 'Ungated' });
    const isolated = { ...state, isolatedAt: ago(9) };
    expect(evidenceOf({ pod: terminating, state: isolated, progress: {} })).toMatchObject({ outcome: 'Verified' });
    const unmet = { ...isolated, unmet: 'no replacement' };
    expect(evidenceOf({ pod: terminating, state: unmet, progress: {} })).toMatchObject({
      outcome: 'ReplacementTimeout',
      violation: 'no replacement',
    });
  });

  it('knows little of a pod that ended without the gate', () => {
    expect(evidenceOf({ pod: terminating, progress: {} })).toMatchObject({ path: 'Ungated', outcome: 'Ungated' });
    expect(evidenceOf({ pod, progress: {} })).not.toHaveProperty('sigtermAtMs');
    const odd = { ...pod, metadata: { deletionTimestamp: 'soon' } };
    expect(evidenceOf({ pod: odd, progress: {} })).not.toHaveProperty('deletedAtMs');
  });

  it("does not take the deletion's whole seconds for a deletion before the checks that led to it", () => {
    const proxies = { ...barrier, atMs: NOW_MS + 700 };
    expect(evidenceOf({ pod: terminating, progress: { proxies }, outcome: 'Verified' }).deletedAtMs).toBe(NOW_MS + 700);
    expect(evidenceOf({ pod: terminating, progress: { proxies }, outcome: 'DeadlinePassed' }).deletedAtMs).toBe(NOW_MS);
    expect(marginSeconds(evidenceOf({ pod: terminating, progress: { proxies } }))).toBe(4.3);
  });

  it('was checked as any other where its eviction waited no longer: no replacement is claimed, and what did not hold is said', () => {
    const replacementKnown = { ...barrier, atMs: NOW_MS - 5_000 };
    const progress = { replacementKnown, proxies: { ...barrier, atMs: NOW_MS + 700 } };
    const state = { path: 'Eviction', by: 'drain', askedAt: ago(9), unmet: 'its budget said no' } as const;
    const evidence = evidenceOf({ pod: terminating, state, progress, outcome: 'ReplacementTimeout' });
    expect(evidence).toMatchObject({ deletedAtMs: NOW_MS + 700, violation: 'its budget said no' });
    expect(evidence).not.toHaveProperty('replacedAtMs');
    const { unmet: _, ...last } = state;
    const unchecked = evidenceOf({ pod: terminating, state: last, progress, outcome: 'ReplacementTimeout' });
    expect(unchecked).toMatchObject({ deletedAtMs: NOW_MS, replacedAtMs: NOW_MS - 5_000 });
  });

  it('takes no sleep for longer than the grace period', () => {
    const sleeper = { ...terminating, preStopSeconds: Infinity };
    expect(evidenceOf({ pod: sleeper, progress: {} }).sigtermAtMs).toBe(NOW_MS + 30_000);
  });

  it('was drained for a person, as its state says, when the leader that did it is gone', () => {
    const state = { path: 'Delete', by: 'me', askedAt: ago(9), isolatedAt: ago(4), drainedAt: ago(1) } as const;
    expect(evidenceOf({ pod, state, progress: {} })).toMatchObject({
      outcome: 'Verified',
      drainedAtMs: NOW_MS - 1_000,
    });
  });
});

describe('a person whose request waited in vain', () => {
  const waited = { path: 'Delete', by: 'me', askedAt: ago(25), until: ago(0) } as const;

  it.each([
    ['while it served', {}, 'while its Services still sent to it'],
    ['while it was verified', { isolatedAt: ago(3) }, 'before its removal was verified'],
    ['a scale-down that a person waited for', { path: 'ScaleDown' as const }, 'while its Services still sent to it'],
    ['its deletion stamped in whole seconds', { until: ago(-1) }, 'while its Services still sent to it'],
  ])('ends the pod past its time: %s', (_, given, words) => {
    const evidence = evidenceOf({ pod: terminating, state: { ...waited, ...given }, progress: {} });
    expect(evidence.outcome).toBe('DeadlinePassed');
    expect(evidence.violation).toContain(words);
  });

  it.each([
    ['before that', { until: ago(-20) }],
    ['by somebody else, later', { until: ago(20) }],
    ['after the person had gone', { abandonedAt: ago(9) }],
  ])('is not what ended it %s', (_, given) => {
    const evidence = evidenceOf({ pod: terminating, state: { ...waited, ...given }, progress: {} });
    expect(evidence.outcome).toBe('Ungated');
    expect(evidence).not.toHaveProperty('violation');
  });

  it('is not what the leader says it was', () => {
    expect(evidenceOf({ pod: terminating, state: waited, progress: {}, outcome: 'LastEndpoint' }).outcome).toBe(
      'LastEndpoint',
    );
    const drained = { ...waited, isolatedAt: ago(4), drainedAt: ago(1) };
    expect(evidenceOf({ pod: terminating, state: drained, progress: {} }).outcome).toBe('Verified');
  });
});

describe('marginSeconds', () => {
  it('is from the last proxy to SIGTERM', () => {
    expect(marginSeconds(withMargin(2.5))).toBe(2.5);
    expect(marginSeconds(withMargin(-1))).toBe(-1);
  });

  it('is unknown without SIGTERM, without proxies, and where only time has passed', () => {
    expect(marginSeconds({ ...base, proxies: barrier })).toBeUndefined();
    expect(marginSeconds({ ...base, sigtermAtMs: NOW_MS })).toBeUndefined();
    expect(
      marginSeconds({ ...base, sigtermAtMs: NOW_MS, proxies: { ...barrier, evidence: 'QuietTime' } }),
    ).toBeUndefined();
  });
});

describe('marginSummary', () => {
  it('is none without a known margin', () => {
    expect(marginSummary([])).toBeUndefined();
    expect(marginSummary([base])).toBeUndefined();
  });

  it('takes the nearest rank: what p of 100 pods had at least', () => {
    expect(marginSummary([withMargin(3), base])).toEqual({ pods: 1, minSeconds: 3, p50Seconds: 3, p99Seconds: 3 });
    const hundred = Array.from({ length: 100 }, (_, index) => withMargin(index + 1));
    expect(marginSummary(hundred)).toEqual({ pods: 100, minSeconds: 1, p50Seconds: 51, p99Seconds: 2 });
    expect(marginSummary(hundred.slice(1))).toEqual({ pods: 99, minSeconds: 2, p50Seconds: 51, p99Seconds: 2 });
  });

  it('is what at least p of 100 pods had, for any list', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1 }), (margins) => {
        const { minSeconds, p50Seconds, p99Seconds, pods } = marginSummary(margins.map(withMargin)) ?? expect.fail();
        const share = (seconds: number): number => margins.filter((margin) => margin >= seconds).length / pods;
        expect(minSeconds).toBe(Math.min(...margins));
        expect(share(p50Seconds)).toBeGreaterThanOrEqual(0.5);
        expect(share(p99Seconds)).toBeGreaterThanOrEqual(0.99);
        expect(margins).toContain(p50Seconds);
      }),
    );
  });
});

describe('recommendedPreStopSeconds', () => {
  it.each([
    [[], undefined],
    [[base], undefined],
    [[withRemoval(0.1)], 2],
    [[withRemoval(2)], 3],
    [[withRemoval(-4)], 1],
    [[withRemoval(1), withRemoval(3.2), base], 5],
    [Array.from({ length: 100 }, (_, index) => withRemoval(index)), 99],
  ])('%#', (list, seconds) => {
    expect(recommendedPreStopSeconds(list)).toBe(seconds);
  });

  it('counts from the deletion where the gate had no hand in it, and nothing where only time has passed', () => {
    const ungated: Evidence = { ...base, path: 'Ungated', deletedAtMs: NOW_MS - 1_500, proxies: barrier };
    expect(recommendedPreStopSeconds([ungated])).toBe(3);
    expect(recommendedPreStopSeconds([{ ...ungated, proxies: { ...barrier, evidence: 'QuietTime' } }])).toBeUndefined();
  });
});

describe('evidenceText', () => {
  it('is one line', () => {
    const full: Evidence = {
      ...base,
      by: 'system:serviceaccount:kube-system:replicaset-controller',
      askedAtMs: NOW_MS,
      isolatedAtMs: NOW_MS + 100,
      slicesCleanAtMs: NOW_MS + 300,
      proxies: { ...barrier, evidence: 'PartialBarrier', atMs: NOW_MS + 900, silent: ['n'] },
      deletedAtMs: NOW_MS + 1_000,
      sigtermAtMs: NOW_MS + 6_000,
      removedLabels: ['app'],
      violation: 'late\nvery',
    };
    expect(evidenceText(full)).toBe(
      'ScaleDown by system:serviceaccount:kube-system:replicaset-controller: Verified; asked 0.0 s, isolated 0.1 s, slices clean 0.3 s, proxies clean (PartialBarrier, 2 confirmed, 1 silent) 0.9 s, deleted 1.0 s, SIGTERM (estimated) 6.0 s; margin 5.1 s; labels removed: app; late very',
    );
    expect(evidenceText({ ...base, drainedAtMs: NOW_MS, drainedMet: false })).toContain(
      'drained check timed out 0.0 s',
    );
    expect(evidenceText(base)).toBe('ScaleDown: Verified');
  });

  it('is at most 1,000 characters', () => {
    const text = evidenceText({
      ...base,
      by: 'b'.repeat(999),
      violation: 'v'.repeat(2_000),
      removedLabels: ['l'.repeat(999)],
    });
    expect(text).toHaveLength(1_000);
    expect(text.endsWith('…')).toBe(true);
  });
});
