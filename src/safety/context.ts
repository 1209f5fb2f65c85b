import { parseGracefulRollout } from '../api/index.ts';
import type { Service, ServicePort } from '../api/kubernetes.ts';
import { count, flag, intOrString, labelSelector, list, mapOf, member, present, record, text, texts } from './read.ts';
import type { Autoscaler, Context, DisruptionBudget, GraceFact, IngressFacts } from './types.ts';
import { neighbourOf, workloadOf } from './workload.ts';

/** The kinds that {@link contextOf} collects, workloads aside. */
export const CONTEXT_KINDS = [
  'Service',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
  'GracefulRollout',
  'Ingress',
  'PersistentVolumeClaim',
  'ReplicaSet',
  'Pod',
  'Namespace',
] as const;
export type ContextKind = (typeof CONTEXT_KINDS)[number];

/** What is known beyond the objects themselves. */
export interface ContextOptions {
  /** Objects of other namespaces are left out; an object that names none may be of this one. */
  readonly namespace: string | undefined;
  /** Kinds of which the objects are all there are: none of them then means that there is none. */
  readonly complete: readonly ContextKind[];
  /** As {@link Context.nodeCount}. */
  readonly nodeCount?: number;
}

/**
 * Collects from raw objects of any kind what is known of one namespace. Never throws. Reads every object through, some
 * 30 µs each: whoever asks often keeps the answer until an object changes.
 */
