import { DEFAULT_DRAIN_SECONDS, type GracefulRollout } from '../api/index.ts';
import type { Deployment, Service, ServicePort } from '../api/kubernetes.ts';
import { electRollout, hookSleep, type Sleep, selects, servingContainers } from '../contract/index.ts';
import { type Drain, declaredDrain } from './drain.ts';
import type { Autoscaler, Context, Workload, WorkloadContainer } from './types.ts';

/** terminationGracePeriodSeconds where none is written (SetDefaults_PodSpec). */
const API_DEFAULT_GRACE_SECONDS = 30;

/** A container that runs as long as its pod does: a regular one, or a native sidecar (`init`). */
export interface RunningContainer {
  readonly container: WorkloadContainer;
  readonly init: boolean;
}

/** What several rules need to know of a workload, worked out once. Absent: not known. */
export interface Facts {
  readonly running: readonly RunningContainer[];
  /** The Services that select the pods. */
  readonly selecting?: readonly Service[];
  /** Those of them that callers other than a metrics scraper use, by an address that a service proxy stands behind. */
  readonly busyServices?: readonly Service[];
  /** The containers that own a port of a selecting Service, as far as the declared ports tell. */
  readonly serving?: readonly RunningContainer[];
  /** Those that surely own a port of {@link busyServices}: one declares it, or there is only one container. */
  readonly busy?: readonly RunningContainer[];
  readonly graceSeconds: number;
  /** The GracefulRollout that governs the workload. */
  readonly gracefulRollout?: GracefulRollout;
  /** The operator completes the hooks and the grace period of this workload as it is written. */
  readonly enforced: boolean;
  readonly autoscaler?: Autoscaler;
  /** The fewest pods that the workload is meant to have: minReplicas of the autoscaler, else what is written. */
  readonly fewestPods?: number;
  /** The most of them; without an autoscaler as many. */
  readonly mostPods?: number;
}

export function factsOf(workload: Workload, context: Context): Facts {
  const { spec } = workload.template;
  const running = [
    ...spec.containers.map((container) => ({ container, init: false })),
    ...(spec.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === 'Always')
      .map((container) => ({ container, init: true })),
  ];
  const deployment = asDeployment(workload);
  const selecting = context.services?.filter((service) => selects(service, deployment));
  const busyServices = selecting?.flatMap((service) => busyPart(service, running));
  const gracefulRollout = governing(workload, context);
  const autoscaler = context.horizontalPodAutoscalers?.find(
    ({ namespace, target }) =>
      target.kind === workload.kind && target.name === workload.name && isHere(namespace, workload),
  );
  const fewestPods = autoscaler === undefined ? writtenPods(workload, context) : (autoscaler.minReplicas ?? 1);
  return {
    running,
    ...(selecting === undefined ? {} : { selecting, serving: servingOf(running, selecting) }),
    ...(busyServices === undefined ? {} : { busyServices, busy: surelyServing(running, busyServices) }),
    graceSeconds: spec.terminationGracePeriodSeconds ?? API_DEFAULT_GRACE_SECONDS,
    ...(gracefulRollout === undefined ? {} : { gracefulRollout }),
    enforced: gracefulRollout?.spec.mode === 'Enforce',
    ...(autoscaler === undefined ? {} : { autoscaler }),
    ...(fewestPods === undefined
      ? {}
      : { fewestPods, mostPods: Math.max(fewestPods, mostOf(autoscaler) ?? fewestPods) }),
  };
}

/**
 * How long a container says that it needs after SIGTERM; of one that serves, a GracefulRollout has the last word, unless it
 * has the default, which the API server fills in: nobody may have written that.
 */
export function drainOf(facts: Facts, running: RunningContainer): Drain | undefined {
  const { gracefulRollout, serving = [] } = facts;
  const seconds = gracefulRollout?.spec.termination.drainSeconds ?? DEFAULT_DRAIN_SECONDS;
  return seconds !== DEFAULT_DRAIN_SECONDS && serving.includes(running)
    ? { seconds, declaredBy: `GracefulRollout ${gracefulRollout?.metadata.name ?? ''}` }
    : declaredDrain(running.container);
}

