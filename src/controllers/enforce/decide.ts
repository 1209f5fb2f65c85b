import type { Claim } from '../../api/claim.ts';
import {
  ADOPT_ANNOTATION,
  ADOPT_REQUEST_PREFIX,
  type Change,
  type Finding,
  type ResolvedContract,
} from '../../api/index.ts';
import type { Deployment, Service } from '../../api/kubernetes.ts';
import {
  applyContract,
  electRollout,
  hashContract,
  hashValue,
  raisedValueFindings,
  raiseStored,
  readRecord,
  resolveContract,
  selects,
} from '../../contract/index.ts';
import type { Assessment, TargetFacts } from './situation.ts';

/** After an adoption that was undone, the same state of the target is adopted again only this much later. */
export const readoptAfterMs = 10 * 60_000;
/** How long until a target whose write did not go through the webhook is tried (dry run) again. */
const webhookRetryMs = 10_000;
/** How long until a replica of the webhook whose caches lag is asked again. */
export const webhookLagMs = 1_000;

/** All that a decision is made from; read from the caches at one moment. */
export interface Snapshot {
  readonly rollout: Claim;
  /** Every GracefulRollout of the namespace that names the same target, this one included. */
  readonly claimants: readonly Claim[];
  readonly deployment?: Deployment;
  /** The Services of the namespace. */
  readonly services: readonly Service[];
  readonly nowMs: number;
}

/** What is to be done: say how things stand, or write the target once (a touch that the webhook completes). */
export type Decision =
  | { readonly act: 'report'; readonly assessment: Assessment }
  | { readonly act: 'adopt'; readonly adoption: Adoption };

export interface Adoption {
  readonly deployment: Deployment;
  readonly contract: ResolvedContract;
  readonly contractHash: string;
  readonly contractInputs: string;
  /** Value of the `adopt` annotation: differs for every state of the target, so that the webhook sees a touch. */
  readonly touchValue: string;
  readonly missing: readonly Change[];
  readonly findings: readonly Finding[];
}

/** How an adoption went, as the API server answered. */
export type AdoptionOutcome =
  | { readonly kind: 'Written'; readonly deployment: Deployment; readonly at: string }
  | { readonly kind: 'NotCompleted'; readonly deployment: Deployment }
  | { readonly kind: 'Refused'; readonly message: string };

/** A GracefulRollout that counts: it can be used and nobody is taking it away. */
export function governs(claim: Claim): boolean {
  return claim.spec !== undefined && claim.metadata.deletionTimestamp === undefined;
}

/**
 * What the contract asks of the target and the target lacks: what a touch brings. What it would lower, or take away because
 * nothing asks for it any more (a Service that is gone for a moment, a smaller drain time), is not among it: see
 * docs/decisions/0005.
 */
export function missingOf(deployment: Deployment, contract: ResolvedContract): readonly Change[] {
  return raiseStored(deployment, contract).changes;
}

