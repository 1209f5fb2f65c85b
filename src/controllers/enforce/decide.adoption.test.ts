import { describe, expect, test } from 'vitest';
import type { Claim } from '../../api/claim.ts';
import { ADOPT_ANNOTATION, ADOPT_REQUEST_PREFIX, CONTRACT_ANNOTATION } from '../../api/index.ts';
import type { Deployment } from '../../api/kubernetes.ts';
import { conclude, type Decision, decide, readoptAfterMs, webhookLagMs } from './decide.ts';
import { report } from './report.ts';
import {
  adoptionOf,
  claim,
  completed,
  conditions,
  deployment,
  nowMs,
  reported,
  snapshot,
} from './testing/snapshots.ts';

describe('adoption', () => {
  const rollout = claim();

  test('a target without the contract is adopted; the touch differs for every state of the target', () => {
    const first = adoptionOf(decide(snapshot(rollout, deployment())));
    const object = deployment();
    const next = { ...object, metadata: { ...object.metadata, generation: 6 } };
    expect(adoptionOf(decide(snapshot(rollout, next))).touchValue).not.toBe(first.touchValue);
    expect(first.missing.map(({ path }) => path)).toContain('spec.template.spec.terminationGracePeriodSeconds');
  });

  test('a written adoption is enforced, with what was changed and when', () => {
    const before = snapshot(rollout, deployment());
    const adoption = adoptionOf(decide(before));
    const written = completed(rollout, deployment());
    const assessment = conclude(before, adoption, { kind: 'Written', deployment: written, at: '2026-11-22T12:00:00Z' });
    const status = report(rollout, assessment, nowMs);
    expect(assessment.situation.kind).toBe('Enforced');
    expect(status.touch).toMatchObject({ contractHash: adoption.contractHash, at: '2026-11-22T12:00:00Z' });
    expect(status.changes?.map(({ from, to }) => [from, to])).toContainEqual(['30', '35']);
  });

  const answered = (value: string): Deployment => {
    const object = deployment();
    const annotations = { [ADOPT_ANNOTATION]: value, [CONTRACT_ANNOTATION]: '[]' };
    return { ...object, metadata: { ...object.metadata, annotations } };
  };

  test('a trial that the webhook did not answer is WebhookNotCalled, and tried again', () => {
    const before = snapshot(rollout, deployment());
    const adoption = adoptionOf(decide(before));
    const trial = answered(`${ADOPT_REQUEST_PREFIX}${adoption.touchValue}`);
    const assessment = conclude(before, adoption, { kind: 'NotCompleted', deployment: trial });
    expect(conditions(rollout, assessment)).toMatchObject({
      Ready: 'False/WebhookNotCalled',
      Contested: 'False/NotContested',
    });
    expect(assessment.requeueAfterMs).toBeGreaterThan(0);
  });

  test('a trial that a replica answered by an older GracefulRollout is tried again soon, and is no contest', () => {
    const before = snapshot(rollout, deployment());
    const adoption = adoptionOf(decide(before));
    const assessment = conclude(before, adoption, { kind: 'NotCompleted', deployment: answered('0123456789abcdef.5') });
    expect(conditions(rollout, assessment)).toMatchObject({
      Ready: 'False/Adopting',
      Stalled: 'False/Adopting',
      Contested: 'False/NotContested',
    });
    expect(assessment.requeueAfterMs).toBe(webhookLagMs);
  });

  test('a refused write says so, and loses nothing that the status knew of the same target', () => {
    const changes = [{ path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '34' }];
    const contract = { gracePeriodSeconds: 34, containers: [] };
    const target = { name: 'web', uid: 'd1', generation: 4, templateHash: 'x' };
    const known = claim({}, { status: { target, changes, contract, contractInputs: 'old' } });
    const before = snapshot(known, deployment());
    const assessment = conclude(before, adoptionOf(decide(before)), { kind: 'Refused', message: 'denied by policy' });
    expect(report(known, assessment, nowMs)).toMatchObject({ phase: 'Failed', changes, contract });
    const another = claim({}, { status: { target: { ...target, uid: 'd0' }, changes, contract } });
    const other = snapshot(another, deployment());
    const fresh = conclude(other, adoptionOf(decide(other)), { kind: 'Refused', message: 'denied by policy' });
    expect(report(another, fresh, nowMs).changes).toBeUndefined();
  });

  test('a trial that the webhook answered and that lacks the values was overruled', () => {
    const before = snapshot(rollout, deployment());
    const adoption = adoptionOf(decide(before));
    const assessment = conclude(before, adoption, { kind: 'NotCompleted', deployment: answered(adoption.touchValue) });
    expect(conditions(rollout, assessment)).toMatchObject({
      Ready: 'False/FieldContested',
      Contested: 'True/FieldContested',
      Stalled: 'True/FieldContested',
    });
  });

  test('a state that was adopted before is not adopted again at once, but later; a clock that jumped back does not hold it off longer', () => {
    const adoption = adoptionOf(decide(snapshot(rollout, deployment())));
    const written = conclude(snapshot(rollout, deployment()), adoption, {
      kind: 'Written',
      deployment: completed(rollout, deployment()),
      at: new Date(nowMs).toISOString(),
    });
    const touched: Claim = { ...rollout, status: report(rollout, written, nowMs) };
    const undone = (atMs: number): Decision => decide(snapshot(touched, deployment(), { nowMs: atMs }));
    const soon = reported(undone(nowMs + 1000));
    expect(soon.situation.kind).toBe('Overruled');
    expect(soon.requeueAfterMs).toBe(readoptAfterMs - 1000);
    expect(reported(undone(nowMs - 86_400_000)).requeueAfterMs).toBe(readoptAfterMs);
    expect(undone(nowMs + readoptAfterMs).act).toBe('adopt');
  });

  test('the same inputs and a contract in force that still holds: another opinion waits for the next template change', () => {
    const object = completed(rollout, deployment());
    const done = reported(decide(snapshot(rollout, object)));
    const status = report(rollout, done, nowMs);
    const less = { ...(done.contract ?? { gracePeriodSeconds: 0, containers: [] }), gracePeriodSeconds: 34 };
    const { template } = object.spec;
    // As if an earlier version had asked for a grace period of 34 s, and set it.
    const earlier: Deployment = {
      ...object,
      metadata: {
        ...object.metadata,
        annotations: {
          [CONTRACT_ANNOTATION]: (object.metadata.annotations?.[CONTRACT_ANNOTATION] ?? '').replaceAll('35', '34'),
        },
      },
      spec: {
        ...object.spec,
        template: { ...template, spec: { ...template.spec, terminationGracePeriodSeconds: 34 } },
      },
    };
    const inForce: Claim = { ...rollout, status: { ...status, contract: less } };
    const assessment = reported(decide(snapshot(inForce, earlier)));
    expect(assessment.situation).toMatchObject({ kind: 'Enforced', adopted: false });
    expect(report(inForce, assessment, nowMs).conditions?.[0]?.message).toContain('next template change');
    const edited: Claim = { ...inForce, metadata: { ...inForce.metadata, generation: 4 } };
    expect(decide(snapshot(edited, earlier)).act).toBe('adopt');
  });
});

describe('what would lower is no reason for a rollout', () => {
  const rollout = claim();
  const object = completed(rollout, deployment());

  test('no Service selects the pods any more', () => {
    const assessment = reported(decide(snapshot(rollout, object, { services: [] })));
    expect(assessment.situation.kind).toBe('Enforced');
    expect(conditions(rollout, assessment).Ready).toBe('True/NoService');
  });

  test('the GracefulRollout asks for less', () => {
    const less = claim({ termination: { drainSeconds: 5, preStopSleepSeconds: 1 } });
    const assessment = reported(decide(snapshot(less, object)));
    expect(assessment.situation.kind).toBe('Enforced');
    expect(report(less, assessment, nowMs).conditions?.[0]?.message).toContain('next template change');
  });
});
