import type { Finding, GracefulRolloutSpec, ResolvedContract } from '../api/index.ts';
import type { Deployment, Service } from '../api/kubernetes.ts';
import { storedIntent } from './authorIntent.ts';
import { API_DEFAULT_PROGRESS_DEADLINE_SECONDS } from './contractFields.ts';
import { cappedByCode, finding } from './findings.ts';
import { hookFindings, knownHookSeconds } from './preStopHook.ts';
import { probeDemand } from './probeDemand.ts';
import { isNothing } from './rollingShare.ts';
import { longRunning, selects, servingContainers, type TemplateContainer } from './servingContainers.ts';
import { surgeObstacle } from './surgeObstacle.ts';
import { type Budget, terminationBudget } from './terminationBudget.ts';

export interface ResolveInput {
  readonly spec: GracefulRolloutSpec;
  /** As it is stored: what the operator set (by the record that it carries) is not taken for the author's. */
  readonly deployment: Deployment;
  /** Every Service of the namespace; those that do not select the Deployment's pods are passed over. */
  readonly services: readonly Service[];
}

export interface Resolution {
  readonly contract: ResolvedContract;
  readonly findings: readonly Finding[];
  /** Why nothing of the contract can be applied to this target at all. */
  readonly notApplicable?: 'WindowsPods';
  /** No Service selects the pods: nothing new is asked of them, and what is in force in their template stays. */
  readonly unselected?: true;
  /** Names of the containers (regular and native sidecars) that serve a port of a selecting Service. */
  readonly servingContainers: readonly string[];
  /** The arithmetic behind `contract.gracePeriodSeconds`, for people; empty when nothing is asked of it. */
  readonly graceArithmetic: string;
}

/** What the spec demands of this Deployment, given the Services of its namespace. Never throws. */
export function resolveContract({ spec, deployment, services }: ResolveInput): Resolution {
  return resolveIntent(spec, storedIntent(deployment), services);
}

/** {@link resolveContract} of a Deployment from which everything of the operator's has been taken out already. */
export function resolveIntent(spec: GracefulRolloutSpec, intent: Deployment, services: readonly Service[]): Resolution {
  const podSpec = intent.spec.template.spec;
  const byOs = podSpec.os?.name === 'windows';
  if (byOs || podSpec.nodeSelector?.['kubernetes.io/os'] === 'windows') {
    const message = 'the pods run on Windows, where hooks, signals and service proxies differ: nothing was changed';
    const field = `spec.template.spec.${byOs ? 'os.name' : 'nodeSelector'}`;
    const remedy = 'delete the GracefulRollout, or name a Deployment of Linux pods in its spec.targetRef';
    return {
      ...nothing([finding('WindowsPods', 'warning', message, { field, remedy })]),
      notApplicable: 'WindowsPods',
    };
  }
  const rollout = rolloutDemand(spec, intent);
  const selecting = services.filter((service) => selects(service, intent));
  if (selecting.length === 0) {
    const withoutPod = nothing([noService(), ...rollout.findings]);
    return { ...withoutPod, contract: { ...withoutPod.contract, ...rollout.part }, unselected: true };
  }

  const all = longRunning(podSpec);
  const { serving, findings } = servingContainers(all, selecting, spec.readiness.container);
  const probe = probeDemand(spec.readiness, all, serving);
  const common = [...findings, ...probe.findings, ...rollout.findings];
  if (serving.length === 0) {
    const withoutPod = nothing(common);
    return { ...withoutPod, contract: { ...withoutPod.contract, ...rollout.part } };
  }
  // The kubelet runs the hooks of all containers at once, one without a hook gets SIGTERM at once: a regular container
  // that does not serve (a proxy, a log shipper) must not go before one that does. Native sidecars go last (KEP-753).
  const sleeping = new Set(all.filter((candidate) => !candidate.init || serving.includes(candidate)));
  const { preStopSleepSeconds } = spec.termination;
  const budget = budgetOf(spec, all);
  const containers = all.flatMap((candidate): ResolvedContract['containers'] => {
    const { container, init } = candidate;
    const sleeps = preStopSleepSeconds > 0 && sleeping.has(candidate) && container.lifecycle?.preStop === undefined;
    const probed = probe.of === candidate ? probe.readinessProbe : undefined;
    if (!sleeps && probed === undefined) return [];
    return [
      {
        name: container.name,
        ...(init ? { init } : {}),
        ...(sleeps ? { preStopSleepSeconds } : {}),
        ...(probed === undefined ? {} : { readinessProbe: probed }),
      },
    ];
  });
  return {
    contract: { gracePeriodSeconds: budget.graceSeconds, containers, ...rollout.part },
    findings: cappedByCode([
      ...[...sleeping].flatMap((candidate) => hookFindings(candidate, preStopSleepSeconds)),
      ...common,
    ]),
    servingContainers: serving.map(({ container }) => container.name),
    graceArithmetic: budget.arithmetic,
  };
}

