import type { GracefulRollout } from '../api/index.ts';
import type { Container, DeploymentStrategy, IntOrString, LabelSelector, PodSpec, Service } from '../api/kubernetes.ts';

/** The kinds that carry a pod template, or are a pod. `Rollout` is that of argoproj.io. */
export const WORKLOAD_KINDS = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Rollout',
  'Job',
  'CronJob',
  'Pod',
] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** A step into a JSON object or list. */
export type Path = readonly (string | number)[];

/** A container of a template, of which only members of the right type were kept. */
export interface WorkloadContainer extends Container {
  /** Where it stands in its list of the raw object. */
  readonly position: number;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, IntOrString>>;
    readonly limits?: Readonly<Record<string, IntOrString>>;
  };
}

/** A pod spec of which only members of the right type were kept. */
export interface WorkloadPodSpec extends PodSpec {
  readonly containers: readonly WorkloadContainer[];
  readonly initContainers?: readonly WorkloadContainer[];
  readonly shareProcessNamespace?: boolean;
  /** Names of the PersistentVolumeClaims that the pods mount. */
  readonly claims: readonly string[];
}

/** An object that runs pods, read from JSON that nobody vouches for (see workloadOf). */
export interface Workload {
  readonly kind: WorkloadKind;
  /** Absent: the manifest leaves it to whoever applies it. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: {
    readonly labels: Readonly<Record<string, string>>;
    readonly spec: WorkloadPodSpec;
  };
  /** Where the pod spec stands in the raw object: `['spec', 'template', 'spec']`, of a Pod `['spec']`. */
  readonly podSpecPath: readonly string[];
  /** As written; absent: the API server's default, which is 1. */
  readonly replicas?: number;
  /** `strategy` of a Deployment. */
  readonly strategy?: DeploymentStrategy;
  readonly minReadySeconds?: number;
  readonly progressDeadlineSeconds?: number;
  /** What owns it as its controller, when that is a workload itself: then that one is judged. */
  readonly controlledBy?: WorkloadKind;
  /** The object as it came. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** As much of a PodDisruptionBudget as the rules read. */
export interface DisruptionBudget {
  readonly namespace?: string;
  readonly name: string;
  /** Absent: selects nothing. Empty: selects every pod of the namespace (policy/v1). */
  readonly selector?: LabelSelector;
  readonly minAvailable?: IntOrString;
  readonly maxUnavailable?: IntOrString;
}

/** As much of a HorizontalPodAutoscaler as the rules read. */
export interface Autoscaler {
  readonly namespace?: string;
  readonly name: string;
  readonly target: { readonly kind: string; readonly name: string };
  /** Absent: 1. */
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
}

/** As much of an Ingress as the rules read. */
export interface IngressFacts {
  readonly namespace?: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** The Services that it sends to. */
  readonly services: readonly string[];
}

/** A pod that runs, or the template of a ReplicaSet: the grace period that was asked for, or that was given. */
export interface GraceFact {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  /** Of the controller owner. */
  readonly ownerUid?: string;
  /** terminationGracePeriodSeconds; absent: 30. */
  readonly graceSeconds?: number;
}

/**
 * What else is known about the workload's namespace. A member that is absent is not known, and a rule that needs it says
 * nothing; an empty list means that there is none. Objects of other namespaces are passed over.
 */
export interface Context {
  readonly services?: readonly Service[];
  readonly podDisruptionBudgets?: readonly DisruptionBudget[];
  readonly horizontalPodAutoscalers?: readonly Autoscaler[];
  readonly gracefulRollouts?: readonly GracefulRollout[];
  readonly ingresses?: readonly IngressFacts[];
  /**
   * Every workload of the namespace, this one included or not: what else a Service or a budget may be meant for. Their labels,
   * ports and replicas are read, no more.
   */
  readonly workloads?: readonly Workload[];
  /** ReplicaSets and pods as they run, to compare what was asked for with what was given. */
  readonly replicaSets?: readonly GraceFact[];
  readonly pods?: readonly GraceFact[];
  /** Access modes of the PersistentVolumeClaims, by name. */
  readonly claimAccessModes?: Readonly<Record<string, readonly string[]>>;
  /** How many nodes there are at most; absent too where more may come by themselves. */
  readonly nodeCount?: number;
  readonly namespaceLabels?: Readonly<Record<string, string>>;
}

/** Worst first. `error`: requests are surely lost, or something surely does not work. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `baseline`: certain loss of requests or certain breakage. `strict` adds what is good practice. */
export const LEVELS = ['baseline', 'strict'] as const;
export type Level = (typeof LEVELS)[number];

/** Rule sets, oldest first; a namespace may pin one (`graceful-rollout.io/warn-version`). */
export const RULE_SET_VERSIONS = ['v1'] as const;
export type RuleSetVersion = (typeof RULE_SET_VERSIONS)[number];

/**
 * One change of the raw object. What is missing on the way (objects) is made; at `path` the value is put in place of
 * what is there; `undefined` removes the member.
 */
export interface Edit {
  readonly path: Path;
  readonly value: unknown;
}

/** What a rule has to say about one workload. */
export interface Finding {
  /** Stable: it may go, it never changes its meaning. */
  readonly code: string;
  readonly severity: Severity;
  readonly level: Level;
  readonly object: { readonly kind: WorkloadKind; readonly namespace?: string; readonly name: string };
  readonly container?: string;
  /** For people: `spec.template.spec.containers[app].readinessProbe`. */
  readonly field: string;
  /** One line with `namespace/name` and the arithmetic, at most 240 characters, no control characters. */
  readonly message: string;
  /** One line, likewise: what to write, or what to decide. */
  readonly remedy: string;
  /** What `lint --fix` writes into the raw object; absent: the remedy needs knowledge that only the author has. */
  readonly fix?: readonly Edit[];
}

/** How to judge. */
export interface JudgeOptions {
  readonly level: Level;
  /** Default: the newest. */
  readonly ruleSet?: RuleSetVersion;
  /** Milliseconds since 1970: waivers expire. */
  readonly nowMs: number;
}
