import { isReplacementNeeded, stepToConfirm, stepToReplace } from './replacement.ts';
import { AFTER_REQUEST_MS, letGoOf, requestOverMs } from './stepAfterIsolation.ts';
import {
  canGiveBack,
  controllerOf,
  hasEnded,
  isHandedOver,
  lastEndpointOf,
  lastOnNodeOf,
  leftMsOf,
  ownedPods,
  secondsText,
  sinceMs,
} from './stepFacts.ts';
import { isolate } from './stepIsolate.ts';
import type { DrainOutcome, GateStep, Observation } from './types.ts';

/** A cache may be that late: what it says against the ReplicaSet controller is believed after this. */
const CACHE_GRACE_MS = 2_000;
/** Drain asks every 5 s, autoscalers every 10 to 60 s: who is silent for so long has given up. */
const SILENCE_MS = 300_000;

/** Nothing is lost yet: the pod serves, with all its labels, and can be given back. */
export function stepBeforeIsolation(observation: Observation): GateStep {
  if (hasEnded(observation)) {
    const reason = 'its containers have ended';
    return isHandedOver(observation) ? letGoOf(observation, 'Verified') : { do: 'Cancel', reason };
  }
  const exempt = exemptionOf(observation);
  const givenUp = exempt === undefined ? undefined : giveUp(observation, exempt);
  if (givenUp !== undefined) return givenUp;
  switch (observation.state.path) {
    case 'ScaleDown':
      return isHandedOver(observation) ? leave(observation) : startScaleDown(observation);
    case 'Eviction':
      return evict(observation);
    case 'Delete':
      return deleteForPerson(observation);
  }
}

/** Why the gate has no business with the pod (any more); the webhook admits what asks again. */
function exemptionOf({ settings, deployment }: Observation): string | undefined {
  if (settings.mode !== 'Gate') return `the gate is not on (spec.endpointCheck.mode: ${settings.mode})`;
  if (deployment === undefined || deployment.deleting) return 'its Deployment is being deleted';
  // A pod handed over is not counted by its ReplicaSet: the new version would start beside it.
  if (deployment.recreate) return `Deployment ${deployment.name} recreates its pods`;
  return deployment.replicas === 0 ? `Deployment ${deployment.name} is scaled to 0` : undefined;
}

/** Undefined: it was handed over, and there is no ReplicaSet any more that could have it back. */
function giveUp(observation: Observation, reason: string): GateStep | undefined {
  if (!isHandedOver(observation)) return { do: 'Cancel', reason };
  if (canGiveBack(observation)) return { do: 'GiveBack', reason };
  // The garbage collector takes it along with its owner.
  return observation.deployment === undefined ? { do: 'Cancel', reason } : undefined;
}

/** The ReplicaSet has a pod too many, as its controller said: read again, for it may have chosen others since. */
function startScaleDown(observation: Observation): GateStep {
  const { replicaSet } = observation;
  const strange = strangerOf(observation);
  if (strange !== undefined || replicaSet === undefined) return strange ?? { do: 'Cancel', reason: 'no ReplicaSet' };
  const owned = ownedPods(observation);
  if (owned.length <= replicaSet.replicas) {
    return cancelLater(
      observation,
      `ReplicaSet ${replicaSet.name} has ${owned.length} pods and wants ${replicaSet.replicas}`,
    );
  }
  if (observation.services.length > 0 && lastEndpointOf(observation) === undefined) return depart(observation);
  if (observation.services.length > 0 && isWanted(observation)) {
    return cancelLater(observation, `ReplicaSet ${replicaSet.name} has no other Ready pod to do its work`);
  }
  return { do: 'HandOver' };
}

/**
 * Handed over, and no ReplicaSet wants it back: it leaves as soon as every Service has another endpoint. At last anyway; but one that is
 * evicted waits as long as evictions do, whatever has become of its ReplicaSet, while its Deployment wants pods.
 */
function leave(observation: Observation): GateStep {
  const { services, settings, state, replicaSet } = observation;
  if (services.length === 0) return leaveUnserved(observation);
  const last = lastEndpointOf(observation);
  if (last === undefined) return depart(observation);
  if (canGiveBack(observation) && isWanted(observation)) {
    return { do: 'GiveBack', reason: `ReplicaSet ${replicaSet?.name} wants pods again, and this one is Ready` };
  }
  const isEviction = state.path === 'Eviction' && exemptionOf(observation) === undefined;
  const limit = isEviction ? (settings.replacementTimeoutSeconds ?? Infinity) : settings.timeoutSeconds;
  const leftMs = leftMsOf(observation, state.handedOverAt ?? state.askedAt, limit * 1000);
  if (leftMs <= 0) return letGoOf(observation, isEviction ? 'ReplacementTimeout' : 'LastEndpoint');
  const reason = `Service ${last.name} has no other ready endpoint`;
  return leftMs === Infinity ? { do: 'Wait', reason } : { do: 'Wait', reason, forMs: leftMs };
}

/** The ReplicaSet has fewer Ready pods than it should, this Ready one left out: it would rather lose one that is not. */
function isWanted(observation: Observation): boolean {
  const { pod, replicaSet } = observation;
  if (!pod.ready) return false;
  const ready = ownedPods(observation).filter((sibling) => sibling.ready && sibling.uid !== pod.metadata.uid);
  return replicaSet !== undefined && replicaSet.replicas > ready.length;
}

