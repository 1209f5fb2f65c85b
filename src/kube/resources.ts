import type { Condition, Deployment, KubeObject, OwnerReference, Service } from '../api/kubernetes.ts';

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
export function subresourceOf<S extends KubeObject>(
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

export interface ReplicaSet extends KubeObject {
  readonly spec: Deployment['spec'];
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly fullyLabeledReplicas?: number;
    readonly terminatingReplicas?: number;
    readonly observedGeneration?: number;
  };
}

export interface Pod extends KubeObject {
  readonly spec: Deployment['spec']['template']['spec'];
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly Condition[];
  };
}

/** coordination.k8s.io/v1; times are MicroTime strings (RFC 3339 with six decimals), a plain Date string is refused. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** `data` is base64; `stringData` is write-only plain text. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

/** events.k8s.io/v1 (not core/v1): `note` instead of `message`, `series` for repeats. */
export interface KubeEvent extends KubeObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly regarding?: ObjectReference;
  readonly related?: ObjectReference;
  readonly note?: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
    readonly nodeName?: string;
    readonly zone?: string;
    readonly targetRef?: ObjectReference;
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

/** The entry of a webhook configuration that the operator keeps: its name and the CA that signs its server. */
export interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig: {
      readonly caBundle?: string;
      readonly url?: string;
      readonly service?: {
        readonly namespace: string;
        readonly name: string;
        readonly path?: string;
        readonly port?: number;
      };
    };
    readonly failurePolicy?: 'Fail' | 'Ignore';
  }[];
}

export interface Node extends KubeObject {
  readonly spec?: { readonly unschedulable?: boolean; readonly podCIDR?: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export interface CustomResourceDefinition extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** autoscaling/v1 Scale, the body of `<workload>/scale`. */
export interface Scale extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas: number; readonly selector?: string };
}

/** policy/v1 Eviction, the body of `pods/<name>/eviction`. */
export interface Eviction extends KubeObject {
  readonly deleteOptions?: Readonly<Record<string, unknown>>;
}

const core = { group: '', version: 'v1' } as const;
const apps = { group: 'apps', version: 'v1' } as const;
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
