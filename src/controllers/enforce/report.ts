import type { Claim } from '../../api/claim.ts';
import type {
  Change,
  Finding,
  GracefulRolloutStatus,
  Phase,
  Reason,
  ResolvedContract,
  RolloutCondition,
} from '../../api/index.ts';
import { hashContract } from '../../contract/index.ts';
import type { Assessment, Situation, TargetFacts } from './situation.ts';

/** Findings that the status keeps, the worst first. The record of changes is kept whole: giving back rests on it. */
const statusListLimit = 10;
/** A dispute that was last seen longer ago than this is over. */
export const contestExpiryMs = 40 * 60_000;

/** One row of the table below: what each condition says in a situation. */
interface Row {
  readonly phase: Phase;
  readonly reason: Reason;
  readonly message: string;
  readonly ready: boolean;
  /** kstatus: still on its way, worth waiting for. */
  readonly reconciling?: boolean;
  /** kstatus: will not get better by waiting. */
  readonly stalled?: boolean;
  readonly contractHolds: boolean | 'Unknown';
  readonly targetFound: boolean;
  readonly contested?: { readonly reason: Reason; readonly message: string };
}

/** The whole status of a GracefulRollout; the times of conditions that did not change are kept. Pure. */
export function report(rollout: Claim, assessment: Assessment, nowMs: number): GracefulRolloutStatus {
  const row = rowOf(rollout, assessment);
  const contested = row.contested ?? standingContest(rollout, nowMs);
  const generation = rollout.metadata.generation ?? 0;
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = (type: string, status: boolean | 'Unknown', reason: Reason, message: string): RolloutCondition => {
    const wanted = status === 'Unknown' ? 'Unknown' : status ? 'True' : 'False';
    const previous = rollout.status?.conditions?.find((known) => known.type === type);
    const lastTransitionTime = previous?.status === wanted ? (previous.lastTransitionTime ?? now) : now;
    return { type, status: wanted, reason, message, lastTransitionTime, observedGeneration: generation };
  };
  const contestText = contested?.message ?? 'no writer insists on a value that the contract raises';
  const { contract, changes, contractInputs, touch, target } = assessment;
  return {
    observedGeneration: generation,
    phase: row.phase,
    ...(target === undefined ? {} : { target: targetStatus(target) }),
    ...(contract === undefined ? {} : { contract, contractSummary: summary(contract) }),
    ...(contractInputs === undefined ? {} : { contractInputs }),
    ...(changes === undefined ? {} : { changes: [...changes] }),
    ...(touch === undefined ? {} : { touch }),
    findings: assessment.findings.toSorted(worstFirst).slice(0, statusListLimit),
    conditions: [
      condition('Ready', row.ready, row.reason, row.message),
      condition('TargetFound', row.targetFound, row.targetFound ? 'Found' : row.reason, targetText(rollout, row)),
      condition('ContractEnforced', row.contractHolds, row.reason, row.message),
      condition('Contested', contested !== undefined, contested?.reason ?? 'NotContested', contestText),
      condition('Reconciling', row.reconciling === true, row.reason, row.message),
      condition('Stalled', row.stalled === true, row.reason, row.message),
    ],
  };
}

/** One line for the printer column, such as `preStop 5s, grace 35s`. */
export function summary(contract: ResolvedContract): string {
  const sleeps = contract.containers.map((container) => container.preStopSleepSeconds ?? 0);
  const parts = [
    ...(sleeps.some((seconds) => seconds > 0) ? [`preStop ${Math.max(...sleeps)}s`] : []),
    ...(contract.gracePeriodSeconds > 0 ? [`grace ${contract.gracePeriodSeconds}s`] : []),
    ...(contract.strategy?.maxUnavailable === undefined ? [] : [`unavailable ${contract.strategy.maxUnavailable}`]),
  ];
  return parts.join(', ');
}

