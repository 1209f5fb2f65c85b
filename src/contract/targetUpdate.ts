import {
  ADOPT_ANNOTATION,
  ADOPT_REQUEST_PREFIX,
  type Change,
  CONTRACT_ANNOTATION,
  type GracefulRolloutSpec,
  type ResolvedContract,
} from '../api/index.ts';
import type { Deployment, PodTemplateSpec } from '../api/kubernetes.ts';
import { authorIntent, withoutDropped, withRecordRestored } from './authorIntent.ts';
import { sameJson } from './canonicalJson.ts';
import { recordedFields } from './contractFields.ts';
import { type FieldPath, valueAt } from './fieldPath.ts';
import { raised, raisedRollout } from './raise.ts';
import { readRecord, withAnnotation, writeRecord } from './record.ts';
import { graceBudget } from './resolve.ts';

/** One update of a Deployment, read for what its author changed. */
export interface Update {
  readonly object: Deployment;
  readonly oldObject: Deployment;
  /** What the operator had changed on the stored object. */
  readonly oldRecord: readonly Change[];
  /** The incoming object as its author wants it: without anything of the operator's, without a record. */
  readonly intent: Deployment;
  /** The stored object likewise. */
  readonly oldIntent: Deployment;
  /** The incoming intent with the recorded values put back where the author left them alone. */
  readonly restored: Deployment;
  /** The author changed the pod template: this write starts a rollout whatever the operator does. */
  readonly templateChanged: boolean;
  /**
   * The controller (or a person) asks for the contract by a new value of the adopt annotation that begins with
   * `ADOPT_REQUEST_PREFIX`; the webhook takes that away, so an old value in an exported manifest or a backup asks nothing.
   */
  readonly touched: boolean;
}

/** `recorded` (the GracefulRollout's status) stands in where the stored object has lost its record. */
export function readUpdate(object: Deployment, oldObject: Deployment, recorded: readonly Change[] = []): Update {
  const oldRecord = readRecord(oldObject) ?? recorded;
  const intent = writeRecord(authorIntent(object, recordOfIncoming(object, oldObject, oldRecord), oldObject), []);
  const oldIntent = writeRecord(authorIntent(oldObject, oldRecord, oldObject), []);
  const restored = withRecordRestored(intent, oldRecord);
  const touch = object.metadata.annotations?.[ADOPT_ANNOTATION];
  return {
    object,
    oldObject,
    oldRecord,
    intent,
    oldIntent,
    restored,
    // The first comparison also holds when the stored object had lost what is recorded (a write while the webhook was
    // away), the second when the author wrote a lower value of which nothing would come.
    templateChanged:
      !sameJson(intent.spec.template, oldIntent.spec.template) &&
      !sameJson(restored.spec.template, oldObject.spec.template),
    touched:
      touch?.startsWith(ADOPT_REQUEST_PREFIX) === true && touch !== oldObject.metadata.annotations?.[ADOPT_ANNOTATION],
  };
}

/**
 * Which of the incoming values are the operator's. Another record comes with `kubectl rollout undo` (the old ReplicaSet's
 * annotations come with its template) or when an older copy is written back: it fits the values that it came with. A
 * write with neither our record nor all of our values replaces the object (`kubectl replace`, an undo to before
 * adoption): nothing in it is ours, though a value may be the same.
 */
function recordOfIncoming(object: Deployment, oldObject: Deployment, oldRecord: readonly Change[]): readonly Change[] {
  const ownRecord = broughtRecord(object, oldObject);
  if (ownRecord !== undefined) return ownRecord;
  const replaces = object.metadata.annotations?.[CONTRACT_ANNOTATION] === undefined && undoes(object, oldRecord);
  return replaces ? [] : withoutDropped(oldRecord, object, oldObject);
}

/** The record that came with this write, if it is another one than what is stored. */
function broughtRecord(object: Deployment, oldObject: Deployment): readonly Change[] | undefined {
  const [text, oldText] = [object, oldObject].map(({ metadata }) => metadata.annotations?.[CONTRACT_ANNOTATION]);
  if (text === oldText) return undefined;
  const record = readRecord(object);
  return sameJson(record, readRecord(oldObject)) ? undefined : record;
}

