import { isJsonObject } from '../api/json.ts';
import type { Deployment, ManagedFieldsEntry } from '../api/kubernetes.ts';
import { sameJson } from './canonicalJson.ts';
import { type FieldPath, parsePath, type Step, valueAt } from './fieldPath.ts';

/** Who, according to managedFields, set a field. */
export interface FieldWriter {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly time?: string;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The field manager that owns a path (or something below it); of several the one that wrote last. Undefined: nobody,
 * as for a value that a webhook set. Source: k8s.io/apimachinery managedfields (fieldsV1: `f:` members, `k:` list keys).
 */
export function describeWriter(deployment: Deployment, path: string): FieldWriter | undefined {
  const steps = parsePath(path);
  return (deployment.metadata.managedFields ?? [])
    .filter((entry) => entry.subresource === undefined || entry.subresource === '')
    .filter((entry) => owns(entry, steps))
    .map(
      ({ manager, operation, time }): FieldWriter => ({
        manager: manager ?? 'unknown',
        operation: operation ?? 'Update',
        ...(time === undefined ? {} : { time }),
      }),
    )
    .reduce<FieldWriter | undefined>(
      (latest, writer) => (latest === undefined || (writer.time ?? '') > (latest.time ?? '') ? writer : latest),
      undefined,
    );
}

/**
 * What is known of the author's manifest at a path. `named`: it names the field; `value` is what it says there, absent
 * when only the naming is known. `unknown`: create, replace, Helm 3, a patch: no trace is left of what a manifest named.
 */
export type Naming = { readonly kind: 'named'; readonly value?: unknown } | { readonly kind: 'unknown' };

/**
 * Proof of naming is kubectl's last-applied annotation, or an Apply entry in managedFields (an Update entry also owns
 * what the API server filled in). An Apply entry that is new or newer than the stored object's comes from this very
 * write, so the incoming value is the manifest's; managedFields are computed before admission runs. For an object as it
 * is stored pass it as `oldObject` too; undefined means that it is being created.
 */
export function manifestNaming(object: Deployment, oldObject: Deployment | undefined): (path: FieldPath) => Naming {
  const lastApplied = parseLastApplied(object.metadata.annotations?.[LAST_APPLIED]);
  const applies = (object.metadata.managedFields ?? [])
    .filter((entry) => entry.operation === 'Apply' && (entry.subresource ?? '') === '')
    .map((entry) => ({
      entry,
      ofThisWrite: !(oldObject?.metadata.managedFields ?? []).some((old) => sameJson(old, entry)),
    }));
  return (path) => {
    const applied = valueAt(lastApplied, path);
    if (applied !== undefined) return { kind: 'named', value: applied };
    const owners = applies.filter(({ entry }) => owns(entry, path));
    if (owners.length === 0) return { kind: 'unknown' };
    return owners.some(({ ofThisWrite }) => ofThisWrite)
      ? { kind: 'named', value: valueAt(object, path) }
      : { kind: 'named' };
  };
}

function owns(entry: ManagedFieldsEntry, path: FieldPath): boolean {
  let node: unknown = entry.fieldsV1;
  for (const step of path) {
    const key = fieldsKey(step);
    if (!isJsonObject(node) || !Object.hasOwn(node, key)) return false;
    node = node[key];
  }
  return true;
}

/** Containers are a map list with the one key `name`, so its key text is fixed. */
function fieldsKey(step: Step): string {
  return typeof step === 'string' ? `f:${step}` : `k:${JSON.stringify({ name: step.name })}`;
}

function parseLastApplied(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
