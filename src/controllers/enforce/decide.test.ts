import { describe, expect, test } from 'vitest';
import type { Claim } from '../../api/claim.ts';
import { decide } from './decide.ts';
import { contestEndsInMs, contestExpiryMs, report } from './report.ts';
import { claim, completed, conditions, deployment, nowMs, reported, snapshot } from './testing/snapshots.ts';

describe('what is reported', () => {
  test('the target is missing', () => {
    const rollout = claim();
    expect(conditions(rollout, reported(decide(snapshot(rollout))))).toMatchObject({
      Ready: 'False/TargetNotFound',
      TargetFound: 'False/TargetNotFound',
      Reconciling: 'True/TargetNotFound',
      Stalled: 'False/TargetNotFound',
    });
  });

  test('the target is being deleted: nothing is changed on it', () => {
    const object = deployment();
    const leaving = { ...object, metadata: { ...object.metadata, deletionTimestamp: '2026-11-22T11:59:00Z' } };
    const rollout = claim();
    expect(conditions(rollout, reported(decide(snapshot(rollout, leaving)))).Ready).toBe('False/TargetDeleting');
  });

  test('an older GracefulRollout governs; one that cannot be used does not', () => {
    const younger = claim({}, { name: 'younger', created: '2026-02-01T00:00:00Z' });
    const older = claim({}, { name: 'older' });
    const unusable: Claim = { ...older, problems: ['spec.termination: wrong'] };
    const held = reported(decide(snapshot(younger, deployment(), { claimants: [younger, older] })));
    expect(held.situation).toEqual({ kind: 'OlderRolloutGoverns', winner: 'older' });
    const { spec: _spec, ...withoutSpec } = unusable;
    expect(decide(snapshot(younger, deployment(), { claimants: [younger, withoutSpec] })).act).toBe('adopt');
  });

  test('a spec that cannot be used says which field', () => {
    const rollout = claim({ termination: { preStopSleepSeconds: 'soon' } });
    const assessment = reported(decide(snapshot(rollout, deployment())));
    expect(conditions(rollout, assessment)).toMatchObject({ Ready: 'False/InvalidSpec', Stalled: 'True/InvalidSpec' });
    expect(report(rollout, assessment, nowMs).conditions?.[0]?.message).toContain('preStopSleepSeconds');
  });

  test('Windows pods are left alone', () => {
    const rollout = claim();
    const { template } = deployment().spec;
    const windows = deployment({ template: { ...template, spec: { ...template.spec, os: { name: 'windows' } } } });
    const assessment = reported(decide(snapshot(rollout, windows)));
    expect(report(rollout, assessment, nowMs).phase).toBe('NotApplicable');
  });

  test('mode Audit lists what is missing', () => {
    const rollout = claim({ mode: 'Audit' });
    const assessment = reported(decide(snapshot(rollout, deployment())));
    expect(conditions(rollout, assessment)).toMatchObject({ Ready: 'True/Audited', ContractEnforced: 'False/Audited' });
    expect(report(rollout, assessment, nowMs).conditions?.[0]?.message).toContain(
      'terminationGracePeriodSeconds 30 → 35',
    );
  });

  test('adoption NextRollout waits and is Ready', () => {
    const rollout = claim({ adoption: 'NextRollout' });
    const assessment = reported(decide(snapshot(rollout, deployment())));
    expect(conditions(rollout, assessment)).toMatchObject({
      Ready: 'True/AwaitingNextRollout',
      ContractEnforced: 'False/AwaitingNextRollout',
    });
  });
});

test('one that is being deleted governs nothing', () => {
  const older = claim({}, { name: 'older' });
  const leaving: Claim = { ...older, metadata: { ...older.metadata, deletionTimestamp: '2026-11-22T11:00:00Z' } };
  const younger = claim({}, { name: 'younger', created: '2026-02-01T00:00:00Z' });
  expect(decide(snapshot(younger, deployment(), { claimants: [leaving, younger] })).act).toBe('adopt');
});

test('a contest ends by itself', () => {
  const contest = {
    field: 'spec.template.spec.terminationGracePeriodSeconds',
    writer: 'flux',
    value: '30',
    times: 3,
    lastSeenTime: new Date(nowMs).toISOString(),
  };
  const contested = claim({}, { status: { contest } });
  const object = completed(contested, deployment());
  const at = (atMs: number) => report(contested, reported(decide(snapshot(contested, object, { nowMs: atMs }))), atMs);
  const state = (atMs: number) => at(atMs).conditions?.find(({ type }) => type === 'Contested')?.status;
  expect(state(nowMs + 1)).toBe('True');
  const endsInMs = contestEndsInMs(contested, nowMs) ?? 0;
  expect(endsInMs).toBeGreaterThan(contestExpiryMs);
  expect(state(nowMs + endsInMs)).toBe('False');
  expect(contestEndsInMs(contested, nowMs + endsInMs)).toBeUndefined();
});