function rowOf(rollout: Claim, assessment: Assessment): Row {
  const { situation } = assessment;
  const name = `Deployment ${rollout.metadata.namespace ?? ''}/${rollout.targetName ?? ''}`;
  const found = { targetFound: true };
  switch (situation.kind) {
    case 'InvalidSpec': {
      const message = `the spec cannot be used: ${situation.problems.join('; ')}`;
      return failed('Failed', 'InvalidSpec', message, 'Unknown', false);
    }
    case 'OlderRolloutGoverns': {
      const message = `${name} is governed by the older GracefulRollout ${situation.winner}: delete one of the two`;
      return failed('Conflict', 'HeldByOlder', message, 'Unknown', true);
    }
    case 'TargetNotFound':
      return {
        phase: 'Pending',
        reason: 'TargetNotFound',
        message: `${name} does not exist: create it, or correct spec.targetRef.name; the contract goes into its first write`,
        ready: false,
        reconciling: true,
        contractHolds: 'Unknown',
        targetFound: false,
      };
    case 'TargetTerminating': {
      const message = `${name} is being deleted: nothing is changed on it`;
      const base = { phase: 'Pending', reason: 'TargetDeleting', message } as const;
      return { ...base, ready: false, reconciling: true, contractHolds: 'Unknown', ...found };
    }
    case 'NotApplicable':
      return failed('NotApplicable', situation.reason, situation.message, false, true);
    case 'Audited': {
      const holds = situation.missing.length === 0;
      const message = holds
        ? `${name} holds the contract`
        : `mode Audit: nothing is changed; ${name} lacks ${listChanges(situation.missing)}`;
      return { phase: 'Audited', reason: 'Audited', message, ready: true, contractHolds: holds, ...found };
    }
    case 'Enforced':
      return enforced(rollout, assessment, situation, name);
    case 'AwaitingNextRollout': {
      const message = `adoption NextRollout: the next change of the template of ${name} brings ${listChanges(situation.missing)}`;
      const base = { phase: 'Pending', reason: 'AwaitingNextRollout', message } as const;
      return { ...base, ready: true, contractHolds: false, ...found };
    }
    case 'WebhookNotCalled': {
      const message = `a trial write of ${name} (dry run) was not completed by the webhook, so nothing was written: it lacks ${listChanges(situation.missing)}; check the operator's pods, its Service, the caBundle of its MutatingWebhookConfiguration and whether that leaves this namespace out; it is tried again`;
      const base = { phase: 'Adopting', reason: 'WebhookNotCalled', message } as const;
      return { ...base, ready: false, reconciling: true, contractHolds: false, ...found };
    }
    case 'WebhookLags': {
      const message = `a trial write of ${name} (dry run) was answered by a replica that does not know this GracefulRollout as it is now; tried again in a second`;
      const base = { phase: 'Adopting', reason: 'Adopting', message } as const;
      return { ...base, ready: false, reconciling: true, contractHolds: false, ...found };
    }
    case 'Overruled': {
      const message = `${situation.field} of ${name} must be ${situation.wanted}, and ${situation.writer ?? 'a writer that owns no field (a mutating webhook or policy)'} writes another value; it is not fought over: correct that writer, or the GracefulRollout`;
      const base = { phase: 'Failed', reason: 'FieldContested', message, ready: false, stalled: true } as const;
      return { ...base, contractHolds: false, contested: { reason: 'FieldContested', message }, ...found };
    }
    case 'WriteRefused': {
      const message = `the API server refused the write that adopts ${name}: ${situation.message}`;
      return failed('Failed', 'WriteRefused', message, false, true);
    }
  }
}

function failed(
  phase: Phase,
  reason: Reason,
  message: string,
  contractHolds: boolean | 'Unknown',
  targetFound: boolean,
): Row {
  return { phase, reason, message, ready: false, stalled: true, contractHolds, targetFound };
}

