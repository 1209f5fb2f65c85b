import type { Change } from '../api/index.ts';
import { isJsonObject } from '../api/json.ts';
import type { Deployment } from '../api/kubernetes.ts';
import { sameJson } from './canonicalJson.ts';
import {
  API_DEFAULT_GRACE_SECONDS,
  API_DEFAULT_PROGRESS_DEADLINE_SECONDS,
  API_DEFAULTS,
  GRACE_PATH,
  handlersOf,
  type RecordedField,
  recordedFields,
} from './contractFields.ts';
import { manifestNaming, type Naming } from './fieldOwner.ts';
import { type FieldPath, prunedAt, valueAt, withValueAt } from './fieldPath.ts';
import { readRecord } from './record.ts';

/**
 * Undoes each change whose field still holds what was set; every other field is the author's by now. An object that the
 * operator made is removed with it when nothing else is in it. Annotations stay.
 */
export function giveBack(deployment: Deployment, changes: readonly Change[]): Deployment {
  return withoutOurs(deployment, recordedFields(changes), () => ({ kind: 'unknown' }));
}

/**
 * The Deployment as its author wants it: what the operator set (by the record) is taken out, what the manifest itself names is kept although it equals what the operator had set. `oldObject` is what is
 * stored: undefined on a create, `object` itself when that is the stored one.
 */
export function authorIntent(
  object: Deployment,
  record: readonly Change[],
  oldObject: Deployment | undefined,
): Deployment {
  const naming = manifestNaming(object, oldObject);
  return withoutOurs(object, recordedFields(record), naming);
}

/**
 * A record without the fields that the author's manifest named until now and no longer does, where the API server's
 * default, which came in their place, is what the operator had set.
 */
export function withoutDropped(
  record: readonly Change[],
  object: Deployment,
  oldObject: Deployment,
): readonly Change[] {
  const naming = manifestNaming(object, oldObject);
  const oldNaming = manifestNaming(oldObject, oldObject);
  return record.filter((change) =>
    recordedFields([change]).every(
      ({ kind, path, to }) =>
        to !== API_DEFAULTS[kind] || oldNaming(path).kind === 'unknown' || naming(path).kind === 'named',
    ),
  );
}

/** {@link authorIntent} of a stored Deployment, by the record that it carries itself. */
export function storedIntent(deployment: Deployment): Deployment {
  return authorIntent(deployment, readRecord(deployment) ?? [], deployment);
}

function withoutOurs(
  deployment: Deployment,
  fields: readonly RecordedField[],
  naming: (path: FieldPath) => Naming,
): Deployment {
  const without = fields.toReversed().reduce((left, field) => {
    const value = valueAt(left, field.path);
    if (field.kind === 'preStop' || field.kind === 'readinessProbe') {
      if (!sameJson(value, field.to)) return withoutOurMembers(withoutOurHandler(left, field, value), field, naming);
      const [handler] = handlersOf(field.to);
      const named = handler === undefined ? undefined : naming([...field.path, handler]);
      return handler !== undefined && named !== undefined && isTheirs(named, valueAt(field.to, [handler]))
        ? left
        : replaced(left, field, naming);
    }
    if (!sameJson(value, field.to)) return left;
    const named = naming(field.path);
    // What was raised is named with its own value; that the field is named at all proves nothing here.
    return 'value' in named && isTheirs(named, field.to) ? left : replaced(left, field, naming);
  }, deployment);
  // The API server refuses a sleep beyond the grace period: whoever wrote that sleep wrote the grace period as well.
  return graceOf(without) < longestSleep(without) ? withValueAt(without, GRACE_PATH, graceOf(deployment)) : without;
}

function graceOf({ spec }: Deployment): number {
  return spec.template.spec.terminationGracePeriodSeconds ?? API_DEFAULT_GRACE_SECONDS;
}

function longestSleep({ spec }: Deployment): number {
  const { containers, initContainers = [] } = spec.template.spec;
  return Math.max(0, ...[...containers, ...initContainers].map((c) => c.lifecycle?.preStop?.sleep?.seconds ?? 0));
}

