import type { Change, ResolvedContract } from '../api/index.ts';
import type { Container, Deployment, DeploymentStrategy, IntOrString, PodSpec } from '../api/kubernetes.ts';
import { storedIntent } from './authorIntent.ts';
import { sameJson } from './canonicalJson.ts';
import {
  API_DEFAULT_GRACE_SECONDS,
  API_DEFAULT_PROGRESS_DEADLINE_SECONDS,
  API_DEFAULT_ROLLING_SHARE,
  changesBetween,
} from './contractFields.ts';
import { compareShares, isNothing, isShare, type Rounding } from './rollingShare.ts';

export interface Applied {
  readonly deployment: Deployment;
  /** Empty: the contract holds already. A `to` of JSON null: something that the operator set is no longer asked for. */
  readonly changes: readonly Change[];
}

/**
 * Raises a stored Deployment to the contract, as a touch does: nothing in force is lowered or removed, whoever set it.
 * `changes` is what differs from the Deployment as given. Annotations stay as they are.
 */
export function raiseStored(deployment: Deployment, contract: ResolvedContract): Applied {
  const applied = raised(deployment, contract, storedIntent(deployment));
  return { deployment: applied, changes: changesBetween(deployment, applied) };
}

/**
 * As the author's next change of the template will: what the Deployment's own record says the operator had set is not
 * taken for the author's, so a contract that asks for less lowers or removes it.
 */
export function applyContract(deployment: Deployment, contract: ResolvedContract): Applied {
  const applied = raised(storedIntent(deployment), contract);
  return { deployment: applied, changes: changesBetween(deployment, applied) };
}

/**
 * The Deployment, raised to the contract. `intent` is what its author wants of it: a hook or a probe that is not in there
 * is the operator's own, so a longer sleep and another probe take its place.
 */
export function raised(deployment: Deployment, contract: ResolvedContract, intent = deployment): Deployment {
  const rolled = raisedRollout(deployment, contract);
  const { template } = rolled.spec;
  const podSpec = raisedPod(template.spec, contract, intent.spec.template.spec);
  return { ...rolled, spec: { ...rolled.spec, template: { ...template, spec: podSpec } } };
}

/** Only what is outside of the pod template, so without a rollout: strategy and minReadySeconds. */
export function raisedRollout(deployment: Deployment, contract: ResolvedContract): Deployment {
  const { spec } = deployment;
  const strategy = raisedStrategy(spec.strategy, spec.replicas ?? 1, contract.strategy);
  const { minReadySeconds } = contract;
  const raisesMinReady =
    minReadySeconds !== undefined &&
    minReadySeconds > (spec.minReadySeconds ?? 0) &&
    minReadySeconds < (spec.progressDeadlineSeconds ?? API_DEFAULT_PROGRESS_DEADLINE_SECONDS);
  return {
    ...deployment,
    spec: {
      ...spec,
      ...(strategy === undefined ? {} : { strategy }),
      ...(raisesMinReady ? { minReadySeconds } : {}),
    },
  };
}

function raisedPod(podSpec: PodSpec, contract: ResolvedContract, intent: PodSpec): PodSpec {
  const graceSeconds = podSpec.terminationGracePeriodSeconds ?? API_DEFAULT_GRACE_SECONDS;
  const { containers, initContainers } = podSpec;
  return {
    ...podSpec,
    containers: raisedContainers(containers, intent.containers, contract, false),
    ...(initContainers === undefined
      ? {}
      : { initContainers: raisedContainers(initContainers, intent.initContainers ?? [], contract, true) }),
    ...(contract.gracePeriodSeconds > graceSeconds
      ? { terminationGracePeriodSeconds: contract.gracePeriodSeconds }
      : {}),
  };
}

function raisedContainers(
  list: readonly Container[],
  intents: readonly Container[],
  contract: ResolvedContract,
  init: boolean,
): Container[] {
  const wantedOf = new Map(contract.containers.filter((c) => (c.init ?? false) === init).map((c) => [c.name, c]));
  const intentOf = new Map(intents.map((c) => [c.name, c]));
  return list.map((container) => {
    const wanted = wantedOf.get(container.name);
    if (wanted === undefined) return container;
    const { preStopSleepSeconds = 0, readinessProbe } = wanted;
    const { preStop } = container.lifecycle ?? {};
    const intent = intentOf.get(container.name);
    // No hook counts as a sleep of nothing, an author's own as one that is long enough.
    const sleepSeconds =
      preStop === undefined ? 0 : intent?.lifecycle?.preStop === undefined ? preStop.sleep?.seconds : undefined;
    const isProbed = container.readinessProbe !== undefined && intent?.readinessProbe !== undefined;
    return {
      ...container,
      ...(sleepSeconds !== undefined && sleepSeconds < preStopSleepSeconds
        ? { lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds: preStopSleepSeconds } } } }
        : {}),
      ...(readinessProbe !== undefined && !isProbed && !sameJson(container.readinessProbe, readinessProbe)
        ? { readinessProbe }
        : {}),
    };
  });
}

function raisedStrategy(
  strategy: DeploymentStrategy | undefined,
  replicas: number,
  wanted: ResolvedContract['strategy'],
): DeploymentStrategy | undefined {
  if (wanted === undefined || strategy?.type === 'Recreate') return strategy;
  const { maxUnavailable = API_DEFAULT_ROLLING_SHARE, maxSurge = API_DEFAULT_ROLLING_SHARE } =
    strategy?.rollingUpdate ?? {};
  if (!isShare(maxUnavailable) || !isShare(maxSurge)) return strategy;
  const rollingUpdate = {
    ...(isTooHigh(maxUnavailable, wanted.maxUnavailable, replicas) ? { maxUnavailable: wanted.maxUnavailable } : {}),
    ...(isTooLow(maxSurge, wanted.maxSurge, replicas) ? { maxSurge: wanted.maxSurge } : {}),
  };
  if (Object.keys(rollingUpdate).length === 0) return strategy;
  return { ...strategy, rollingUpdate: { ...strategy?.rollingUpdate, ...rollingUpdate } };
}

/** With 0 wanted only 0 and "0%" hold: 10% of 4 is nothing today and one pod when there are 10. */
function isTooHigh(share: IntOrString, limit: IntOrString | undefined, replicas: number): limit is IntOrString {
  if (limit === undefined) return false;
  return isNothing(limit) ? !isNothing(share) : isBeyond(share, limit, replicas, 'down');
}

function isTooLow(share: IntOrString, floor: IntOrString | undefined, replicas: number): floor is IntOrString {
  return floor !== undefined && isBeyond(floor, share, replicas, 'up');
}

function isBeyond(a: IntOrString, b: IntOrString, replicas: number, rounding: Rounding): boolean {
  return compareShares(a, b, replicas, rounding) > 0;
}
