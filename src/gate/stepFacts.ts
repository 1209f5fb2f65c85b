import type { OwnerReference } from '../api/kubernetes.ts';
import { elapsedMs, OWN_TIME_MS } from './drainTime.ts';
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

/** Milliseconds since one of the state's times: its age when this leader saw it first, and what has passed since by its monotonic clock. */
export function sinceMs({ nowMs, monoMs, progress }: Observation, at: string | undefined): number {
  const seen = at === undefined ? undefined : progress.sights?.of.get(at);
  return seen === undefined ? elapsedMs(nowMs, at) : Math.max(0, seen.ageMs) + monoMs - seen.seenMs;
}

/**
 * Milliseconds until a limit that counts from one of the state's times. Who took over from another leader may have a clock that is ahead,
 * so it has {@link OWN_TIME_MS} of its own first (at most the limit): a pod is held for at most so much longer, and no
 * clock lets it go before anything was verified.
 */
export function leftMsOf(observation: Observation, at: string | undefined, limitMs: number): number {
  const seen = at === undefined ? undefined : observation.progress.sights?.of.get(at);
  const leftMs = limitMs - sinceMs(observation, at);
  if (seen === undefined || limitMs === Infinity) return leftMs;
  return Math.max(leftMs, Math.min(limitMs, OWN_TIME_MS) - (observation.monoMs - seen.seenMs));
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

/** The other pods that serve: stand-ins, and ready endpoints of its Services. What a barrier proves that every proxy knows. */
export function servingOthers(observation: Observation): readonly string[] {
  const endpoints = observation.services.flatMap(({ readyUids }) => readyUids).filter(othersOf(observation));
  return [...new Set([...readyStandIns(observation).map(({ uid }) => uid), ...endpoints])];
}

/**
 * Of the pods that the proxies know, enough are still there: a ready endpoint for every Service, and as many stand-ins as are
 * wanted and there.
 */
export function areKnown(observation: Observation, wanted: number): boolean {
  const known = new Set(observation.progress.replacementUids);
  const standIns = readyStandIns(observation);
  const isOther = othersOf(observation);
  return (
    observation.services.every(({ readyUids }) => {
      const others = readyUids.filter(isOther);
      return others.length === 0 || others.some((uid) => known.has(uid));
    }) && standIns.filter(({ uid }) => known.has(uid)).length >= Math.min(wanted, standIns.length)
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
  const isOther = othersOf(observation);
  return observation.services.find(({ readyUids }) => !readyUids.some(isOther));
}

/**
 * The first Service with traffic policy Local (external or internal) that would have no ready endpoint on the pod's node
 * without this pod. A proxy sends such traffic to ready endpoints of its own node, else to those that terminate and still
 * serve there, else nowhere (pkg/proxy/topology.go CategorizeEndpoints). So an isolated pod would leave its node without any,
 * and a terminating one does not: a load balancer sees healthCheckNodePort fail at once, and connections that still
 * come are served until the end of the preStop sleep. Hints of zones and nodes (trafficDistribution) need no such care: they
 * are ignored where no ready endpoint has one for the node (topologyModeFromHints in that file).
 */
export function lastOnNodeOf(observation: Observation): ServiceFacts | undefined {
  const isOther = othersOf(observation);
  return observation.services.find(({ localUids }) => localUids !== undefined && !localUids.some(isOther));
}

/**
 * Tells of a uid whether it is another pod's, and one that stays. To one that is not Ready, and listed all the same
 * (`publishNotReadyAddresses`), others that are not Ready are as good.
 */
function othersOf({ siblings, pod }: Observation): (uid: string) => boolean {
  const stays = pod.ready ? isServing : isStaying;
  const going = new Set(siblings.filter((sibling) => !stays(sibling)).map(({ uid }) => uid));
  return (uid) => uid !== pod.metadata.uid && !going.has(uid);
}

function isServing(sibling: Sibling): boolean {
  return sibling.ready && isStaying(sibling);
}

/** One that may go as it is (`drainedAt` without isolation) is deleted by a request that is on its way. */
function isStaying({ terminating, state }: Sibling): boolean {
  return !terminating && state?.isolatedAt === undefined && state?.drainedAt === undefined;
}

/** `1.4 s` */
export function secondsText(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
