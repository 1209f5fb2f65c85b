import { DRAIN_ANNOTATION } from '../api/index.ts';
import type { ObjectMeta, OwnerReference } from '../api/kubernetes.ts';
import { encodeState } from './drainState.ts';
import { controllerOf } from './stepFacts.ts';
import type { DrainState, GateStep, Observation, PodView } from './types.ts';

/**
 * The gate's writes to a pod, as bodies of JSON merge patches (RFC 7386: null removes, lists are replaced). Each names the
 * uid and the resourceVersion that it was decided on: another pod, or a newer state of this one, gives a 409.
 */
export interface PodPatch {
  readonly metadata: {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations: Readonly<Record<typeof DRAIN_ANNOTATION, string | null>>;
    readonly labels?: Readonly<Record<string, null>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
}

/** A write, and the state that the pod has after it. */
export interface StatePatch {
  readonly patch: PodPatch;
  readonly state: DrainState;
}

type DeploymentName = Pick<NonNullable<Observation['deployment']>, 'name' | 'uid'>;

/** The state alone. */
export function statePatch(pod: PodView, state: DrainState, key: Uint8Array): PodPatch {
  return patchOf(pod, encodeState(state, identityOf(pod), key));
}

/** Takes the state off, and changes nothing else. */
export function cancelPatch(pod: PodView): PodPatch {
  return patchOf(pod, null);
}

/** The Deployment becomes the controller in place of the ReplicaSet; every label stays. `now`: RFC 3339. */
export function handOverPatch(
  pod: PodView,
  state: DrainState,
  deployment: DeploymentName,
  now: string,
  key: Uint8Array,
): StatePatch {
  const next = handedOver(pod, state, now);
  return {
    patch: { metadata: { ...statePatch(pod, next, key).metadata, ownerReferences: ownedBy(pod, deployment) } },
    state: next,
  };
}

/** The owner that the state remembers is the controller again, and the state is taken off. */
export function giveBackPatch(pod: PodView, state: DrainState): PodPatch {
  const { owner } = state;
  const ownerReferences = owner === undefined ? {} : { ownerReferences: withController(pod, owner) };
  return { metadata: { ...cancelPatch(pod).metadata, ...ownerReferences } };
}

/**
 * Makes the ReplicaSet the controller of a pod that ends, and changes nothing else. A ReplicaSet whose own DELETE got through
 * (the operator died after the hand-over and before it answered) waits for an event of that pod under its own name
 * (`replica_set.go` deletePod), and does nothing else for 5 minutes (`ExpectationsTimeout`).
 * @returns undefined where the pod was not taken from a ReplicaSet
 */
export function ownerPatch(
  pod: PodView,
  { owner }: DrainState,
): { readonly metadata: Partial<ObjectMeta> } | undefined {
  if (owner === undefined || controllerOf(pod)?.kind !== 'Deployment') return undefined;
  const { uid, resourceVersion } = pod.metadata;
  return {
    metadata: {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ownerReferences: withController(pod, owner),
    },
  };
}

/**
 * Out of its Services, and out of its ReplicaSet where it still was in: one write, so that nobody sees half of it. Done again, for a
 * Service that has come to select it since, it keeps the time of the first: its limit holds whatever is done to its labels.
 */
export function isolatePatch(
  pod: PodView,
  state: DrainState,
  step: Extract<GateStep, { do: 'Isolate' }>,
  { deployment, progress }: Pick<Observation, 'deployment' | 'progress'>,
  now: string,
  key: Uint8Array,
): StatePatch {
  const handsOver = step.handOver && deployment !== undefined;
  // What every proxy knows then is who else serves, not a replacement.
  const knownAtMs = step.unmet === undefined ? progress.replacementKnown?.atMs : undefined;
  const { drainedAt: _, ...before } = handsOver ? handedOver(pod, state, now) : state;
  const next: DrainState = {
    ...before,
    ...(knownAtMs === undefined ? {} : { replacedAt: new Date(knownAtMs).toISOString() }),
    isolatedAt: state.isolatedAt ?? now,
    removedLabels: { ...state.removedLabels, ...step.labels },
    ...(step.unmet === undefined ? {} : { unmet: step.unmet }),
  };
  const labels = Object.fromEntries(Object.keys(step.labels).map((label) => [label, null]));
  return {
    patch: {
      metadata: {
        ...statePatch(pod, next, key).metadata,
        ...(Object.keys(labels).length === 0 ? {} : { labels }),
        ...(handsOver ? { ownerReferences: ownedBy(pod, deployment) } : {}),
      },
    },
    state: next,
  };
}

function patchOf({ metadata: { uid, resourceVersion } }: PodView, text: string | null): PodPatch {
  return {
    metadata: {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      annotations: { [DRAIN_ANNOTATION]: text },
    },
  };
}

function identityOf({ metadata: { namespace = '', name = '', uid = '' } }: PodView) {
  return { namespace, name, uid };
}

function handedOver(pod: PodView, state: DrainState, now: string): DrainState {
  const owner = controllerOf(pod);
  return { ...state, ...(owner === undefined ? {} : { owner }), handedOverAt: now };
}

/** `blockOwnerDeletion` as the ReplicaSet's reference had it: a foreground deletion waits for the same pods as before. */
function ownedBy(pod: PodView, { name, uid }: DeploymentName): readonly OwnerReference[] {
  const blockOwnerDeletion = controllerOf(pod)?.blockOwnerDeletion;
  return withController(pod, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name,
    uid,
    controller: true,
    ...(blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion }),
  });
}

/** In the place of the controller that was there; the other owners stay, in their order. The API server takes one only. */
function withController(pod: PodView, controller: OwnerReference): readonly OwnerReference[] {
  const owners = (pod.metadata.ownerReferences ?? []).filter(
    (owner) => owner.controller === true || owner.uid !== controller.uid,
  );
  const at = owners.findIndex((owner) => owner.controller === true);
  return at === -1 ? [...owners, controller] : owners.with(at, controller);
}
