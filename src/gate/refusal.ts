import { stepToAskBudgets } from './replacement.ts';
import { letGoOf } from './stepAfterIsolation.ts';
import { isHandedOver, ownedPods } from './stepFacts.ts';
import type { GateStep, Observation, Refusal } from './types.ts';

/** A webhook that is being restarted refuses too: so long the same is tried again. */
export const REFUSED_MS = 15_000;
/** And tried again after this, where the pod is still there: the policy may have been changed. */
const refusedAgainMs = 60_000;

/** What is known after one more refusal, at a monotonic time. One that comes long after the last begins anew. */
export function refusedAgain(before: Refusal | undefined, monoMs: number, message: string): Refusal {
  const goesOn = before !== undefined && monoMs - before.atMs <= refusedAgainMs + REFUSED_MS;
  return { sinceMs: goesOn ? before.sinceMs : monoMs, atMs: monoMs, message };
}

/**
 * A policy that forbids what the gate does to pods ("pods carry label app") must not keep them for ever: nobody asks again for
 * the end of a pod whose ReplicaSet was told that it is gone. What is refused for {@link REFUSED_MS} is done as plain
 * Kubernetes would: the pod is deleted as it is, with its preStop sleep, an eviction only where its budgets allow it.
 */
export function stepPastRefusal(step: GateStep, observation: Observation): GateStep {
  const { refused } = observation.progress;
  if ((step.do !== 'HandOver' && step.do !== 'Isolate') || !isForGood(refused, observation.monoMs)) return step;
  const asked = hasBudgetToAsk(observation) ? stepToAskBudgets(observation) : undefined;
  return asked ?? letGoOf(observation, 'Refused');
}

/**
 * Not of a pod that was handed over: before its isolation the budgets were asked where they have a say. Not of one that its
 * ReplicaSet, which was told that it is gone, wants gone too: that is no budget's business.
 */
function hasBudgetToAsk(observation: Observation): boolean {
  const { state, budgets, replicaSet } = observation;
  if (state.path !== 'Eviction' || budgets.length === 0 || isHandedOver(observation)) return false;
  return replicaSet !== undefined && ownedPods(observation).length <= replicaSet.replicas;
}

function isForGood(refused: Refusal | undefined, monoMs: number): boolean {
  if (refused === undefined) return false;
  return refused.atMs - refused.sinceMs >= REFUSED_MS && monoMs - refused.atMs < refusedAgainMs;
}
