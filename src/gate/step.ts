import { stepPastRefusal } from './refusal.ts';
import { stepAfterIsolation } from './stepAfterIsolation.ts';
import { stepBeforeIsolation } from './stepBeforeIsolation.ts';
import type { GateStep, Observation } from './types.ts';

/**
 * What to do next about one pod that somebody wants to be gone (design.md §5). Pure and level-triggered: the same
 * observation gives the same step, whoever asks and whatever was done before, so a new leader goes on where another
 * died. Isolation is the point of no return: before it a drain can be given up, after it it is only brought to its end.
 * The caller holds a lock per namespace from observing until a step that writes has been written.
 */
export function decideStep(observation: Observation): GateStep {
  const { pod, state } = observation;
  if (pod.metadata.deletionTimestamp !== undefined) return { do: 'Wait', reason: 'the pod is terminating' };
  return state.isolatedAt === undefined
    ? stepPastRefusal(stepBeforeIsolation(observation), observation)
    : stepAfterIsolation(observation);
}
