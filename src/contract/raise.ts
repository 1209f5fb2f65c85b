import type { Change, ResolvedContract } from '../api/index.ts';
import type { Container, Deployment, DeploymentStrategy, IntOrString, PodSpec } from '../api/kubernetes.ts';
import { storedIntent } from './authorIntent.ts';
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
 * Raises a stored Deployment to the contract; nothing of the author's is lowered or replaced. What the Deployment's own
 * record says the operator had set is not taken for the author's: a contract that asks for less now lowers that again.
 * `changes` is what differs from the Deployment as given. Annotations stay as they are.
 */
export function applyContract(deployment: Deployment, contract: ResolvedContract): Applied {
  const applied = raised(storedIntent(deployment), contract);
  return { deployment: applied, changes: changesBetween(deployment, applied) };
}

/** The author's intent, raised to the contract. */
export function raised(intent: Deployment, contract: ResolvedContract): Deployment {
  const deployment = raisedRollout(intent, contract);
  const { template } = deployment.spec;
  return {
    ...deployment,
    spec: { ...deployment.spec, template: { ...template, spec: raisedPod(template.spec, contract) } },
  };
}

/** Only what is outside of the pod template, so without a rollout: strategy and minReadySeconds. */
export function raisedRollout(intent: Deployment, contract: ResolvedContract): Deployment {
  const { spec } = intent;
  const strategy = raisedStrategy(spec.strategy, spec.replicas ?? 1, contract.strategy);
  const { minReadySeconds } = contract;
  const raisesMinReady =
    minReadySeconds !== undefined &&
    minReadySeconds > (spec.minReadySeconds ?? 0) &&
    minReadySeconds < (spec.progressDeadlineSeconds ?? API_DEFAULT_PROGRESS_DEADLINE_SECONDS);
  return {
    ...intent,
    spec: {
      ...spec,
      ...(strategy === undefined ? {} : { strategy }),
      ...(raisesMinReady ? { minReadySeconds } : {}),
    },
  };
}

function raisedPod(podSpec: PodSpec, contract: ResolvedContract): PodSpec {
  const graceSeconds = podSpec.terminationGracePeriodSeconds ?? API_DEFAULT_GRACE_SECONDS;
  const { containers, initContainers } = podSpec;
  return {
    ...podSpec,
    containers: raisedContainers(containers, false, contract),
    ...(initContainers === undefined ? {} : { initContainers: raisedContainers(initContainers, true, contract) }),
    ...(contract.gracePeriodSeconds > graceSeconds
      ? { terminationGracePeriodSeconds: contract.gracePeriodSeconds }
      : {}),
  };
}

function raisedContainers(list: readonly Container[], init: boolean, contract: ResolvedContract): Container[] {
  return list.map((container) => {
    const wanted = contract.containers.find(
      ({ name, init: isInit = false }) => name === container.name && isInit === init,
    );
    if (wanted === undefined) return container;
    const { preStopSleepSeconds: seconds = 0, readinessProbe } = wanted;
    return {
      ...container,
      ...(seconds > 0 && container.lifecycle?.preStop === undefined
        ? { lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds } } } }
        : {}),
      ...(readinessProbe !== undefined && container.readinessProbe === undefined ? { readinessProbe } : {}),
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