export function decide(snapshot: Snapshot): Decision {
  const { rollout, deployment, services } = snapshot;
  const { spec } = rollout;
  const kept = keptStatus(rollout, deployment);
  const report = (assessment: Assessment): Decision => ({ act: 'report', assessment: { ...kept, ...assessment } });
  if (spec === undefined) {
    return report({ situation: { kind: 'InvalidSpec', problems: rollout.problems }, findings: [] });
  }
  const winner = electRollout(snapshot.claimants.filter(governs)).winner;
  if (winner !== undefined && winner.metadata.uid !== rollout.metadata.uid) {
    const situation = { kind: 'OlderRolloutGoverns', winner: winner.metadata.name ?? '' } as const;
    return { act: 'report', assessment: { situation, findings: [] } };
  }
  if (deployment === undefined) {
    return { act: 'report', assessment: { situation: { kind: 'TargetNotFound' }, findings: [] } };
  }
  const target = targetFacts(deployment, services);
  if (deployment.metadata.deletionTimestamp !== undefined) {
    return report({ situation: { kind: 'TargetTerminating' }, target, findings: [] });
  }
  const resolution = resolveContract({ spec, deployment, services });
  const { contract } = resolution;
  const findings = [...resolution.findings, ...raisedValueFindings(kept.changes ?? [])];
  if (resolution.notApplicable !== undefined) {
    const message = findings.map((finding) => finding.message).join('; ');
    const situation = { kind: 'NotApplicable', reason: resolution.notApplicable, message } as const;
    return report({ situation, target, findings });
  }
  const asked = applyContract(deployment, contract).changes;
  const missing = missingOf(deployment, contract);
  if (spec.mode === 'Audit') {
    return report({ situation: { kind: 'Audited', missing }, target, contract, findings });
  }
  const contractInputs = hashInputs(rollout, deployment, services);
  if (missing.length === 0) {
    const situation = { kind: 'Enforced', adopted: false, later: asked } as const;
    return report({ situation, target, contract, contractInputs, findings });
  }
  // Another version of the operator may think otherwise of the same inputs; that alone is no reason for a rollout.
  const inForce = rollout.status?.contract;
  const sameInputs = rollout.status?.contractInputs === contractInputs;
  if (inForce !== undefined && sameInputs && missingOf(deployment, inForce).length === 0) {
    const situation = { kind: 'Enforced', adopted: false, later: asked } as const;
    return report({ situation, target, contract: inForce, contractInputs, findings });
  }
  if (spec.adoption === 'NextRollout') {
    const situation = { kind: 'AwaitingNextRollout', missing } as const;
    return report({ situation, target, contract, findings });
  }
  const contractHash = hashContract(contract);
  const undone = undoneSinceMs(snapshot, target, contractHash);
  if (undone !== undefined && undone < readoptAfterMs) {
    const [first] = missing;
    const field = first?.path ?? '';
    const situation = { kind: 'Overruled', field, wanted: first?.to ?? '' } as const;
    return report({ situation, target, contract, findings, requeueAfterMs: readoptAfterMs - undone });
  }
  const touchValue = `${contractHash}.${deployment.metadata.generation ?? 0}`;
  return {
    act: 'adopt',
    adoption: { deployment, contract, contractHash, contractInputs, touchValue, missing, findings },
  };
}

/** What to report after an adoption was tried. */
export function conclude(snapshot: Snapshot, adoption: Adoption, outcome: AdoptionOutcome): Assessment {
  const { contract, contractInputs, findings, missing, contractHash } = adoption;
  const kept = keptStatus(snapshot.rollout, adoption.deployment);
  const target = targetFacts(adoption.deployment, snapshot.services);
  switch (outcome.kind) {
    case 'Written': {
      const changes = readRecord(outcome.deployment);
      return {
        situation: { kind: 'Enforced', adopted: true, later: [] },
        target: targetFacts(outcome.deployment, snapshot.services),
        contract,
        contractInputs,
        findings,
        ...(changes === undefined ? {} : { changes }),
        touch: { templateHash: target.templateHash, contractHash, at: outcome.at },
      };
    }
    case 'NotCompleted': {
      const report = (situation: Assessment['situation'], requeueAfterMs: number): Assessment => {
        return { ...kept, situation, target, findings, requeueAfterMs };
      };
      const answer = outcome.deployment.metadata.annotations?.[ADOPT_ANNOTATION] ?? '';
      if (answer.startsWith(ADOPT_REQUEST_PREFIX)) {
        return report({ kind: 'WebhookNotCalled', missing }, retryMs(snapshot));
      }
      // A replica whose caches lag answers with the contract of the spec before: no rival, only early.
      if (!answer.startsWith(`${contractHash}.`)) return report({ kind: 'WebhookLags', missing }, webhookLagMs);
      const [first] = missingOf(outcome.deployment, contract);
      const situation = {
        kind: 'Overruled',
        field: first?.path ?? '',
        wanted: first?.to ?? '',
        writer: laterMutator,
      } as const;
      return report(situation, retryMs(snapshot));
    }
    case 'Refused':
      return {
        ...kept,
        situation: { kind: 'WriteRefused', message: outcome.message },
        target,
        findings,
        requeueAfterMs: retryMs(snapshot),
      };
  }
}