function evict(observation: Observation): GateStep {
  const { settings, state, replicaSet } = observation;
  const silentMs = sinceMs(observation, state.lastAskedAt ?? state.askedAt);
  const isSilent = silentMs >= SILENCE_MS;
  const isSurplus = replicaSet === undefined || replicaSet.replicas === 0;
  if (isSilent && !isSurplus && nodeTakesPods(observation)) {
    const back = giveUp(observation, `nobody has asked for its eviction for ${secondsText(silentMs)}`);
    if (back !== undefined) return back;
  }
  if (!isHandedOver(observation)) {
    return strangerOf(observation) ?? start(observation, isReplacementNeeded(observation));
  }
  if (!canGiveBack(observation) || (isSilent && isSurplus)) return leave(observation);
  const limit = settings.replacementTimeoutSeconds;
  const leftMs =
    limit === undefined ? Infinity : leftMsOf(observation, state.handedOverAt ?? state.askedAt, limit * 1000);
  if (leftMs <= 0) return leaveUnreplaced(observation);
  return replaceAndLeave(observation, Math.min(leftMs, isSilent ? Infinity : SILENCE_MS - silentMs));
}

/**
 * It has waited as long as an eviction may. What is there by now is proved and asked as ever, for that has an end; what is not
 * there is waited for no longer. The last ready endpoint goes as it is: isolation would take its Service away no later.
 */
function leaveUnreplaced(observation: Observation): GateStep {
  const { services, settings } = observation;
  const step = stepToReplace(observation);
  if (step?.do !== 'Wait') return step ?? leaveReplaced(observation);
  if ((lastEndpointOf(observation) ?? lastOnNodeOf(observation)) !== undefined) {
    return letGoOf(observation, 'ReplacementTimeout');
  }
  // Who stays must be known to every proxy before the pod leaves to them what it served.
  const proof = services.length === 0 ? undefined : stepToConfirm(observation);
  if (proof !== undefined) return proof;
  if (services.length === 0 && observation.listed === 'Never') return leaveUnserved(observation, 'ReplacementTimeout');
  const waited = `spec.eviction.replacementTimeoutSeconds (${settings.replacementTimeoutSeconds ?? 0} s) was over`;
  return { ...isolate(observation), unmet: `${step.reason}; ${waited}` };
}

function nodeTakesPods({ node }: Observation): boolean {
  return node !== undefined && node.ready && !node.unschedulable;
}

function deleteForPerson(observation: Observation): GateStep {
  const { state } = observation;
  const overdueMs = requestOverMs(observation);
  if (state.abandonedAt !== undefined || overdueMs >= AFTER_REQUEST_MS) {
    const reason = state.abandonedAt === undefined ? 'the request is over' : 'the request was abandoned';
    return giveUp(observation, reason) ?? leave(observation);
  }
  if (state.drainedAt !== undefined) return letGoOf(observation, 'Verified');
  if (!isHandedOver(observation)) {
    const strange = strangerOf(observation);
    if (strange !== undefined) return strange;
    // The person's own request deletes it, and its ReplicaSet replaces it as ever.
    if (observation.services.length === 0) return leaveUnserved(observation);
    return start(observation, isReplacementNeeded(observation));
  }
  return canGiveBack(observation) ? replaceAndLeave(observation, AFTER_REQUEST_MS - overdueMs) : leave(observation);
}

/** Its ReplicaSet makes the replacement as soon as it does not count this pod any more. */
function start(observation: Observation, needed: boolean): GateStep {
  return needed || observation.services.length === 0 ? { do: 'HandOver' } : depart(observation);
}

function replaceAndLeave(observation: Observation, leftMs: number): GateStep {
  const { services } = observation;
  if (services.length === 0 && !isReplacementNeeded(observation)) return leaveUnserved(observation);
  const step = stepToReplace(observation);
  if (step?.do === 'Wait') {
    const forMs = Math.min(leftMs, step.forMs ?? Infinity);
    return forMs === Infinity ? step : { ...step, forMs };
  }
  return step ?? leaveReplaced(observation);
}

function leaveReplaced(observation: Observation): GateStep {
  return observation.services.length === 0 ? leaveUnserved(observation) : depart(observation);
}

/**
 * No Service selects it. Slices and proxies may know it all the same: its Service has another selector since a moment ago, or
 * somebody writes its endpoints by hand. Then it is isolated, though no label has to go for it, and verified. One that was no
 * endpoint lately and is none by the API server itself goes at once: no proxy has anything to let go of.
 */
function leaveUnserved(observation: Observation, outcome: DrainOutcome = 'Verified'): GateStep {
  if (observation.listed !== 'Never') return isolate(observation);
  if (observation.progress.slicesCleanAtMs === undefined) return { do: 'VerifySlices' };
  return letGoOf(observation, outcome);
}

/** Its controller owner is not the ReplicaSet that the state is about: somebody else has taken it in hand. */
function strangerOf(observation: Observation): GateStep | undefined {
  const { replicaSet, pod } = observation;
  const controller = controllerOf(pod);
  if (replicaSet !== undefined && controller?.uid === replicaSet.uid) return undefined;
  return cancelLater(observation, 'no ReplicaSet of the Deployment controls it');
}

/** Not before the caches had time to show what the asker has seen. */
function cancelLater(observation: Observation, reason: string): GateStep {
  const leftMs = CACHE_GRACE_MS - sinceMs(observation, observation.state.askedAt);
  return leftMs > 0 ? { do: 'Wait', reason, forMs: leftMs } : { do: 'Cancel', reason };
}

/**
 * Its Services have other ready endpoints. Where its node has none of a Service that sends within nodes only, it is deleted as
 * it is: a replacement on this very node is nothing to count on, so there is nothing to wait for.
 */
function depart(observation: Observation): GateStep {
  return lastOnNodeOf(observation) === undefined ? isolate(observation) : letGoOf(observation, 'LastOnNode');
}
