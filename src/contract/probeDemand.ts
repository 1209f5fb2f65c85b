import type { Finding, GracefulRolloutSpec, ReadinessProbe } from '../api/index.ts';
import { containerPath } from './contractFields.ts';
import { formatPath } from './fieldPath.ts';
import { finding, namesOf } from './findings.ts';
import type { TemplateContainer } from './servingContainers.ts';

export interface ProbeDemand {
  /** The container that gets the probe. */
  readonly of?: TemplateContainer;
  readonly readinessProbe?: ReadinessProbe;
  readonly findings: readonly Finding[];
}

/**
 * Which container gets the spec's probe: the one that spec.readiness.container names, else the only one that serves, and
 * only where its author has none. A probe is never invented, and one that cannot work is not applied.
 */
export function probeDemand(
  readiness: GracefulRolloutSpec['readiness'],
  all: readonly TemplateContainer[],
  serving: readonly TemplateContainer[],
): ProbeDemand {
  const { probe, container: wanted } = readiness;
  if (wanted !== undefined && !all.some(({ container }) => container.name === wanted)) {
    const names = namesOf(all.map(({ container }) => container.name));
    const message = `the pod template has no container ${wanted}; it has: ${names}`;
    const remedy = 'write one of these names in spec.readiness.container of the GracefulRollout';
    return {
      findings: [finding('ContainerNotFound', 'warning', message, { field: 'spec.readiness.container', remedy })],
    };
  }
  const target =
    wanted === undefined
      ? serving.length === 1
        ? serving[0]
        : undefined
      : all.find(({ container }) => container.name === wanted);
  if (probe === undefined) return { findings: serving.flatMap(missingProbe) };
  if (target === undefined) {
    const names = namesOf(serving.map(({ container }) => container.name));
    if (serving.every(({ container }) => container.readinessProbe !== undefined)) {
      return { findings: [] };
    }
    const message = `several containers serve (${names}): which of them the readiness probe is for cannot be told, it was not set`;
    const remedy = 'name the container in spec.readiness.container of the GracefulRollout';
    return {
      findings: [finding('ProbeContainerUnclear', 'warning', message, { field: 'spec.readiness.container', remedy })],
    };
  }
  if (target.container.readinessProbe !== undefined) return { findings: [] };
  const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
  if (typeof port === 'string' && target.container.ports?.some(({ name }) => name === port) !== true) {
    const message = `the readiness probe names port ${port}, which container ${target.container.name} does not declare: it was not set, for it could never succeed`;
    const remedy = 'name the port in the container, or use its number in spec.readiness.probe';
    const field = formatPath(containerPath(target.container.name, target.init, 'ports'));
    return { findings: [finding('ProbePortNotFound', 'warning', message, { field, remedy })] };
  }
  return { of: target, readinessProbe: asStored(probe), findings: [] };
}

function missingProbe({ container, init }: TemplateContainer): Finding[] {
  if (container.readinessProbe !== undefined) return [];
  const field = formatPath(containerPath(container.name, init, 'readinessProbe'));
  const message = `container ${container.name} has no readiness probe: a new pod gets requests as soon as the container runs`;
  const remedy = 'write a readinessProbe in the Deployment, or spec.readiness.probe in the GracefulRollout';
  return [finding('ReadinessProbeMissing', 'warning', message, { field, remedy })];
}

/**
 * As the API server stores it: it fills defaults in after admission (SetDefaults_Probe, SetDefaults_HTTPGetAction) and
 * leaves zero values out (`omitempty`). The record of what was set must equal what is stored.
 */
function asStored(probe: ReadinessProbe): ReadinessProbe {
  const { httpGet, tcpSocket, grpc, exec, initialDelaySeconds = 0, ...numbers } = probe;
  const hostOf = (host: string | undefined) => (host === undefined || host === '' ? {} : { host });
  return {
    ...(exec === undefined ? {} : { exec }),
    ...(httpGet === undefined
      ? {}
      : {
          httpGet: {
            path: httpGet.path === undefined || httpGet.path === '' ? '/' : httpGet.path,
            port: httpGet.port,
            scheme: httpGet.scheme ?? 'HTTP',
            ...hostOf(httpGet.host),
            ...((httpGet.httpHeaders ?? []).length === 0 ? {} : { httpHeaders: httpGet.httpHeaders ?? [] }),
          },
        }),
    ...(tcpSocket === undefined ? {} : { tcpSocket: { port: tcpSocket.port, ...hostOf(tcpSocket.host) } }),
    ...(grpc === undefined ? {} : { grpc: { port: grpc.port, service: grpc.service ?? '' } }),
    ...(initialDelaySeconds === 0 ? {} : { initialDelaySeconds }),
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...numbers,
  };
}