export function contextOf(objects: readonly unknown[], { namespace, complete, nodeCount }: ContextOptions): Context {
  const byKind = new Map<unknown, unknown[]>();
  for (const object of objects) {
    const own = text(member(object, 'metadata', 'namespace'));
    if (own !== undefined && namespace !== undefined && own !== namespace) continue;
    const kind = member(object, 'kind');
    const known = byKind.get(kind);
    if (known === undefined) byKind.set(kind, [object]);
    else known.push(object);
  }
  const collect = <T>(kind: ContextKind, read: (object: unknown) => T | undefined): T[] | undefined => {
    const found = list(byKind.get(kind) ?? [], read) ?? [];
    return found.length > 0 || complete.includes(kind) ? found : undefined;
  };
  const claims = collect('PersistentVolumeClaim', claimOf);
  const rollouts = collect('GracefulRollout', (object) => {
    const parsed = parseGracefulRollout(object);
    return parsed.ok ? parsed.value : undefined;
  });
  const workloads = list([...byKind.values()].flat(), workloadOf)?.filter(({ controlledBy }) => !controlledBy);
  return present<Context>({
    services: collect('Service', serviceOf),
    podDisruptionBudgets: collect('PodDisruptionBudget', budgetOf),
    horizontalPodAutoscalers: collect('HorizontalPodAutoscaler', autoscalerOf),
    gracefulRollouts: rollouts,
    ingresses: collect('Ingress', ingressOf),
    workloads,
    replicaSets: collect('ReplicaSet', (object) =>
      graceFactOf(object, member(object, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds')),
    ),
    pods: collect('Pod', (object) => graceFactOf(object, member(object, 'spec', 'terminationGracePeriodSeconds'))),
    claimAccessModes: claims === undefined ? undefined : Object.fromEntries(claims),
    nodeCount,
    namespaceLabels: mapOf(member(namespaceOf(byKind, namespace), 'metadata', 'labels'), text),
  });
}

/**
 * What a context keeps of one object, for whoever keeps contexts up to date object by object; undefined: it cannot be read.
 * None of them throws.
 */
export const contextReaders = {
  service: serviceOf,
  podDisruptionBudget: budgetOf,
  horizontalPodAutoscaler: autoscalerOf,
  ingress: ingressOf,
  /** Name and access modes. */
  persistentVolumeClaim: claimOf,
  workload: neighbourOf,
} as const;

/** The Namespace itself; where its name is not known, the only one among the objects. */
function namespaceOf(byKind: ReadonlyMap<unknown, readonly unknown[]>, name: string | undefined): unknown {
  const all = byKind.get('Namespace') ?? [];
  if (name === undefined) return all.length === 1 ? all[0] : undefined;
  return all.find((object) => text(member(object, 'metadata', 'name')) === name);
}

/** What every object that is part of a context has. */
function namesOf(object: unknown): { readonly name: string; readonly namespace?: string } | undefined {
  const name = text(member(object, 'metadata', 'name'));
  if (name === undefined) return undefined;
  return present<{ name: string; namespace?: string }>({
    name,
    namespace: text(member(object, 'metadata', 'namespace')),
  });
}

function serviceOf(object: unknown): Service | undefined {
  const names = namesOf(object);
  const spec = record(member(object, 'spec'));
  if (names === undefined || spec === undefined || member(object, 'apiVersion') !== 'v1') return undefined;
  return {
    metadata: { ...names, annotations: mapOf(member(object, 'metadata', 'annotations'), text) ?? {} },
    spec: present<Service['spec']>({
      selector: mapOf(spec.selector, text),
      ports: list(spec.ports, servicePortOf),
      type: text(spec.type),
      clusterIP: text(spec.clusterIP),
      publishNotReadyAddresses: flag(spec.publishNotReadyAddresses),
    }),
  };
}

function servicePortOf(value: unknown): ServicePort | undefined {
  const port = count(member(value, 'port'));
  if (port === undefined) return undefined;
  return present<ServicePort>({
    port,
    name: text(member(value, 'name')),
    targetPort: intOrString(member(value, 'targetPort')),
    protocol: text(member(value, 'protocol')),
  });
}

function budgetOf(object: unknown): DisruptionBudget | undefined {
  const names = namesOf(object);
  if (names === undefined) return undefined;
  return present<DisruptionBudget>({
    ...names,
    selector: labelSelector(member(object, 'spec', 'selector')),
    minAvailable: intOrString(member(object, 'spec', 'minAvailable')),
    maxUnavailable: intOrString(member(object, 'spec', 'maxUnavailable')),
  });
}

function autoscalerOf(object: unknown): Autoscaler | undefined {
  const names = namesOf(object);
  const kind = text(member(object, 'spec', 'scaleTargetRef', 'kind'));
  const name = text(member(object, 'spec', 'scaleTargetRef', 'name'));
  if (names === undefined || kind === undefined || name === undefined) return undefined;
  return present<Autoscaler>({
    ...names,
    target: { kind, name },
    minReplicas: count(member(object, 'spec', 'minReplicas')),
    maxReplicas: count(member(object, 'spec', 'maxReplicas')),
  });
}

function ingressOf(object: unknown): IngressFacts | undefined {
  const names = namesOf(object);
  if (names === undefined) return undefined;
  const backends = (list(member(object, 'spec', 'rules'), record) ?? []).flatMap((rule) =>
    (list(member(rule, 'http', 'paths'), record) ?? []).map((path) => path.backend),
  );
  const services = [member(object, 'spec', 'defaultBackend'), ...backends].flatMap((backend) => {
    const name = text(member(backend, 'service', 'name'));
    return name === undefined ? [] : [name];
  });
  return {
    ...names,
    annotations: mapOf(member(object, 'metadata', 'annotations'), text) ?? {},
    services: [...new Set(services)],
  };
}

function claimOf(object: unknown): readonly [string, readonly string[]] | undefined {
  const name = namesOf(object)?.name;
  const modes = texts(member(object, 'spec', 'accessModes'));
  return name === undefined || modes === undefined ? undefined : [name, modes];
}

function graceFactOf(object: unknown, grace: unknown): GraceFact | undefined {
  const names = namesOf(object);
  if (names === undefined) return undefined;
  const owners = list(member(object, 'metadata', 'ownerReferences'), record) ?? [];
  return present<GraceFact>({
    ...names,
    uid: text(member(object, 'metadata', 'uid')),
    ownerUid: text(owners.find((owner) => owner.controller === true)?.uid),
    graceSeconds: count(grace),
  });
}