function enforced(
  rollout: Claim,
  assessment: Assessment,
  situation: Extract<Situation, { kind: 'Enforced' }>,
  name: string,
): Row {
  const { target, contract } = assessment;
  const parts = [
    target?.served === false
      ? `no Service selects the pods of ${name}: there is no endpoint to protect until one does`
      : `the template of ${name} holds the contract`,
  ];
  if (situation.later.length > 0) {
    const later = listChanges(situation.later);
    parts.push(`the next template change also brings ${later}`);
  }
  const row = (reason: Reason, text?: string): Row => ({
    phase: 'Enforced',
    reason,
    message: [...parts, ...(text === undefined ? [] : [text])].join('; '),
    ready: true,
    contractHolds: true,
    targetFound: true,
  });
  if (target?.served === false) return row('NoService');
  if (target?.replicas === 0) return row('ScaledToZero', 'it is scaled to zero');
  if (target === undefined || target.rolledOut) return row('Enforced');
  const old = target.oldReplicas > 0 ? `, ${target.oldReplicas} of older ones are left` : '';
  const progress =
    target.updatedReplicas === undefined
      ? 'the Deployment controller has not seen it yet'
      : `${target.updatedReplicas} of ${target.replicas} pods come from the present template${old}`;
  // Old pods of a contract that was in force before carry it too: an ordinary rollout leaves Ready as it is.
  const was = rollout.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  if (was && sameContract(rollout.status?.contract, contract)) {
    if (target.stuck !== undefined) return row('RolloutStuck', `its rollout makes no progress: ${target.stuck}`);
    if (target.paused) return row('Paused', `${progress}; it is paused by its user and goes on when it is resumed`);
    return row('RollingOut', progress);
  }
  const adopting = { phase: 'Adopting', ready: false } as const;
  if (target.stuck !== undefined) {
    return { ...row('RolloutStuck', `its rollout makes no progress: ${target.stuck}`), ...adopting, stalled: true };
  }
  if (target.paused) {
    const text = `${progress}; it is paused by its user and goes on when it is resumed`;
    return { ...row('Paused', text), ...adopting, reconciling: true };
  }
  return { ...row('RollingOut', progress), ...adopting, reconciling: true };
}

function sameContract(a: ResolvedContract | undefined, b: ResolvedContract | undefined): boolean {
  return a !== undefined && b !== undefined && hashContract(a) === hashContract(b);
}

function targetText(rollout: Claim, row: Row): string {
  const name = rollout.targetName ?? '';
  return row.targetFound ? `Deployment ${name} exists` : row.message;
}

function targetStatus(target: TargetFacts): NonNullable<GracefulRolloutStatus['target']> {
  const { name, uid, generation, templateHash } = target;
  return { name, uid, generation, templateHash };
}

function worstFirst(a: Finding, b: Finding): number {
  return Number(b.severity === 'warning') - Number(a.severity === 'warning');
}

function listChanges(changes: readonly Change[]): string {
  const shown = changes
    .slice(0, 4)
    .map((change) => `${change.path} ${change.from ?? '(unset)'} → ${change.to === 'null' ? '(unset)' : change.to}`);
  return shown.join(', ') + (changes.length > 4 ? `, and ${changes.length - 4} more` : '');
}

/** Milliseconds until a dispute that stands now is over, if nothing is heard of it again. */
export function contestEndsInMs({ status }: Claim, nowMs: number): number | undefined {
  if (status?.contest === undefined) return undefined;
  const leftMs = Date.parse(status.contest.lastSeenTime) + contestExpiryMs - nowMs;
  return leftMs > 0 ? leftMs + 1000 : undefined;
}

function standingContest(
  rollout: Claim,
  nowMs: number,
): { readonly reason: Reason; readonly message: string } | undefined {
  const contest = rollout.status?.contest;
  if (contest === undefined || nowMs - Date.parse(contest.lastSeenTime) > contestExpiryMs) return undefined;
  const { field, writer, value, times } = contest;
  return {
    reason: 'FieldContested',
    message: `${writer} wrote ${field} = ${value} ${times} times in 35 minutes; each write was raised to the contract without a rollout: write the raised value in its manifest, or lower the GracefulRollout`,
  };
}
