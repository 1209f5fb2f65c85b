import { type Change, type Finding, GIVE_BACK_ANNOTATION, type GracefulRolloutSpec } from '../api/index.ts';
import type { Deployment, Service } from '../api/kubernetes.ts';
import { authorIntent } from './authorIntent.ts';
import { sameJson } from './canonicalJson.ts';
import { changesBetween } from './contractFields.ts';
import { hashContract } from './hashes.ts';
import { withPodContractKept } from './keptPodContract.ts';
import { raised } from './raise.ts';
import { raisedWarnings, stillGovernedWarning } from './raisedWarnings.ts';
import { readRecord, withAnnotation, withoutOurAnnotations, writeRecord } from './record.ts';
import { type Resolution, resolveIntent } from './resolve.ts';
import {
  keptTarget,
  readUpdate,
  reassertedChanges,
  touchedTarget,
  type Update,
  withAdoptKept,
} from './targetUpdate.ts';

/** The GracefulRollout that governs the Deployment (see electRollout), its spec with defaults. */
export interface GoverningRollout {
  readonly name: string;
  readonly spec: GracefulRolloutSpec;
}

export interface AdmissionInput {
  readonly operation: 'CREATE' | 'UPDATE';
  /** The object as it would be stored, defaults applied, managedFields included. */
  readonly object: Deployment;
  /** What is stored now; UPDATE only. */
  readonly oldObject?: Deployment;
  /** Absent: no GracefulRollout names this Deployment (any more). */
  readonly rollout?: GoverningRollout;
  /** Every Service of the namespace. */
  readonly services: readonly Service[];
  /** status.changes of the GracefulRollout, used when the stored object carries no record. */
  readonly recorded?: readonly Change[];
}

/**
 * Unchanged: the object is admitted as it came. Restored: the author did not change the template, what was in force
 * stays in force. Completed: the current contract was applied. GivenBack: what the operator had changed was undone.
 */
export type AdmissionKind = 'Unchanged' | 'Restored' | 'Completed' | 'GivenBack';

export interface AdmissionDecision {
  readonly object: Deployment;
  readonly kind: AdmissionKind;
  /** All that the operator has changed on this Deployment, after this write (the record). */
  readonly changes: readonly Change[];
  /** One line each, at most 250 characters. */
  readonly warnings: readonly string[];
  readonly findings: readonly Finding[];
  /** Entries of the record that the writer set back to what was before, or lower: someone may insist ("Contested"). */
  readonly reasserted: readonly Change[];
  /** {@link hashContract} of the contract that this write was completed by, or that answered a touch. */
  readonly contractHash?: string;
}

/**
 * What the mutating webhook answers to one write of a Deployment. The rule behind it all: **the template changes only
 * when its author changed it, or when a touch (the adopt annotation) asks for it**. With the author's change the current
 * contract is applied to what the author wants; a touch only raises what is stored. In every other write the stored
 * template stays as it is, byte for byte, whatever the contract says by now. Never throws, has no side effects. The webhook must be registered with `reinvocationPolicy:
 * Never`: called again on its own output it cannot tell a server-side apply of 60 from one of 30 that it raised to 60.
 */
export function decideAdmission(input: AdmissionInput): AdmissionDecision {
  const { operation, object, oldObject, services, recorded } = input;
  const enforcing = input.rollout?.spec.mode === 'Enforce' ? input.rollout : undefined;
  const asksGiveBack = object.metadata.annotations?.[GIVE_BACK_ANNOTATION] === 'true';
  const update =
    operation === 'UPDATE' && oldObject !== undefined ? readUpdate(object, oldObject, recorded) : undefined;
  const intent = update?.intent ?? writeRecord(authorIntent(object, readRecord(object) ?? [], undefined), []);

  if (enforcing === undefined) {
    if (asksGiveBack || update?.templateChanged === true) {
      const given = withoutOurAnnotations(intent);
      return { ...admittedAs(given), kind: sameJson(given, object) ? 'Unchanged' : 'GivenBack' };
    }
    // A copy of a Deployment, or one restored from a backup before its GracefulRollout is, keeps its record for later.
    if (update === undefined) return { ...admittedAs(object), changes: readRecord(object) ?? [] };
  }

  const resolution = enforcing === undefined ? undefined : resolveIntent(enforcing.spec, intent, services);
  const completes = update === undefined || update.templateChanged || update.touched;
  const wanted = wantedTarget(intent, update, enforcing?.spec, resolution);
  const changes = changesBetween(intent, wanted);
  const recordedTarget = withAdoptKept(writeRecord(wanted, changes), oldObject);
  const admitted = asksGiveBack ? withAnnotation(recordedTarget, GIVE_BACK_ANNOTATION, undefined) : recordedTarget;
  const warnings =
    enforcing === undefined
      ? []
      : [
          ...(asksGiveBack ? [stillGovernedWarning(object, enforcing.name, GIVE_BACK_ANNOTATION)] : []),
          ...raisedWarnings({ object, oldObject, admitted, rolloutName: enforcing.name, resolution }),
        ];
  const kind = sameJson(admitted, object) ? 'Unchanged' : completes ? 'Completed' : 'Restored';
  const answers = kind === 'Completed' || update?.touched === true;
  return {
    ...admittedAs(admitted),
    kind,
    ...(resolution !== undefined && answers ? { contractHash: hashContract(resolution.contract) } : {}),
    changes,
    warnings,
    findings: resolution?.findings ?? [],
    reasserted: update === undefined ? [] : reassertedChanges(update),
  };
}

/** The target after this write, still without a record. */
function wantedTarget(
  intent: Deployment,
  update: Update | undefined,
  spec: GracefulRolloutSpec | undefined,
  resolution: Resolution | undefined,
): Deployment {
  if (spec === undefined || resolution === undefined)
    return update === undefined ? intent : keptTarget(update, undefined);
  const { contract } = resolution;
  if (update === undefined) return raised(intent, contract);
  if (update.templateChanged) {
    const kept =
      resolution.unselected === true ? withPodContractKept(intent, update.oldObject, update.oldRecord, spec) : intent;
    return raised(kept, contract);
  }
  return update.touched ? touchedTarget(update, spec, contract) : keptTarget(update, contract);
}

function admittedAs(object: Deployment): AdmissionDecision {
  return { object, kind: 'Unchanged', changes: [], warnings: [], findings: [], reasserted: [] };
}
