import type { OwnerReference } from '../api/kubernetes.ts';
import { elapsedMs } from './drainTime.ts';
import type { Observation, ServiceFacts, Sibling } from './types.ts';

/** The owner that controls the pod. */
export function controllerOf(pod: Observation['pod']): OwnerReference | undefined {
  return pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** A Deployment controls the pod itself: no ReplicaSet counts it. */
export function isHandedOver({ pod }: Observation): boolean {
  return controllerOf(pod)?.kind === 'Deployment';
}

/** The ReplicaSet that giving back restores is still the one that the state names. */
export function canGiveBack({ state, replicaSet }: Observation): boolean {
  return replicaSet !== undefined && state.owner?.uid === replicaSet.uid;
}

/** Milliseconds since one of the state's times. */
export function sinceMs({ nowMs, progress }: Observation, at: string | undefined): number {
  return elapsedMs(nowMs, at, progress.seenAtMs);
}

/** The phases after which no container runs again (core/v1 PodPhase). */
export function hasEnded({ pod }: Observation): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed';
}

/** What the ReplicaSet counts as its own: not terminating, not handed over. */
export function ownedPods({ siblings, replicaSet }: Observation): readonly Sibling[] {
  return siblings.filter(({ ownerUid, terminating }) => ownerUid === replicaSet?.uid && !terminating);
}

/** The ReplicaSet's pods that can stand in for this one: Ready, and nobody asked for their end. */
export function readyStandIns(observation: Observation): readonly Sibling[] {
  const { uid } = observation.pod.metadata;
  return ownedPods(observation).filter(
    (sibling) => sibling.uid !== uid && sibling.ready && sibling.state === undefined,
  );
}

/** Ready pods of the Deployment that would still serve without this one. */
export function readyWithout({ siblings, pod }: Observation): number {
  return siblings.filter((sibling) => sibling.uid !== pod.metadata.uid && isServing(sibling)).length;
}

/**
 * The first Service that would have no ready endpoint without this pod. Its slices may lag behind the pods: an endpoint
 * that is known to go does not count.
 */
export function lastEndpointOf(observation: Observation): ServiceFacts | undefined {
  const going = new Set(observation.siblings.filter((sibling) => !isServing(sibling)).map(({ uid }) => uid));
  return observation.services.find(
    ({ readyUids }) => !readyUids.some((uid) => uid !== observation.pod.metadata.uid && !going.has(uid)),
  );
}

function isServing({ ready, terminating, state }: Sibling): boolean {
  return ready && !terminating && state?.isolatedAt === undefined;
}

/** `1.4 s` */
export function secondsText(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
