import type { Deployment, KubeObject, OwnerReference, Service } from '../api/kubernetes.ts';
import type {
  ConfigMap,
  CustomResourceDefinition,
  EndpointSlice,
  Eviction,
  Ingress,
  KubeEvent,
  Lease,
  NetworkPolicy,
  Node,
  Pod,
  PodDisruptionBudget,
  PodMonitor,
  ReplicaSet,
  Route,
  Scale,
  Secret,
  WebhookConfiguration,
} from './objects.ts';

export type * from './objects.ts';

/** Carries the type of a resource's objects; never present at run time. */
declare const objectType: unique symbol;

/**
 * Where the API server serves a kind: enough to build every path, and the TypeScript type of its objects.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
 */
export interface Resource<T extends KubeObject = KubeObject> {
  /** API group; empty for core/v1. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural, as in the path. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Set by {@link subresourceOf}: every call goes to `<object>/<subresource>`. */
  readonly subresource?: string;
  readonly [objectType]?: T;
}

/** Name of one object, with its namespace where the resource has namespaces. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** Describes a kind that this file does not name. */
export function defineResource<T extends KubeObject>(
  description: Omit<Resource<T>, typeof objectType | 'subresource'>,
): Resource<T> {
  return description;
}

/** The same place with the object type that the caller knows, for kinds whose schema lives elsewhere. */
export function typed<T extends KubeObject>(resource: Resource): Resource<T> {
  return resource as Resource<T>;
}

/**
 * A subresource whose body is of another kind than its object (`scale`, `eviction`). For `status`, which has the
 * object's own kind, pass `subresource: 'status'` in the options of the call instead.
 */
function subresourceOf<S extends KubeObject>(
  resource: Resource,
  subresource: string,
  body: { readonly group: string; readonly version: string; readonly kind: string },
): Resource<S> {
  return {
    group: resource.group,
    version: resource.version,
    plural: resource.plural,
    namespaced: resource.namespaced,
    kind: body.kind,
    subresource,
  };
}

/** `apiVersion` of a resource's objects: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `namespace/name`, or `name` alone for objects without a namespace: the key of stores and queues. */
export function keyOf(ref: ObjectRef): string {
  return ref.namespace === undefined || ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
}

/** Inverse of {@link keyOf}. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const core = { group: '', version: 'v1' } as const;
const apps = { group: 'apps', version: 'v1' } as const;
const networking = { group: 'networking.k8s.io', version: 'v1' } as const;
const gateway = { group: 'gateway.networking.k8s.io', version: 'v1' } as const;
const admission = { group: 'admissionregistration.k8s.io', version: 'v1' } as const;

export const pods = defineResource<Pod>({ ...core, plural: 'pods', kind: 'Pod', namespaced: true });
export const services = defineResource<Service>({ ...core, plural: 'services', kind: 'Service', namespaced: true });
export const secrets = defineResource<Secret>({ ...core, plural: 'secrets', kind: 'Secret', namespaced: true });
export const configMaps = defineResource<ConfigMap>({
  ...core,
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
});
export const namespaces = defineResource<KubeObject>({
  ...core,
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
});
export const nodes = defineResource<Node>({ ...core, plural: 'nodes', kind: 'Node', namespaced: false });
export const deployments = defineResource<Deployment>({
  ...apps,
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
});
export const replicaSets = defineResource<ReplicaSet>({
  ...apps,
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
});
export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
});
export const events = defineResource<KubeEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
});
export const endpointSlices = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
});
export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
});
export const networkPolicies = defineResource<NetworkPolicy>({
  ...networking,
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
});
export const ingresses = defineResource<Ingress>({
  ...networking,
  plural: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
});
export const httpRoutes = defineResource<Route>({
  ...gateway,
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
});
export const grpcRoutes = defineResource<Route>({
  ...gateway,
  plural: 'grpcroutes',
  kind: 'GRPCRoute',
  namespaced: true,
});
export const podMonitors = defineResource<PodMonitor>({
  group: 'monitoring.coreos.com',
  version: 'v1',
  plural: 'podmonitors',
  kind: 'PodMonitor',
  namespaced: true,
});
export const mutatingWebhookConfigurations = defineResource<WebhookConfiguration>({
  ...admission,
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
});
export const validatingWebhookConfigurations = defineResource<WebhookConfiguration>({
  ...admission,
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
});
export const customResourceDefinitions = defineResource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
});
/** The project's own kind; `typed<GracefulRollout>(gracefulRollouts)` where its schema is known. */
export const gracefulRollouts = defineResource<KubeObject>({
  group: 'graceful-rollout.io',
  version: 'v1alpha1',
  plural: 'gracefulrollouts',
  kind: 'GracefulRollout',
  namespaced: true,
});

export const deploymentScale = subresourceOf<Scale>(deployments, 'scale', {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
});
export const podEviction = subresourceOf<Eviction>(pods, 'eviction', {
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
});

/** The owner that controls an object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
