import { DEFAULT_QUIET_SECONDS } from './stepAfterIsolation.ts';
import { areKnown, lastEndpointOf, ownedPods, readyStandIns, readyWithout } from './stepFacts.ts';
import type { GateStep, Observation, Sibling } from './types.ts';

/** A budget that said no is asked again after this, and a yes holds no longer. */
export const BUDGET_ANSWER_MS = 5_000;
const pendingBudgetMs = 1_000;
/** The API server writes when a pod was created, in whole seconds; the operator when it was handed over, by its own clock. */
const createdBeforeMs = 10_000;

/**
 * The pod must not leave before its replacement is Ready: a Service would be without a ready endpoint, or an eviction
 * would go below what `spec.eviction.minReady` or a budget wants (a budget that selects the pod always wants to be asked,
 * and allows more once the replacement is there).
 */
export function isReplacementNeeded(observation: Observation): boolean {
  if (lastEndpointOf(observation) !== undefined) return true;
  if (observation.state.path !== 'Eviction') return false;
  return observation.budgets.length > 0 || readyWithout(observation) < minReadyOf(observation);
}

/**
 * As the author wrote it; else, where a Service sends to the pods, all but a quarter (at least one pod), as a rolling update may
 * miss by default: two nodes drained at once must not leave all the load to the last pod. More than the Deployment has replicas
 * can never be Ready: that would hold every eviction for ever.
 */
function minReadyOf({ settings, deployment, services }: Observation): number {
  const replicas = deployment?.replicas ?? 0;
  const usual = services.length === 0 ? 0 : replicas - Math.max(1, Math.floor(replicas / 4));
  return Math.min(settings.minReady ?? usual, replicas);
}

/** What is still to be done or waited for before a handed-over pod may leave. Undefined: nothing. */
export function stepToReplace(observation: Observation): GateStep | undefined {
  const missing = missingReplacement(observation);
  if (missing !== undefined) return { do: 'Wait', reason: missing };
  if (observation.services.length > 0) {
    const step = stepToConfirm(observation);
    if (step !== undefined) return step;
  }
  const asksBudgets = observation.state.path === 'Eviction' && observation.budgets.length > 0;
  return asksBudgets ? stepToAskBudgets(observation) : undefined;
}

/**
 * Read from the pods: the ReplicaSet's own status still counts the pod that was handed over for a while. Pods of it that
 * are asked to leave themselves do not count.
 */
function missingReplacement(observation: Observation): string | undefined {
  const { replicaSet, state, deployment, settings } = observation;
  const ready = readyStandIns(observation).length;
  const wanted = wantedStandIns(observation);
  if (replicaSet !== undefined && ready < wanted) {
    return `waiting for its replacement: ${ready} of ${wanted} pods of ReplicaSet ${replicaSet.name} are Ready`;
  }
  const last = lastEndpointOf(observation);
  if (last !== undefined) return `waiting for its replacement: Service ${last.name} has no other ready endpoint`;
  const stays = readyWithout(observation);
  const minReady = minReadyOf(observation);
  if (state.path === 'Eviction' && stays < minReady) {
    return `waiting for its replacement: ${stays} other pods of Deployment ${deployment?.name} are Ready, ${minReady} must be (spec.eviction.minReady${settings.minReady === undefined ? ', by default all but a quarter' : ''})`;
  }
  return undefined;
}

function wantedStandIns(observation: Observation): number {
  const { replicaSet } = observation;
  return replicaSet === undefined ? 0 : replicaSet.replicas - failingBefore(observation).length;
}

/**
 * Pods of the ReplicaSet that are not Ready and were there well before this one was handed over: they replace nobody, and one
 * that never becomes Ready must not hold up every eviction. What must stay Ready is for minReady and the budgets to say.
 */
function failingBefore(observation: Observation): readonly Sibling[] {
  const handedOverAtMs = Date.parse(observation.state.handedOverAt ?? '');
  return ownedPods(observation).filter(
    ({ ready, createdAt }) => !ready && Date.parse(createdAt) < handedOverAtMs - createdBeforeMs,
  );
}

/** Every proxy knows the replacement: a barrier, and quiet time where it is no proof. */
export function stepToConfirm(observation: Observation): GateStep | undefined {
  const { state, progress, settings, monoMs } = observation;
  const { replacementKnown: known, replacementHeardMs: heardMs } = progress;
  if (known === undefined || heardMs === undefined) {
    return state.replacedAt === undefined ? { do: 'ConfirmReplacement' } : undefined;
  }
  // Those that the proxies know may be gone by now, or not Ready, and others in their place.
  if (!areKnown(observation, wantedStandIns(observation))) return { do: 'ConfirmReplacement' };
  const quietMs = (settings.quietSeconds ?? DEFAULT_QUIET_SECONDS) * 1000;
  const leftMs = known.evidence === 'Barrier' ? 0 : heardMs + quietMs - monoMs;
  if (leftMs <= 0) return undefined;
  return { do: 'Wait', reason: 'not every service proxy has confirmed its replacement', forMs: leftMs };
}

/**
 * The API server decides, one pod at a time per budget: a dry run takes nothing from a budget, so two that ask may both
 * hear yes.
 */
export function stepToAskBudgets({ budgets, progress, pod, monoMs }: Observation): GateStep | undefined {
  const taken = budgets.find(({ pendingUid }) => pendingUid !== undefined && pendingUid !== pod.metadata.uid);
  if (taken !== undefined) {
    const reason = `PodDisruptionBudget ${taken.name} has not counted the last pod that left yet`;
    return { do: 'Wait', reason, forMs: pendingBudgetMs };
  }
  const ageMs = progress.budget === undefined ? Infinity : monoMs - progress.budget.heardMs;
  if (progress.budget === undefined || ageMs >= BUDGET_ANSWER_MS) return { do: 'AskBudget' };
  if (progress.budget.allowed) return undefined;
  const reason = progress.budget.message || 'its PodDisruptionBudget does not allow its eviction';
  return { do: 'Wait', reason, forMs: BUDGET_ANSWER_MS - ageMs };
}