/**
 * Where no container declares the port, one is inferred; where several may be meant (an application and a log shipper
 * without ports), nobody knows, and none is named.
 */
function servingOf(running: readonly RunningContainer[], services: readonly Service[]): RunningContainer[] {
  const { serving, owning } = serversOf(running, services);
  return serving.length - owning.length <= 1 ? serving : owning;
}

/** Nothing is inferred where there is a choice: the container without ports may be a helper that listens for nobody. */
function surelyServing(running: readonly RunningContainer[], services: readonly Service[]): RunningContainer[] {
  const { serving, owning } = serversOf(running, services);
  return running.length === 1 ? serving : owning;
}

/** Those that declare a port of the Services, and with them those that are inferred. */
function serversOf(running: readonly RunningContainer[], services: readonly Service[]) {
  const inferred = new Set<unknown>(servingContainers(running, services, undefined).serving);
  const serving = running.filter((candidate) => inferred.has(candidate));
  const targets = new Set(
    services.flatMap(({ spec: { ports = [] } }) =>
      // 0 and "" stand for "as port" in objects that were not defaulted
      ports.map(({ port, targetPort, protocol = 'TCP' }) => `${targetPort || port}/${protocol}`),
    ),
  );
  const owning = serving.filter(({ container: { ports = [] } }) =>
    ports.some(
      ({ name, containerPort, protocol = 'TCP' }) =>
        targets.has(`${containerPort}/${protocol}`) || (name !== undefined && targets.has(`${name}/${protocol}`)),
    ),
  );
  return { serving, owning };
}

/** The workload as src/contract knows it. */
export function asDeployment({ namespace, name, template, strategy }: Workload): Deployment {
  return {
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: {
      selector: {},
      template: { metadata: { labels: template.labels }, spec: template.spec },
      ...(strategy === undefined ? {} : { strategy }),
    },
  };
}

/** An object that names no namespace may be of this one. */
export function isHere(namespace: string | undefined, workload: Workload): boolean {
  return namespace === undefined || workload.namespace === undefined || namespace === workload.namespace;
}

/** How long the preStop hook of a container takes, as far as it can be told. */
export function sleepOf({ container }: RunningContainer): Sleep | undefined {
  return hookSleep(container.lifecycle?.preStop);
}

const forMetrics = /metrics|prometheus|exporter|monitor|telemetry|scrape/i;

/** Without the ports that only a scraper asks; nothing for a headless Service, whose clients pick pods themselves. */
function busyPart(service: Service, running: readonly RunningContainer[]): Service[] {
  const { clusterIP, ports = [] } = service.spec;
  if (clusterIP === 'None' || forMetrics.test(service.metadata.name ?? '')) return [];
  const busy = ports.filter((port) => !isForMetrics(port, running));
  return busy.length === 0 ? [] : [{ ...service, spec: { ...service.spec, ports: busy } }];
}

function isForMetrics(
  { name = '', port, targetPort = port }: ServicePort,
  running: readonly RunningContainer[],
): boolean {
  if (forMetrics.test(name) || forMetrics.test(`${targetPort}`)) return true;
  return running.some(({ container }) =>
    container.ports?.some((own) => own.containerPort === targetPort && forMetrics.test(own.name ?? '')),
  );
}

function governing(workload: Workload, { gracefulRollouts = [] }: Context): GracefulRollout | undefined {
  if (workload.kind !== 'Deployment') return undefined;
  return electRollout(
    gracefulRollouts.filter(
      ({ metadata, spec }) => spec.targetRef.name === workload.name && isHere(metadata.namespace, workload),
    ),
  ).winner;
}

/** The API server takes no autoscaler without maxReplicas: then nobody knows. */
function mostOf(autoscaler: Autoscaler | undefined): number | undefined {
  return autoscaler === undefined ? undefined : (autoscaler.maxReplicas ?? Number.MAX_SAFE_INTEGER);
}

/** Where `replicas` is left out, an autoscaler that is not known may set it. */
function writtenPods({ kind, replicas }: Workload, context: Context): number | undefined {
  if (kind === 'DaemonSet' || kind === 'Job' || kind === 'CronJob' || kind === 'Pod') return undefined;
  return replicas ?? (context.horizontalPodAutoscalers === undefined ? undefined : 1);
}
