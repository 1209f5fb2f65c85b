import type { Condition, Deployment, KubeObject, LabelSelector } from '../api/kubernetes.ts';

/*
 * Objects of Kubernetes that only the operator's own controllers read, in the parts that they read; src/api/kubernetes.ts has
 * those that the pure modules read too.
 */

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
    /** Set with phase Failed: `Evicted`, `NodeLost`, ... */
    readonly reason?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly startTime?: string;
    /** `Ready` with lastTransitionTime is what endpoints and budgets go by. */
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

/** discovery.k8s.io/v1; whose slice it is, is in its labels: `kubernetes.io/service-name`, `endpointslice.kubernetes.io/managed-by`. */
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

/** What the operator keeps of a webhook configuration's entries: the CA that signs its server and, for the gate, the namespaces. */
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
    readonly namespaceSelector?: LabelSelector;
    readonly timeoutSeconds?: number;
  }[];
}

export interface Node extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly podCIDR?: string;
    readonly taints?: readonly { readonly key: string; readonly effect: string; readonly value?: string }[];
  };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    /** `InternalIP` addresses are where a node's proxy is asked; dual stack has one per family. */
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  };
}

/** policy/v1. */
export interface PodDisruptionBudget extends KubeObject {
  readonly spec?: {
    readonly selector?: LabelSelector;
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
    readonly unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow';
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly expectedPods?: number;
    /** Pods whose eviction was admitted and is not seen yet, by name. */
    readonly disruptedPods?: Readonly<Record<string, string>>;
  };
}

/** Whom a NetworkPolicy lets in or out: it selects pods too, on their labels. */
interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
}

/** networking.k8s.io/v1; an empty `podSelector` selects every pod of the namespace. */
export interface NetworkPolicy extends KubeObject {
  readonly spec?: {
    readonly podSelector?: LabelSelector;
    readonly ingress?: readonly { readonly from?: readonly NetworkPolicyPeer[] }[];
    readonly egress?: readonly { readonly to?: readonly NetworkPolicyPeer[] }[];
  };
}

/** networking.k8s.io/v1, in the part that names Services. */
interface IngressBackend {
  readonly service?: { readonly name: string };
}

export interface Ingress extends KubeObject {
  readonly spec?: {
    readonly defaultBackend?: IngressBackend;
    readonly rules?: readonly {
      readonly http?: { readonly paths?: readonly { readonly backend: IngressBackend }[] };
    }[];
  };
}

/** An HTTPRoute or a GRPCRoute of gateway.networking.k8s.io/v1, in the part that names Services: there only where it is installed. */
export interface Route extends KubeObject {
  readonly spec?: {
    readonly rules?: readonly {
      readonly backendRefs?: readonly {
        readonly group?: string;
        readonly kind?: string;
        readonly namespace?: string;
        readonly name: string;
      }[];
    }[];
  };
}

/** monitoring.coreos.com/v1: there only where the Prometheus operator is installed. */
export interface PodMonitor extends KubeObject {
  readonly spec?: {
    readonly selector?: LabelSelector;
    /** Absent: the PodMonitor's own namespace. */
    readonly namespaceSelector?: { readonly any?: boolean; readonly matchNames?: readonly string[] };
  };
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
  /** metav1.DeleteOptions; `dryRun: ['All']` asks the budgets without evicting. */
  readonly deleteOptions?: Readonly<Record<string, unknown>>;
}
