import { describe, expect, test } from 'vitest';
import { type Claim, claimOf } from '../../api/claim.ts';
import { ADOPT_ANNOTATION, ADOPT_REQUEST_PREFIX, API_VERSION, CONTRACT_ANNOTATION, KIND } from '../../api/index.ts';
import type { Deployment, Service } from '../../api/kubernetes.ts';
import { decideAdmission } from '../../contract/index.ts';
import {
  type Adoption,
  conclude,
  type Decision,
  decide,
  readoptAfterMs,
  type Snapshot,
  webhookLagMs,
} from './decide.ts';
import { contestEndsInMs, contestExpiryMs, report } from './report.ts';
import type { Assessment } from './situation.ts';

const nowMs = Date.parse('2026-11-22T12:00:00Z');

const service: Service = {
  metadata: { name: 'web', namespace: 'shop', uid: 's1' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function claim(spec: object = {}, extra: { status?: object; name?: string; created?: string } = {}): Claim {
  const name = extra.name ?? 'web';
  return claimOf({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      generation: 3,
      resourceVersion: '7',
      creationTimestamp: extra.created ?? '2026-01-01T00:00:00Z',
    },
    spec: { targetRef: { name: 'web' }, ...spec },
    ...(extra.status === undefined ? {} : { status: extra.status }),
  } as Parameters<typeof claimOf>[0]);
}

function deployment(spec: Partial<Deployment['spec']> = {}, status: Deployment['status'] = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', uid: 'd1', generation: 5, resourceVersion: '11' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      progressDeadlineSeconds: 600,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'app:1',
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
            },
          ],
          terminationGracePeriodSeconds: 30,
        },
      },
      ...spec,
    },
    status: { observedGeneration: 5, replicas: 2, updatedReplicas: 2, ...status },
  };
}

/** The Deployment as the webhook would store it. */
function completed(rollout: Claim, object: Deployment): Deployment {
  if (rollout.spec === undefined) throw new Error('the claim of this test has no spec');
  const input = {
    operation: 'CREATE',
    object,
    rollout: { name: 'web', spec: rollout.spec },
    services: [service],
  } as const;
  return decideAdmission(input).object;
}

function snapshot(rollout: Claim, object?: Deployment, extra: Partial<Snapshot> = {}): Snapshot {
  return {
    rollout,
    claimants: [rollout],
    ...(object === undefined ? {} : { deployment: object }),
    services: [service],
    nowMs,
    ...extra,
  };
}

function reported(decision: Decision): Assessment {
  if (decision.act !== 'report') throw new Error('an adoption was decided, a report was expected');
  return decision.assessment;
}

function adoptionOf(decision: Decision): Adoption {
  if (decision.act !== 'adopt')
    throw new Error(`${decision.assessment.situation.kind} was reported, an adoption was expected`);
  return decision.adoption;
}

const conditions = (rollout: Claim, assessment: Assessment) =>
  Object.fromEntries(
    (report(rollout, assessment, nowMs).conditions ?? []).map(({ type, status, reason }) => [
      type,
      `${status}/${reason}`,
    ]),
  );

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

  test('the time of a condition that stays is kept', () => {
    const done = reported(decide(snapshot(rollout, at({ observedGeneration: 5, replicas: 2, updatedReplicas: 2 }))));
    const first = report(rollout, done, nowMs);
    const later = report({ ...rollout, status: first }, done, nowMs + 3_600_000);
    expect(later.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      first.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
    );
  });
});

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
