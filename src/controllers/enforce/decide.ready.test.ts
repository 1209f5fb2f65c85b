import { describe, expect, test } from 'vitest';
import type { Claim } from '../../api/claim.ts';
import type { Deployment } from '../../api/kubernetes.ts';
import { decide } from './decide.ts';
import { report } from './report.ts';
import { claim, completed, conditions, deployment, nowMs, reported, snapshot } from './testing/snapshots.ts';

describe('Ready means that the pods carry the contract', () => {
  const rollout = claim();
  const object = completed(rollout, deployment());
  const at = (status: Deployment['status'], spec: Partial<Deployment['spec']> = {}): Deployment => ({
    ...object,
    spec: { ...object.spec, ...spec },
    ...(status === undefined ? {} : { status }),
  });

  test.each([
    ['rolled out', { observedGeneration: 5, replicas: 2, updatedReplicas: 2 }, {}, 'True/Enforced'],
    [
      'not seen by the Deployment controller',
      { observedGeneration: 4, replicas: 2, updatedReplicas: 2 },
      {},
      'False/RollingOut',
    ],
    ['without a status', {}, {}, 'False/RollingOut'],
    ['old pods left', { observedGeneration: 5, replicas: 3, updatedReplicas: 2 }, {}, 'False/RollingOut'],
    ['new pods missing', { observedGeneration: 5, replicas: 1, updatedReplicas: 1 }, {}, 'False/RollingOut'],
    ['paused', { observedGeneration: 5, replicas: 2, updatedReplicas: 0 }, { paused: true }, 'False/Paused'],
    ['scaled to zero', { observedGeneration: 5 }, { replicas: 0 }, 'True/ScaledToZero'],
  ] as const)('%s', (_name, status, spec, ready) => {
    expect(conditions(rollout, reported(decide(snapshot(rollout, at(status, spec))))).Ready).toBe(ready);
  });

  test('a rollout that makes no progress is Stalled', () => {
    const progress = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'timed out',
    } as const;
    const stuck = at({ observedGeneration: 5, replicas: 3, updatedReplicas: 1, conditions: [progress] });
    expect(conditions(rollout, reported(decide(snapshot(rollout, stuck))))).toMatchObject({
      Ready: 'False/RolloutStuck',
      Stalled: 'True/RolloutStuck',
    });
  });

  test('an ordinary rollout later leaves Ready as it is', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const after: Claim = { ...rollout, status: report(rollout, done, nowMs) };
    const rolling = reported(decide(snapshot(after, at({ observedGeneration: 5, replicas: 3, updatedReplicas: 1 }))));
    expect(conditions(after, rolling).Ready).toBe('True/RollingOut');
  });

  test('a later rollout that is paused, or stuck, says so and leaves Ready as it is', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const after: Claim = { ...rollout, status: report(rollout, done, nowMs) };
    const rolling = { observedGeneration: 5, replicas: 3, updatedReplicas: 1 };
    const paused = reported(decide(snapshot(after, at(rolling, { paused: true }))));
    expect(conditions(after, paused).Ready).toBe('True/Paused');
    const progress = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'late',
    } as const;
    const stuck = reported(decide(snapshot(after, at({ ...rolling, conditions: [progress] }))));
    expect(conditions(after, stuck).Ready).toBe('True/RolloutStuck');
  });

  test('of many findings the worst are kept', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const info = Array.from({ length: 12 }, (_, n) => ({ code: `I${n}`, severity: 'info', message: 'm' }) as const);
    const findings = [...info, { code: 'W', severity: 'warning', message: 'm' } as const];
    const kept = report(rollout, { ...done, findings }, nowMs).findings ?? [];
    expect(kept).toHaveLength(10);
    expect(kept[0]?.code).toBe('W');
  });

  test('of many changes all are kept: what is left out could not be given back', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const changes = Array.from({ length: 300 }, (_, n) => {
      const path = `spec.template.spec.containers[c${n}].lifecycle`;
      return { path, from: null, to: '{"preStop":{"sleep":{"seconds":5}}}' };
    });
    expect(report(rollout, { ...done, changes }, nowMs).changes).toEqual(changes);
  });

  test('the time of a condition that stays is kept', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const first = report(rollout, done, nowMs);
    const later = report({ ...rollout, status: first }, done, nowMs + 3_600_000);
    expect(later.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      first.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
    );
  });
});
