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
  hashTemplate,
  hashValue,
  readRecord,
  resolveContract,
  selects,
} from '../../contract/index.ts';
import type { Assessment, TargetFacts } from './situation.ts';

/** After an adoption that was undone, the same state of the target is adopted again only this much later. */
export const readoptAfterMs = 10 * 60_000;
/** How long until a target whose write did not go through the webhook is tried (dry run) again. */
export const webhookRetryMs = 10_000;

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

export function decide(snapshot: Snapshot): Decision {
  const { rollout, deployment, services } = snapshot;
  const { spec } = rollout;
  const report = (assessment: Assessment): Decision => ({ act: 'report', assessment });
  if (spec === undefined) {
    return report({ situation: { kind: 'InvalidSpec', problems: rollout.problems }, findings: [] });
  }
  const winner = electRollout(snapshot.claimants.filter((claim) => claim.spec !== undefined)).winner;
  if (winner !== undefined && winner.metadata.uid !== rollout.metadata.uid) {
    const situation = { kind: 'OlderRolloutGoverns', winner: winner.metadata.name ?? '' } as const;
    return report({ situation, findings: [] });
  }
  if (deployment === undefined) return report({ situation: { kind: 'TargetNotFound' }, findings: [] });

  const target = targetFacts(deployment, services);
  if (deployment.metadata.deletionTimestamp !== undefined) {
    return report({ situation: { kind: 'TargetTerminating' }, target, findings: [] });
  }
  const resolution = resolveContract({ spec, deployment, services });
  const { contract, findings } = resolution;
  if (resolution.notApplicable !== undefined) {
    const message = findings.map((finding) => finding.message).join('; ');
    const situation = { kind: 'NotApplicable', reason: resolution.notApplicable, message } as const;
    return report({ situation, target, findings });
  }
  const missing = applyContract(deployment, contract).changes;
  if (spec.mode === 'Audit') {
    return report({ situation: { kind: 'Audited', missing }, target, contract, findings });
  }
  const record = readRecord(deployment);
  const changes = record === undefined ? {} : { changes: record };
  const contractInputs = hashInputs(rollout, deployment, services);
  const touch = rollout.status?.touch === undefined ? {} : { touch: rollout.status.touch };
  if (missing.length === 0) {
    const situation = { kind: 'Enforced', adopted: false, later: [] } as const;
    return report({ situation, target, contract, contractInputs, findings, ...changes, ...touch });
  }
  // Another version of the operator may think otherwise of the same inputs; that alone is no reason for a rollout.
  const inForce = rollout.status?.contract;
  if (
    inForce !== undefined &&
    rollout.status?.contractInputs === contractInputs &&
    applyContract(deployment, inForce).changes.length === 0
  ) {
    const situation = { kind: 'Enforced', adopted: false, later: missing } as const;
    return report({ situation, target, contract: inForce, contractInputs, findings, ...changes, ...touch });
  }
  if (spec.adoption === 'NextRollout') {
    const situation = { kind: 'AwaitingNextRollout', missing } as const;
    return report({ situation, target, contract, findings, ...changes, ...touch });
  }
  const contractHash = hashContract(contract);
  const undone = undoneSinceMs(snapshot, target, contractHash);
  if (undone !== undefined && undone < readoptAfterMs) {
    const [first] = missing;
    const field = first?.path ?? '';
    const situation = { kind: 'Overruled', field, wanted: first?.to ?? '' } as const;
    const requeueAfterMs = readoptAfterMs - undone;
    return report({ situation, target, contract, findings, requeueAfterMs, ...changes, ...touch });
  }
  const touchValue = `${contractHash}.${deployment.metadata.generation ?? 0}`;
  return {
    act: 'adopt',
    adoption: { deployment, contract, contractHash, contractInputs, touchValue, missing, findings },
  };
}

/** What to report after an adoption was tried. */
export function conclude(snapshot: Snapshot, adoption: Adoption, outcome: AdoptionOutcome): Assessment {
  const { contract, contractInputs, findings, missing } = adoption;
  const touch = snapshot.rollout.status?.touch === undefined ? {} : { touch: snapshot.rollout.status.touch };
  switch (outcome.kind) {
    case 'Written': {
      const before = targetFacts(adoption.deployment, snapshot.services);
      const target = targetFacts(outcome.deployment, snapshot.services);
      const changes = readRecord(outcome.deployment);
      return {
        situation: { kind: 'Enforced', adopted: true, later: [] },
        target,
        contract,
        contractInputs,
        findings,
        ...(changes === undefined ? {} : { changes }),
        touch: { templateHash: before.templateHash, contractHash: adoption.contractHash, at: outcome.at },
      };
    }
    case 'NotCompleted': {
      const target = targetFacts(adoption.deployment, snapshot.services);
      const [first] = applyContract(outcome.deployment, contract).changes;
      // The webhook answers a touch; an answered touch without the values means that someone came after it.
      const answer = outcome.deployment.metadata.annotations?.[ADOPT_ANNOTATION] ?? '';
      const overruled = !answer.startsWith(ADOPT_REQUEST_PREFIX);
      return {
        situation:
          overruled && first !== undefined
            ? { kind: 'Overruled', field: first.path, wanted: first.to, writer: laterMutator }
            : { kind: 'WebhookNotCalled', missing },
        target,
        findings,
        ...touch,
        requeueAfterMs: webhookRetryMs,
      };
    }
    case 'Refused':
      return {
        situation: { kind: 'WriteRefused', message: outcome.message },
        target: targetFacts(adoption.deployment, snapshot.services),
        findings,
        ...touch,
        requeueAfterMs: webhookRetryMs,
      };
  }
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
    .sort((a, b) => (a.name ?? '').localeCompare(b.name ?? ''));
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
    templateHash: hashTemplate(deployment),
    paused: spec.paused === true,
    replicas,
    ...(caughtUp ? { updatedReplicas: updated } : {}),
    oldReplicas: Math.max(0, (status?.replicas ?? 0) - updated),
    rolledOut: caughtUp && updated >= replicas && (status.replicas ?? 0) === updated,
    ...(stuck === undefined ? {} : { stuck }),
    served: services.some((service) => selects(service, deployment)),
  };
}