function undoes(object: Deployment, record: readonly Change[]): boolean {
  return recordedFields(record).some(
    ({ path, to }) => !sameJson(valueAt(object, path), to) && containerStays(object, path),
  );
}

/**
 * The incoming object with the stored pod template, byte for byte. Strategy and minReadySeconds cause no rollout: they
 * stay likewise unless the author changed them; then they are raised anew (`contract`), or, ungoverned, only what the
 * author left alone is put back.
 */
export function keptTarget(update: Update, contract: ResolvedContract | undefined): Deployment {
  const { intent, oldIntent, restored, oldObject } = update;
  const { template } = oldObject.spec;
  const unchanged =
    sameJson(rolloutPart(intent), rolloutPart(oldIntent)) || sameJson(rolloutPart(restored), rolloutPart(oldObject));
  if (unchanged) return withRolloutPart(intent, oldObject, template);
  return withRolloutPart(intent, contract === undefined ? restored : raisedRollout(intent, contract), template);
}

/**
 * What a touch makes of it: the stored object as it is, raised. Nothing in force is lowered or removed, even if the
 * contract asks for less by now (the only Service was deleted): that comes with the author's next change of the template.
 */
export function touchedTarget(update: Update, spec: GracefulRolloutSpec, contract: ResolvedContract): Deployment {
  const held = keptTarget(update, contract);
  const target = raised(held, contract, update.intent);
  // A rollout comes anyway: then the grace period allows for a sleep that was left longer than what is asked for now.
  if (contract.gracePeriodSeconds === 0 || sameJson(target.spec.template, held.spec.template)) return target;
  return raised(target, { gracePeriodSeconds: graceBudget(spec, target).graceSeconds, containers: [] });
}

/** `kubectl replace` drops annotations; one that is missing would raise the generation on every such write. */
export function withAdoptKept(deployment: Deployment, oldObject: Deployment | undefined): Deployment {
  const annotations = deployment.metadata.annotations;
  const adopted = oldObject?.metadata.annotations?.[ADOPT_ANNOTATION];
  if (adopted === undefined || annotations?.[ADOPT_ANNOTATION] !== undefined) return deployment;
  return withAnnotation(deployment, ADOPT_ANNOTATION, adopted);
}

/** The recorded changes that this write undid: back to what was before, lower, or left out. */
export function reassertedChanges({ object, oldObject, oldRecord }: Update): Change[] {
  // Another record came with the write: an undo, or an older copy. That is no insisting.
  if (broughtRecord(object, oldObject) !== undefined) return [];
  return oldRecord.filter((change) =>
    recordedFields([change]).some(({ kind, path, from, to }) => {
      const value = valueAt(object, path);
      if (!sameJson(valueAt(oldObject, path), to) || sameJson(value, to)) return false;
      if (kind === 'gracePeriod' || kind === 'minReadySeconds') return Number(value ?? 0) < Number(to);
      return value === undefined ? containerStays(object, path) : sameJson(value, from);
    }),
  );
}

/** A field that went with its container was not set back. */
function containerStays(object: Deployment, path: FieldPath): boolean {
  const at = path.findIndex((step) => typeof step === 'object');
  return valueAt(object, path.slice(0, at + 1)) !== undefined;
}

/** progressDeadlineSeconds bounds minReadySeconds, so a change of it counts. */
function rolloutPart({ spec }: Deployment): unknown {
  const { strategy, minReadySeconds, progressDeadlineSeconds } = spec;
  return { strategy, minReadySeconds, progressDeadlineSeconds };
}

function withRolloutPart(deployment: Deployment, { spec: from }: Deployment, template: PodTemplateSpec): Deployment {
  const { strategy: _strategy, minReadySeconds: _minReadySeconds, ...spec } = deployment.spec;
  return {
    ...deployment,
    spec: {
      ...spec,
      template,
      ...(from.strategy === undefined ? {} : { strategy: from.strategy }),
      ...(from.minReadySeconds === undefined ? {} : { minReadySeconds: from.minReadySeconds }),
    },
  };
}
