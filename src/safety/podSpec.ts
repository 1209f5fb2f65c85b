import type { ContainerPort, LifecycleHandler, PodAffinityTerm, Probe } from '../api/kubernetes.ts';
import { count, flag, intOrString, labelSelector, list, mapOf, member, present, record, text, texts } from './read.ts';
import type { WorkloadContainer, WorkloadPodSpec } from './types.ts';

/** Reads any JSON as a pod spec; undefined: it has no list of containers. Never throws. */
export function podSpecOf(value: unknown): WorkloadPodSpec | undefined {
  const spec = record(value);
  const containers = list(spec?.containers, containerOf);
  if (spec === undefined || containers === undefined) return undefined;
  const terms = list(
    member(spec, 'affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'),
    affinityTermOf,
  );
  const osName = text(member(spec, 'os', 'name'));
  return present<WorkloadPodSpec>({
    containers,
    initContainers: list(spec.initContainers, containerOf),
    terminationGracePeriodSeconds: count(spec.terminationGracePeriodSeconds),
    nodeSelector: mapOf(spec.nodeSelector, text),
    nodeName: text(spec.nodeName),
    os: osName === undefined ? undefined : { name: osName },
    hostNetwork: flag(spec.hostNetwork),
    shareProcessNamespace: flag(spec.shareProcessNamespace),
    affinity:
      terms === undefined ? undefined : { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
    claims: list(spec.volumes, (volume) => text(member(volume, 'persistentVolumeClaim', 'claimName'))) ?? [],
  });
}

function containerOf(value: unknown, position: number): WorkloadContainer | undefined {
  const object = record(value);
  const name = text(object?.name);
  if (object === undefined || name === undefined) return undefined;
  const preStop = handlerOf(member(object, 'lifecycle', 'preStop'));
  const resources = record(object.resources);
  return present<WorkloadContainer>({
    name,
    position,
    image: text(object.image),
    command: texts(object.command),
    args: texts(object.args),
    env: list(object.env, envOf),
    ports: list(object.ports, portOf),
    lifecycle: preStop === undefined ? undefined : { preStop },
    readinessProbe: probeOf(object.readinessProbe),
    livenessProbe: probeOf(object.livenessProbe),
    startupProbe: probeOf(object.startupProbe),
    restartPolicy: text(object.restartPolicy),
    resources:
      resources === undefined
        ? undefined
        : present({
            requests: mapOf(resources.requests, intOrString),
            limits: mapOf(resources.limits, intOrString),
          }),
  });
}

function envOf(value: unknown): { readonly name: string; readonly value?: string } | undefined {
  const name = text(member(value, 'name'));
  if (name === undefined) return undefined;
  return present<{ name: string; value?: string }>({ name, value: text(member(value, 'value')) });
}

function portOf(value: unknown): ContainerPort | undefined {
  const containerPort = count(member(value, 'containerPort'));
  if (containerPort === undefined) return undefined;
  return present<ContainerPort>({
    containerPort,
    name: text(member(value, 'name')),
    hostPort: count(member(value, 'hostPort')),
    protocol: text(member(value, 'protocol')),
  });
}

/** A hook of a kind that is not known stays one: an empty handler. */
function handlerOf(value: unknown): LifecycleHandler | undefined {
  const object = record(value);
  if (object === undefined) return undefined;
  const seconds = count(member(object, 'sleep', 'seconds'));
  return present<LifecycleHandler>({
    exec: record(object.exec) === undefined ? undefined : { command: texts(member(object, 'exec', 'command')) ?? [] },
    httpGet: record(object.httpGet),
    tcpSocket: record(object.tcpSocket),
    sleep: seconds === undefined ? undefined : { seconds },
  });
}

function headerOf(value: unknown): { readonly name: string; readonly value: string } | undefined {
  const name = text(member(value, 'name'));
  return name === undefined ? undefined : { name, value: text(member(value, 'value')) ?? '' };
}

function probeOf(value: unknown): Probe | undefined {
  const object = record(value);
  if (object === undefined) return undefined;
  const httpPort = intOrString(member(object, 'httpGet', 'port'));
  const tcpPort = intOrString(member(object, 'tcpSocket', 'port'));
  const grpcPort = count(member(object, 'grpc', 'port'));
  return present<Probe>({
    exec: record(object.exec) === undefined ? undefined : { command: texts(member(object, 'exec', 'command')) ?? [] },
    httpGet:
      httpPort === undefined
        ? undefined
        : present<NonNullable<Probe['httpGet']>>({
            port: httpPort,
            path: text(member(object, 'httpGet', 'path')),
            host: text(member(object, 'httpGet', 'host')),
            scheme: text(member(object, 'httpGet', 'scheme')),
            httpHeaders: list(member(object, 'httpGet', 'httpHeaders'), headerOf),
          }),
    tcpSocket:
      tcpPort === undefined
        ? undefined
        : present<NonNullable<Probe['tcpSocket']>>({ port: tcpPort, host: text(member(object, 'tcpSocket', 'host')) }),
    grpc:
      grpcPort === undefined
        ? undefined
        : present<NonNullable<Probe['grpc']>>({ port: grpcPort, service: text(member(object, 'grpc', 'service')) }),
    initialDelaySeconds: count(object.initialDelaySeconds),
    periodSeconds: count(object.periodSeconds),
    timeoutSeconds: count(object.timeoutSeconds),
    successThreshold: count(object.successThreshold),
    failureThreshold: count(object.failureThreshold),
    terminationGracePeriodSeconds: count(object.terminationGracePeriodSeconds),
  });
}

function affinityTermOf(value: unknown): PodAffinityTerm | undefined {
  const topologyKey = text(member(value, 'topologyKey'));
  if (topologyKey === undefined) return undefined;
  return present<PodAffinityTerm>({
    topologyKey,
    labelSelector: labelSelector(member(value, 'labelSelector')),
    matchLabelKeys: texts(member(value, 'matchLabelKeys')),
    namespaces: texts(member(value, 'namespaces')),
  });
}
