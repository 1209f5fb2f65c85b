import { isJsonObject } from '../api/json.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import {
  ApiError,
  type Client,
  controllerOf,
  defineResource,
  deployments,
  gracefulRollouts,
  namespaces,
  pods,
  type Resource,
  replicaSets,
  services,
} from '../kube/index.ts';
import type { ContextKind } from '../safety/index.ts';
import { readNodeCount } from './nodeCount.ts';

const apps = { group: 'apps', version: 'v1', namespaced: true } as const;
const batch = { group: 'batch', version: 'v1', namespaced: true } as const;

/** Every kind that is judged or makes a context. */
const RESOURCES: readonly Resource[] = [
  deployments,
  defineResource({ ...apps, plural: 'statefulsets', kind: 'StatefulSet' }),
  defineResource({ ...apps, plural: 'daemonsets', kind: 'DaemonSet' }),
  replicaSets,
  defineResource({
    group: '',
    version: 'v1',
    plural: 'replicationcontrollers',
    kind: 'ReplicationController',
    namespaced: true,
  }),
  defineResource({ ...batch, plural: 'jobs', kind: 'Job' }),
  defineResource({ ...batch, plural: 'cronjobs', kind: 'CronJob' }),
  defineResource({ group: 'argoproj.io', version: 'v1alpha1', plural: 'rollouts', kind: 'Rollout', namespaced: true }),
  services,
  defineResource({
    group: 'policy',
    version: 'v1',
    plural: 'poddisruptionbudgets',
    kind: 'PodDisruptionBudget',
    namespaced: true,
  }),
  defineResource({
    group: 'autoscaling',
    version: 'v2',
    plural: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    namespaced: true,
  }),
  defineResource({ group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', kind: 'Ingress', namespaced: true }),
  defineResource({
    group: '',
    version: 'v1',
    plural: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    namespaced: true,
  }),
  gracefulRollouts,
  pods,
];

/** What of the cluster could be read. */
export interface ClusterObjects {
  /** Raw objects with apiVersion and kind. */
  readonly objects: readonly KubeObject[];
  /** Kinds of which `objects` holds all. */
  readonly complete: readonly ContextKind[];
  /** Absent: not known, or more nodes may come by themselves. */
  readonly nodeCount?: number;
  /** One line for each kind that may not be listed: rules that need it say nothing. */
  readonly notices: readonly string[];
}

/**
 * Reads everything that is judged, page by page, keeping of pods and owned ReplicaSets only what is compared. A kind
 * that the cluster does not serve counts as none of it; one that the user may not list is left out and said.
 */
export async function readCluster(
  client: Pick<Client, 'find' | 'listPage'>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<ClusterObjects> {
  const objects: KubeObject[] = [];
  const complete: ContextKind[] = [];
  const notices: string[] = [];
  const reads = RESOURCES.map((resource) => [resource, pagesOf(client, resource, namespace, signal)] as const);
  for (const [resource, found] of [...reads, [namespaces, namespacesOf(client, namespace, signal)] as const]) {
    try {
      for await (const object of found) if (!isOver(object)) objects.push(needed(object));
    } catch (error) {
      if (!(error instanceof ApiError) || !(error.forbidden || error.notFound)) throw error;
      if (error.forbidden) {
        notices.push(`${resource.plural} may not be listed: rules that need them say nothing (${error.serverMessage})`);
        continue;
      }
    }
    complete.push(...contextKindOf(resource));
  }
  const { count, notice } = await readNodeCount(client, signal);
  if (notice !== undefined) notices.push(notice);
  return { objects, complete, notices, ...(count === undefined ? {} : { nodeCount: count }) };
}

async function* pagesOf(
  client: Pick<Client, 'listPage'>,
  resource: Resource,
  namespace: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<KubeObject> {
  let next: string | undefined;
  do {
    const page = await client.listPage(resource, {
      signal,
      ...(namespace === undefined ? {} : { namespace }),
      ...(next === undefined ? {} : { continue: next }),
    });
    yield* page.items;
    next = page.continue;
  } while (next !== undefined);
}

/** For their labels. Of one that is named just that one is asked for: many people may read it and not list them all. */
async function* namespacesOf(
  client: Pick<Client, 'find' | 'listPage'>,
  namespace: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<KubeObject> {
  if (namespace === undefined) {
    yield* pagesOf(client, namespaces, undefined, signal);
    return;
  }
  const found = await client.find(namespaces, { name: namespace }, { signal });
  if (found !== undefined) yield found;
}

/** A Job that has ended, or that a CronJob made, which is judged in its place: there may be many, and nothing compares them. */
function isOver(object: KubeObject): boolean {
  if (object.kind !== 'Job') return false;
  const status = 'status' in object && isJsonObject(object.status) ? object.status : {};
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isJsonObject) : [];
  const hasEnded = conditions.some(
    ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
  );
  return hasEnded || controllerOf(object)?.kind === 'CronJob';
}

/** A cluster has many more pods and old ReplicaSets than workloads. */
function needed(object: KubeObject): KubeObject {
  if (object.kind !== 'Pod' && !(object.kind === 'ReplicaSet' && controllerOf(object) !== undefined)) return object;
  const { name, namespace, uid, ownerReferences } = object.metadata;
  const metadata = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  };
  const bare = { apiVersion: object.apiVersion ?? '', kind: object.kind, metadata };
  const spec = 'spec' in object ? object.spec : undefined;
  if (object.kind === 'Pod') return { ...bare, ...{ spec: graceOf(spec) } };
  const template = isJsonObject(spec) ? spec['template'] : undefined;
  return {
    ...bare,
    ...{ spec: { template: { spec: graceOf(isJsonObject(template) ? template['spec'] : undefined) } } },
  };
}

function graceOf(podSpec: unknown): object {
  const seconds = isJsonObject(podSpec) ? podSpec['terminationGracePeriodSeconds'] : undefined;
  return seconds === undefined ? {} : { terminationGracePeriodSeconds: seconds };
}

function contextKindOf({ kind }: Resource): readonly ContextKind[] {
  switch (kind) {
    case 'Service':
    case 'PodDisruptionBudget':
    case 'HorizontalPodAutoscaler':
    case 'GracefulRollout':
    case 'Ingress':
    case 'PersistentVolumeClaim':
    case 'ReplicaSet':
    case 'Pod':
      return [kind];
    default:
      return [];
  }
}
