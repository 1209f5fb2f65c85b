import type { DeploymentStrategy } from '../api/kubernetes.ts';
import { podSpecOf } from './podSpec.ts';
import { count, flag, intOrString, type Json, list, mapOf, member, present, record, text } from './read.ts';
import { WORKLOAD_KINDS, type Workload, type WorkloadContainer, type WorkloadKind } from './types.ts';

/** The API group of each kind; any version of it. Core has none. */
const groups: Readonly<Record<WorkloadKind, string>> = {
  Deployment: 'apps',
  StatefulSet: 'apps',
  DaemonSet: 'apps',
  ReplicaSet: 'apps',
  ReplicationController: '',
  Rollout: 'argoproj.io',
  Job: 'batch',
  CronJob: 'batch',
  Pod: '',
};

/**
 * Reads any JSON as a workload; undefined: it is none, or has no pod template. Members of a wrong type are taken for
 * absent, as are those this project does not read, so that no rule meets a value that it does not expect. Never throws.
 */
export function workloadOf(object: unknown): Workload | undefined {
  const raw = record(object);
  const kind = kindOf(raw?.kind, raw?.apiVersion);
  if (raw === undefined || kind === undefined) return undefined;
  const templatePath = templatePathOf(kind);
  const podSpec = podSpecOf(member(raw, ...templatePath, 'spec'));
  const name = text(member(raw, 'metadata', 'name')) ?? text(member(raw, 'metadata', 'generateName'));
  if (podSpec === undefined || name === undefined) return undefined;
  const spec = record(raw.spec) ?? {};
  return present<Workload>({
    kind,
    namespace: text(member(raw, 'metadata', 'namespace')),
    name,
    uid: text(member(raw, 'metadata', 'uid')),
    labels: mapOf(member(raw, 'metadata', 'labels'), text) ?? {},
    annotations: mapOf(member(raw, 'metadata', 'annotations'), text) ?? {},
    template: {
      labels: mapOf(member(raw, ...templatePath, 'metadata', 'labels'), text) ?? {},
      spec: podSpec,
    },
    podSpecPath: [...templatePath, 'spec'],
    replicas: count(spec.replicas),
    strategy: kind === 'Deployment' ? strategyOf(spec.strategy) : undefined,
    minReadySeconds: count(spec.minReadySeconds),
    progressDeadlineSeconds: count(spec.progressDeadlineSeconds),
    controlledBy: controllerOf(raw),
    raw,
  });
}

/**
 * A workload as the rules on others see it (`Context.workloads`): what selects it, which ports it has, and whether it
 * has pods. A tenth of the memory. Undefined: it is none, or another workload controls it.
 */
export function neighbourOf(object: unknown): Workload | undefined {
  const workload = workloadOf(object);
  if (workload === undefined || workload.controlledBy !== undefined) return undefined;
  const { kind, namespace, name, podSpecPath, replicas, template } = workload;
  const { containers, initContainers } = template.spec;
  return present<Workload>({
    kind,
    namespace,
    name,
    labels: {},
    annotations: {},
    template: {
      labels: template.labels,
      spec: present<Workload['template']['spec']>({
        containers: containers.map(portsOf),
        initContainers: initContainers?.map(portsOf),
        claims: [],
      }),
    },
    podSpecPath,
    replicas,
    raw: {},
  });
}

function portsOf({ name, position, ports, restartPolicy }: WorkloadContainer): WorkloadContainer {
  return present<WorkloadContainer>({ name, position, ports, restartPolicy });
}

function templatePathOf(kind: WorkloadKind): readonly string[] {
  if (kind === 'Pod') return [];
  return kind === 'CronJob' ? ['spec', 'jobTemplate', 'spec', 'template'] : ['spec', 'template'];
}

function kindOf(kind: unknown, apiVersion: unknown): WorkloadKind | undefined {
  const known = WORKLOAD_KINDS.find((candidate) => candidate === kind);
  const group = text(apiVersion)?.split('/').slice(0, -1).join('/');
  return known !== undefined && group === groups[known] ? known : undefined;
}

function controllerOf(raw: Json): WorkloadKind | undefined {
  const owners = list(member(raw, 'metadata', 'ownerReferences'), record) ?? [];
  const controller = owners.find((owner) => flag(owner.controller) === true);
  return kindOf(controller?.kind, controller?.apiVersion);
}

function strategyOf(value: unknown): DeploymentStrategy | undefined {
  const strategy = record(value);
  if (strategy === undefined) return undefined;
  const rolling = record(strategy.rollingUpdate);
  return present<DeploymentStrategy>({
    type: (['RollingUpdate', 'Recreate'] as const).find((type) => type === strategy.type),
    rollingUpdate:
      rolling === undefined
        ? undefined
        : present<NonNullable<DeploymentStrategy['rollingUpdate']>>({
            maxUnavailable: intOrString(rolling.maxUnavailable),
            maxSurge: intOrString(rolling.maxSurge),
          }),
  });
}
