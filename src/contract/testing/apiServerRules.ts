import type { Container, Deployment, LifecycleHandler, Probe } from '../../api/kubernetes.ts';

/*
 * The defaulting and validation of the API server, as far as the contract's fields are concerned
 * (pkg/apis/{core,apps}/v1/defaults.go, pkg/apis/{core,apps}/validation). The suite on a real API server is the proof;
 * this model lets property tests try thousands of Deployments.
 */

export function defaulted(deployment: Deployment): Deployment {
  const { spec } = deployment;
  const pod = spec.template.spec;
  const type = spec.strategy?.type ?? 'RollingUpdate';
  const { minReadySeconds = 0, ...others } = spec;
  return {
    ...deployment,
    spec: {
      replicas: 1,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...others,
      ...(minReadySeconds === 0 ? {} : { minReadySeconds }),
      strategy:
        type === 'Recreate'
          ? { ...spec.strategy, type }
          : { type, rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...spec.strategy?.rollingUpdate } },
      template: {
        ...spec.template,
        spec: {
          terminationGracePeriodSeconds: 30,
          ...pod,
          containers: pod.containers.map(defaultedContainer),
          ...(pod.initContainers === undefined ? {} : { initContainers: pod.initContainers.map(defaultedContainer) }),
        },
      },
    },
  };
}

function defaultedContainer(container: Container): Container {
  const { ports, lifecycle, readinessProbe } = container;
  return {
    ...container,
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(lifecycle?.preStop?.httpGet === undefined
      ? {}
      : {
          lifecycle: {
            ...lifecycle,
            preStop: { ...lifecycle.preStop, httpGet: { path: '/', scheme: 'HTTP', ...lifecycle.preStop.httpGet } },
          },
        }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: defaultedProbe(readinessProbe) }),
  };
}

function defaultedProbe(probe: Probe): Probe {
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(probe.httpGet === undefined ? {} : { httpGet: { path: '/', scheme: 'HTTP', ...probe.httpGet } }),
    ...(probe.grpc === undefined ? {} : { grpc: { service: '', ...probe.grpc } }),
  };
}

/** What the API server would refuse, in words; empty = accepted. */
export function refusals({ spec }: Deployment): string[] {
  const pod = spec.template.spec;
  const graceSeconds = pod.terminationGracePeriodSeconds ?? 30;
  const { type, rollingUpdate } = spec.strategy ?? {};
  const nothing = (share: unknown): boolean => share === 0 || share === '0%';
  const shares = [rollingUpdate?.maxUnavailable, rollingUpdate?.maxSurge];
  return [
    ...(Number.isInteger(graceSeconds) && graceSeconds >= 0
      ? []
      : ['terminationGracePeriodSeconds: not a whole number']),
    ...(pod.containers.length > 0 ? [] : ['containers: required']),
    ...pod.containers.flatMap((container) => containerRefusals(container, graceSeconds, true)),
    ...(pod.initContainers ?? []).flatMap((container) =>
      containerRefusals(container, graceSeconds, container.restartPolicy === 'Always'),
    ),
    ...(type === 'Recreate' && rollingUpdate !== undefined ? ['strategy.rollingUpdate: may not be specified'] : []),
    ...(shares.every(nothing) ? ['strategy: maxUnavailable and maxSurge are both 0'] : []),
    ...shares
      .filter((share) => share !== undefined && !/^\d+%?$/.test(`${share}`))
      .map((share) => `strategy: ${share} is neither a number nor a percentage`),
    ...((spec.minReadySeconds ?? 0) >= (spec.progressDeadlineSeconds ?? 600)
      ? ['progressDeadlineSeconds: must be greater than minReadySeconds']
      : []),
  ];
}

function containerRefusals(container: Container, graceSeconds: number, mayHaveHooks: boolean): string[] {
  const { name, image, lifecycle, readinessProbe } = container;
  const preStop = lifecycle?.preStop;
  const sleepSeconds = preStop?.sleep?.seconds ?? 0;
  return [
    ...(image === undefined ? [`${name}.image: required`] : []),
    ...(!mayHaveHooks && (lifecycle ?? readinessProbe) !== undefined ? [`${name}: init containers have no hooks`] : []),
    ...(preStop !== undefined && handlers(preStop) !== 1
      ? [`${name}.preStop: ${handlers(preStop)} handler types`]
      : []),
    ...(sleepSeconds >= 0 && sleepSeconds <= graceSeconds
      ? []
      : [`${name}.preStop.sleep: longer than the grace period`]),
    ...(readinessProbe !== undefined && handlers(readinessProbe) !== 1
      ? [`${name}.readinessProbe: ${handlers(readinessProbe)} handler types`]
      : []),
    ...(readinessProbe?.terminationGracePeriodSeconds === undefined
      ? []
      : [`${name}.readinessProbe.terminationGracePeriodSeconds: must not be set`]),
  ];
}

function handlers(of: LifecycleHandler | Probe): number {
  return ['exec', 'httpGet', 'tcpSocket', 'sleep', 'grpc'].filter((type) => Object.hasOwn(of, type)).length;
}