/** A handler that the operator set where there was none: whoever names it names this value, or wrote it. */
function isTheirs(named: Naming, value: unknown): boolean {
  return named.kind === 'named' && (!('value' in named) || containsJson(value, named.value));
}

/** kubectl's last-applied annotation holds the manifest without the API server's defaults. */
function containsJson(whole: unknown, part: unknown): boolean {
  if (!isJsonObject(whole) || !isJsonObject(part)) return sameJson(whole, part);
  return Object.entries(part).every(([key, value]) => containsJson(whole[key], value));
}

/** An object that the operator made goes too when it is left empty, unless the manifest says `lifecycle: {}` itself. */
function replaced(
  deployment: Deployment,
  { path, root, from }: RecordedField,
  naming: (path: FieldPath) => Naming,
): Deployment {
  const without = withValueAt(deployment, path, from);
  return from === undefined && naming(root).kind === 'unknown' ? prunedAt(without, path, root) : without;
}

/**
 * An author who adds a handler of another type to a hook or probe that the operator had set gets both merged, which the
 * API server refuses ("may not specify more than 1 handler type"): then ours goes, with the numbers that came with it.
 */
function withoutOurHandler(deployment: Deployment, { path, to }: RecordedField, value: unknown): Deployment {
  const [ours] = handlersOf(to);
  if (!isJsonObject(value) || !isJsonObject(to) || ours === undefined) return deployment;
  if (handlersOf(value).length < 2 || !sameJson(value[ours], to[ours])) return deployment;
  const theirs = Object.entries(value).filter(([key, member]) => !sameJson(member, to[key]));
  return withValueAt(deployment, path, Object.fromEntries(theirs));
}

/**
 * An author who comes to name a hook or a probe of the type that the operator had set gets both merged. What the manifest
 * provably leaves out and is just what the operator had set (a period, a scheme) goes; the API server fills its own in.
 */
function withoutOurMembers(
  deployment: Deployment,
  { path, to }: RecordedField,
  naming: (path: FieldPath) => Naming,
): Deployment {
  const value = valueAt(deployment, path);
  const [handler] = handlersOf(value);
  if (handler === undefined || naming([...path, handler]).kind === 'unknown') return deployment;
  return withValueAt(deployment, path, withoutUnnamed(value, to, path, naming));
}

function withoutUnnamed(value: unknown, ours: unknown, path: FieldPath, naming: (path: FieldPath) => Naming): unknown {
  if (!isJsonObject(value) || !isJsonObject(ours)) return value;
  const theirs = Object.entries(value).flatMap(([key, member]) => {
    const at = [...path, key];
    if (naming(at).kind === 'named') return [[key, withoutUnnamed(member, ours[key], at, naming)]];
    return sameJson(member, ours[key]) ? [] : [[key, member]];
  });
  return Object.fromEntries(theirs) as unknown;
}

/**
 * The Deployment with every recorded field back at what was set, as far as the author left it alone: absent, back at
 * what it was before, or (grace period) lower than what was set. A container that is gone takes its fields with it.
 */
export function withRecordRestored(intent: Deployment, record: readonly Change[]): Deployment {
  return recordedFields(record).reduce((restored, { kind, path, from, to }) => {
    const value = valueAt(restored, path);
    if (to === undefined) return restored;
    if (!isAllowed(kind, to, intent)) return restored;
    const untouched = value === undefined || sameJson(value, from);
    const lower = kind === 'gracePeriod' && typeof value === 'number' && typeof to === 'number' && value < to;
    return untouched || lower ? withValueAt(restored, path, to) : restored;
  }, intent);
}

/** What the API server would refuse beside the rest of the author's Deployment is not restored. */
function isAllowed(kind: RecordedField['kind'], to: unknown, { spec }: Deployment): boolean {
  if (kind === 'maxUnavailable' || kind === 'maxSurge') return spec.strategy?.type !== 'Recreate';
  const deadlineSeconds = spec.progressDeadlineSeconds ?? API_DEFAULT_PROGRESS_DEADLINE_SECONDS;
  return kind !== 'minReadySeconds' || (typeof to === 'number' && to < deadlineSeconds);
}