function nothing(findings: readonly Finding[]): Resolution {
  return { contract: { gracePeriodSeconds: 0, containers: [] }, findings, servingContainers: [], graceArithmetic: '' };
}

function noService(): Finding {
  const message = 'no Service selects the pods of the Deployment: there is nothing to take them out of before they end';
  const remedy = 'create the Service, or compare its selector with the labels of the pod template';
  return finding('NoService', 'warning', message, { field: 'spec.template.metadata.labels', remedy });
}

/** What the termination of these pods takes, with the hooks that the template has. */
export function graceBudget(spec: GracefulRolloutSpec, deployment: Deployment): Budget {
  return budgetOf(spec, longRunning(deployment.spec.template.spec));
}

/** Hooks run side by side, so the longest counts; the sleep counts as well where an author's hook is not known. */
function budgetOf({ termination }: GracefulRolloutSpec, all: readonly TemplateContainer[]): Budget {
  const { preStopSleepSeconds, drainSeconds, gracePeriodSeconds } = termination;
  const hooks = all.map(({ container }) => knownHookSeconds(container.lifecycle?.preStop) ?? preStopSleepSeconds);
  return terminationBudget({
    hookSeconds: Math.max(...hooks),
    drainSeconds,
    ...(gracePeriodSeconds === undefined ? {} : { atLeastSeconds: gracePeriodSeconds }),
  });
}

/** What is asked outside of the pod template. */
function rolloutDemand(
  { strategy, readiness }: GracefulRolloutSpec,
  deployment: Deployment,
): { part: Pick<ResolvedContract, 'minReadySeconds' | 'strategy'>; findings: Finding[] } {
  const { spec } = deployment;
  const findings: Finding[] = [];
  const recreate = spec.strategy?.type === 'Recreate';
  if (recreate) {
    const message = 'the strategy is Recreate: every pod ends before a new one starts, requests in between are lost';
    const remedy = 'use RollingUpdate, unless two versions must never run side by side';
    findings.push(finding('RecreateStrategy', 'warning', message, { field: 'spec.strategy.type', remedy }));
  }
  const obstacle = recreate ? undefined : surgeObstacle(deployment);
  if (obstacle !== undefined) findings.push(obstacle.finding);
  const wantedSeconds = readiness.minReadySeconds ?? 0;
  const deadlineSeconds = spec.progressDeadlineSeconds ?? API_DEFAULT_PROGRESS_DEADLINE_SECONDS;
  const fits = wantedSeconds < deadlineSeconds;
  if (!fits && wantedSeconds > (spec.minReadySeconds ?? 0)) {
    const message = `minReadySeconds ${wantedSeconds} must be lower than progressDeadlineSeconds ${deadlineSeconds}: it was left at ${spec.minReadySeconds ?? 0}`;
    const remedy = `set progressDeadlineSeconds in the Deployment to more than ${wantedSeconds}`;
    findings.push(finding('MinReadySecondsTooLong', 'warning', message, { field: 'spec.minReadySeconds', remedy }));
  }
  // With nothing unavailable a rollout can only go on by surging; the API server refuses 0 for both.
  const { maxUnavailable, maxSurge = 1 } = strategy;
  const surge = isNothing(maxUnavailable) && isNothing(maxSurge) ? 1 : maxSurge;
  return {
    part: {
      ...(wantedSeconds > 0 && fits ? { minReadySeconds: wantedSeconds } : {}),
      ...(recreate || obstacle?.leavesStrategy === true ? {} : { strategy: { maxUnavailable, maxSurge: surge } }),
    },
    findings,
  };
}