/**
 * What a report must not lose while it has nothing newer to say: server-side apply takes away what is left out, and the
 * record of what was changed is what giving back rests on when the Deployment's own annotation is gone.
 */
function keptStatus(
  { status }: Claim,
  deployment: Deployment | undefined,
): Pick<Assessment, 'changes' | 'contract' | 'contractInputs' | 'touch'> {
  const record = deployment === undefined ? undefined : readRecord(deployment);
  const same = deployment === undefined || status?.target?.uid === deployment.metadata.uid;
  const changes = record ?? (same ? status?.changes : undefined);
  const { contract, contractInputs, touch } = (same ? status : undefined) ?? {};
  return {
    ...(changes === undefined ? {} : { changes }),
    ...(contract === undefined ? {} : { contract }),
    ...(contractInputs === undefined ? {} : { contractInputs }),
    ...(touch === undefined ? {} : { touch }),
  };
}

/** 10 s at first, then longer the longer it has been so, 5 min at most: a namespace that the webhook never sees stays so. */
function retryMs({ rollout, nowMs }: Snapshot): number {
  const enforced = rollout.status?.conditions?.find(({ type }) => type === 'ContractEnforced');
  const sinceMs = enforced?.status === 'False' ? nowMs - Date.parse(enforced.lastTransitionTime) : 0;
  return Math.min(5 * 60_000, Math.max(webhookRetryMs, sinceMs / 4));
}

const laterMutator = 'a mutating webhook or policy that runs after ours (no field manager owns the value)';

function undoneSinceMs(snapshot: Snapshot, target: TargetFacts, contractHash: string): number | undefined {
  const touch = snapshot.rollout.status?.touch;
  if (touch === undefined || touch.contractHash !== contractHash || touch.templateHash !== target.templateHash) {
    return undefined;
  }
  // A clock that jumped back must not hold an adoption off for longer than the pause itself.
  return Math.max(0, snapshot.nowMs - Date.parse(touch.at));
}

/** What the contract is resolved from, without the spec's text: a new version of the CRD may add defaults to that. */
function hashInputs(rollout: Claim, deployment: Deployment, services: readonly Service[]): string {
  const selecting = services
    .filter((service) => selects(service, deployment))
    .map((service) => ({
      name: service.metadata.name,
      ports: (service.spec.ports ?? []).map(({ port, targetPort, protocol }) => ({ port, targetPort, protocol })),
    }))
    .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
  return hashValue({ uid: rollout.metadata.uid, generation: rollout.metadata.generation, selecting });
}

function targetFacts(deployment: Deployment, services: readonly Service[]): TargetFacts {
  const { metadata, spec, status } = deployment;
  const caughtUp = status?.observedGeneration !== undefined && status.observedGeneration >= (metadata.generation ?? 0);
  const replicas = spec.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const progress = status?.conditions?.find(({ type }) => type === 'Progressing');
  const stuck = caughtUp && progress?.reason === 'ProgressDeadlineExceeded' ? (progress.message ?? '') : undefined;
  return {
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    templateHash: hashValue({
      template: spec.template,
      strategy: spec.strategy,
      minReadySeconds: spec.minReadySeconds,
    }),
    paused: spec.paused === true,
    replicas,
    ...(caughtUp ? { updatedReplicas: updated } : {}),
    oldReplicas: Math.max(0, (status?.replicas ?? 0) - updated),
    rolledOut: caughtUp && updated >= replicas && (status.replicas ?? 0) === updated,
    ...(stuck === undefined ? {} : { stuck }),
    served: services.some((service) => selects(service, deployment)),
  };
}
