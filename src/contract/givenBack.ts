import { type Change, CONTRACT_ANNOTATION } from '../api/index.ts';
import type { Deployment } from '../api/kubernetes.ts';
import { sameJson } from './canonicalJson.ts';
import { recordedFields } from './contractFields.ts';
import { type FieldPath, valueAt } from './fieldPath.ts';
import { readRecord } from './record.ts';

/**
 * What a write of a target gave back, judged by what was stored before and after it: the entries of a record that is gone,
 * where the field now holds what was there before the contract. Empty for every other write, that of an author who wrote
 * other values, or of somebody who took the annotation off, included. Never throws.
 */
export function givenBack(before: Deployment, after: Deployment): readonly Change[] {
  if (after.metadata.annotations?.[CONTRACT_ANNOTATION] !== undefined) return [];
  return (readRecord(before) ?? [])
    .filter((change) =>
      recordedFields([change]).some(
        ({ path, from, to }) =>
          isThere(after, path) && sameJson(valueAt(before, path), to) && sameJson(valueAt(after, path), from),
      ),
    )
    .map(({ path, from, to }) => ({ path, from: to, to: from ?? 'null' }));
}

/** Whether the container that the path goes through is there: with a container that goes, nothing is given back. */
function isThere(deployment: Deployment, path: FieldPath): boolean {
  const item = path.findIndex((step) => typeof step === 'object');
  return item === -1 || valueAt(deployment, path.slice(0, item + 1)) !== undefined;
}
