import type { Deployment, IntOrString } from '../api/kubernetes.ts';
import { sameJson } from './canonicalJson.ts';
import { API_DEFAULTS, GRACE_PATH, MAX_SURGE_PATH, MAX_UNAVAILABLE_PATH, MIN_READY_PATH } from './contractFields.ts';
import { manifestNaming } from './fieldOwner.ts';
import { valueAt } from './fieldPath.ts';
import type { Resolution } from './resolve.ts';

/** The API server cuts a warning at 256 characters when there are many; clients of people show one line each. */
const longestWarning = 250;

const verdicts = [
  { kind: 'gracePeriod', path: GRACE_PATH, field: 'terminationGracePeriodSeconds', verdict: 'too short' },
  { kind: 'minReadySeconds', path: MIN_READY_PATH, field: 'minReadySeconds', verdict: 'too short' },
  { kind: 'maxUnavailable', path: MAX_UNAVAILABLE_PATH, field: 'maxUnavailable', verdict: 'too high' },
  { kind: 'maxSurge', path: MAX_SURGE_PATH, field: 'maxSurge', verdict: 'too low' },
] as const;

/**
 * One line for each value that the author's write named and that was raised. Where it cannot be known whether the
 * manifest names it, the wording says so, and the API server's own default is taken for a value nobody wrote.
 */
export function raisedWarnings(input: {
  readonly object: Deployment;
  readonly oldObject: Deployment | undefined;
  readonly admitted: Deployment;
  readonly rolloutName: string;
  readonly resolution: Resolution | undefined;
}): string[] {
  const { object, oldObject, admitted, rolloutName, resolution } = input;
  const naming = manifestNaming(object, oldObject);
  const owner = object.metadata.name ?? object.metadata.generateName ?? '';
  return verdicts.flatMap(({ kind, path, field, verdict }) => {
    const written = numberOrText(valueAt(object, path));
    const set = numberOrText(valueAt(admitted, path));
    if (written === undefined || set === undefined || written === set) return [];
    const named = naming(path);
    // A stale last-applied annotation (someone patched since) says nothing of this write.
    const certain = named.kind === 'named' && (!('value' in named) || sameJson(named.value, written));
    if (!certain && written === API_DEFAULTS[kind]) return [];
    const isGrace = kind === 'gracePeriod' && set === resolution?.contract.gracePeriodSeconds;
    const why = isGrace ? ` (${resolution?.graceArithmetic ?? ''})` : '';
    const remedy = certain ? `write ${set} in the manifest` : `if the manifest names it, write ${set} there`;
    return [
      shortened(
        object.metadata.namespace ?? 'default',
        owner,
        (target) =>
          `${target}: ${field} ${written} is ${verdict}, set to ${set}${why} by GracefulRollout ${abbreviated(rolloutName, 40)}: ${remedy}`,
      ),
    ];
  });
}

/** To people who set give-back on a Deployment that is still governed. */
export function stillGovernedWarning(object: Deployment, rolloutName: string, annotation: string): string {
  return shortened(
    object.metadata.namespace ?? 'default',
    object.metadata.name ?? '',
    (target) =>
      `${target}: ${annotation} was removed, GracefulRollout ${abbreviated(rolloutName, 40)} still governs: delete it (or set mode: Audit) first, then annotate again`,
  );
}

/** A control character would make the API server's client drop the line; long names give way to the remedy at its end. */
function shortened(namespace: string, name: string, textOf: (target: string) => string): string {
  const full = textOf(`${namespace}/${name}`);
  const room = longestWarning - textOf(`${abbreviated(namespace, 24)}/`).length;
  const text =
    full.length <= longestWarning ? full : textOf(`${abbreviated(namespace, 24)}/${abbreviated(name, room)}`);
  return Array.from(text)
    .map((char) => (char < ' ' || char === '\u007f' ? ' ' : char))
    .slice(0, longestWarning)
    .join('');
}

function abbreviated(name: string, longest: number): string {
  return name.length > longest ? `${name.slice(0, Math.max(1, longest - 1))}…` : name;
}

function numberOrText(value: unknown): IntOrString | undefined {
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}
