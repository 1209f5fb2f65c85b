import type { KubeObject, LabelSelector, ObjectMeta, OwnerReference } from '../api/kubernetes.ts';
import type { Sights } from './drainTime.ts';

/*
 * The words of the gate (design.md §5): what it keeps on a pod, what it looks at, what it may do next. Plain data; times
 * on objects are RFC 3339 strings; times in memory are milliseconds: `...AtMs` since 1970 by the wall clock, for people to read, others monotonic.
 */

/** What asked for the end of the pod. */
export type DrainPath = 'ScaleDown' | 'Eviction' | 'Delete';

/**
 * The state of one pod's drain, kept on the pod (annotation `graceful-rollout.io/drain`, signed), so that any replica can go
 * on where another died. A pod without it is not being drained. Written by the webhook (Asked) and by the leader (the rest).
 */
export interface DrainState {
  readonly path: DrainPath;
  /** The user who asked first. */
  readonly by: string;
  readonly askedAt: string;
  /** Eviction: when it was asked last, as far as it was written down (not every question is). */
  readonly lastAskedAt?: string;
  /** Delete: until when the request waits inside the API server. */
  readonly until?: string;
  /** Delete: the person's request has gone away before it was answered. */
  readonly abandonedAt?: string;
  /** The ReplicaSet that the pod was taken from: what giving back restores. Set from the hand-over on. */
  readonly owner?: OwnerReference;
  readonly handedOverAt?: string;
  /** Eviction: a replacement is Ready and every proxy knows it. */
  readonly replacedAt?: string;
  /** The point of no return. */
  readonly isolatedAt?: string;
  /** Labels that isolation took off, with their values. */
  readonly removedLabels?: Readonly<Record<string, string>>;
  /** Eviction: what did not hold when `replacementTimeoutSeconds` was over and it was isolated all the same, one line. */
  readonly unmet?: string;
  /** Delete: the drain is over, the waiting request may be admitted. */
  readonly drainedAt?: string;
  /** Why it waits, one line: what the next evictor is told. */
  readonly reason?: string;
}

/** What the gate needs of a pod; everything else is not kept in memory. */
export interface PodView extends KubeObject {
  /** Labels, owners and the gate's own annotations; no managedFields. */
  readonly metadata: ObjectMeta;
  readonly nodeName?: string;
  readonly phase?: string;
  readonly ready: boolean;
  /** Since when it is Ready. */
  readonly readySince?: string;
  readonly ips: readonly string[];
  readonly gracePeriodSeconds: number;
  /**
   * How long after the deletion the first container that serves gets SIGTERM: the shortest preStop sleep, native or parsed, of its
   * regular containers that declare ports, or of all of them where none does. The kubelet runs the hook of each by itself.
   */
  readonly preStopSeconds: number;
  /** The proxy of a service mesh that it has: its callers then are likely to have one too, which sends by its own view of the slices. */
  readonly meshProxy?: string;
}

/** What the gate needs of a ReplicaSet. */
export interface ReplicaSetView extends KubeObject {
  readonly replicas: number;
}

/** One endpoint of a slice. `ready` is what proxies use first; `serving && terminating` is their fallback. */
export interface EndpointView {
  readonly uid?: string;
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName?: string;
}

/** What the gate needs of an EndpointSlice. */
export interface SliceView extends KubeObject {
  /** From the label `kubernetes.io/service-name`. */
  readonly service?: string;
  readonly endpoints: readonly EndpointView[];
}

/** A PodDisruptionBudget. */
export interface BudgetView extends KubeObject {
  readonly selector?: LabelSelector;
  readonly disruptionsAllowed: number;
}

/** A Service that selects the pod (by its labels, or by those that isolation took off). */
export interface ServiceFacts {
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  /** Another data path than kube-proxy serves it too (headless, Ingress, ...): quiet time besides the barrier. */
  readonly otherDataPath?: string;
  /** uids of the pods that its slices list as ready, without those that are gone, terminating, or isolated by the gate. */
  readonly readyUids: readonly string[];
  /** Its traffic policy is Local, inside or outside: those of `readyUids` on the pod's own node, which has no others to send to. */
  readonly localUids?: readonly string[];
}

/** `spec.endpointCheck` and `spec.eviction`, with defaults. */
export interface GateSettings {
  readonly mode: 'Gate' | 'Observe' | 'Off';
  /** Hard limit per pod, counted from isolation. */
  readonly timeoutSeconds: number;
  /** As the author wrote it; absent: only where another data path than kube-proxy serves, or the proxies gave no evidence. */
  readonly quietSeconds?: number;
  readonly drained?: DrainedCheck;
  /** Pods that must stay Ready when one is evicted. */
  readonly minReady?: number;
  /** How long an eviction may wait for a replacement or a budget; absent: for ever. */
  readonly replacementTimeoutSeconds?: number;
}

/** Asks the application whether it is done; exactly one of `httpGet` and `metric`. */
export interface DrainedCheck {
  readonly httpGet?: { readonly path: string; readonly port: number; readonly scheme: 'HTTP' | 'HTTPS' };
  /** A sample of a Prometheus text page that must be at most `max`. */
  readonly metric?: { readonly path: string; readonly port: number; readonly name: string; readonly max: number };
  /** After this the pod counts as drained anyway. */
  readonly timeoutSeconds: number;
}

/** How it is known that the service proxies have let go of a pod. */
export type ProxyEvidence = 'Barrier' | 'PartialBarrier' | 'QuietTime';

/** The answer of a barrier through the service proxies of all nodes. */
export interface ProxyAnswer {
  readonly evidence: ProxyEvidence;
  /** When the last proxy had confirmed; where one did not, when it was no longer waited for. */
  readonly atMs: number;
  readonly confirmed: number;
  /** Nodes whose proxy did not confirm in time. */
  readonly silent: readonly string[];
}

/** An answer of the API server, or of a policy that it asks, that more of the same would not change. */
export interface Refusal {
  /** Since when nothing but refusals came; monotonic. */
  readonly sinceMs: number;
  /** The last one; monotonic. */
  readonly atMs: number;
  /** The API server's own words. */
  readonly message: string;
}

/** What happened since isolation, in memory only: a new leader finds it out again. */
export interface DrainProgress {
  /** The times that the state has, as this leader knows them. */
  readonly sights?: Sights;
  readonly replacementKnown?: ProxyAnswer;
  /** When that answer came, by the monotonic clock; as of `proxies` below. */
  readonly replacementHeardMs?: number;
  /** uids of the pods that served when that was asked: the proxies know them. */
  readonly replacementUids?: readonly string[];
  readonly slicesCleanAtMs?: number;
  readonly proxies?: ProxyAnswer;
  readonly proxiesHeardMs?: number;
  /** `drained` of the spec: met, or its own time-out is over. */
  readonly drained?: { readonly atMs: number; readonly met: boolean };
  /** When the application was asked first, by the monotonic clock. */
  readonly drainedAskedMs?: number;
  /** The API server's answer to the last dry-run eviction; monotonic. */
  readonly budget?: { readonly heardMs: number; readonly allowed: boolean; readonly message: string };
  /** Of the hand-over or the isolation. */
  readonly refused?: Refusal;
}

/** Everything that one decision about one pod is made from, read at one moment. */
export interface Observation {
  /** Wall clock: may jump, and only says how old a time is that was written before this leader looked. */
  readonly nowMs: number;
  /** The monotonic clock, by which everything is waited for. */
  readonly monoMs: number;
  readonly settings: GateSettings;
  readonly pod: PodView;
  readonly state: DrainState;
  readonly progress: DrainProgress;
  /** Absent: deleted. */
  readonly deployment?: {
    readonly name: string;
    readonly uid: string;
    readonly replicas: number;
    readonly recreate: boolean;
    readonly deleting: boolean;
  };
  /** The pod's ReplicaSet: its owner, or the one it was taken from. Absent: deleted. */
  readonly replicaSet?: { readonly name: string; readonly uid: string; readonly replicas: number };
  /** Every pod of the Deployment (owned by one of its ReplicaSets, or handed over to it), this one included. */
  readonly siblings: readonly Sibling[];
  readonly services: readonly ServiceFacts[];
  /**
   * Whether an EndpointSlice lists the pod: by the cache, now; or since its drain began, or within the last half a minute, which the
   * service proxies may not have followed yet.
   */
  readonly listed: 'Now' | 'Before' | 'Never';
  /** Budgets that select the pod. */
  readonly budgets: readonly BudgetFacts[];
  readonly node?: { readonly unschedulable: boolean; readonly ready: boolean };
  /** Label keys that NetworkPolicies, budgets or PodMonitors select this pod on. */
  readonly selectedOn: readonly { readonly key: string; readonly by: string }[];
}

export interface Sibling {
  readonly uid: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** uid of its controller owner. */
  readonly ownerUid: string;
  readonly createdAt: string;
  readonly state?: DrainState;
}

export interface BudgetFacts {
  readonly name: string;
  readonly disruptionsAllowed: number;
  /** uid of another pod for which this budget said yes and whose going it has not shown yet. */
  readonly pendingUid?: string;
}

/** Why a pod was let go; everything but Verified and LastOnNode is loud. */
export type DrainOutcome =
  /** Every check was passed. */
  | 'Verified'
  /** The time limit from isolation was over, or a person's request had waited as long as it may. */
  | 'DeadlinePassed'
  /**
   * An eviction waited longer than `replacementTimeoutSeconds`. Where its Services have other ready endpoints it was isolated
   * and passed every check after that, as a verified one; else it went without.
   */
  | 'ReplacementTimeout'
  /** It was the last ready endpoint and stayed so. */
  | 'LastEndpoint'
  /**
   * It was the last ready endpoint on its node of a Service with traffic policy Local, and was not isolated: that node would
   * have dropped every new connection. Nothing better exists, so nothing of it is loud as long as it has a preStop sleep.
   */
  | 'LastOnNode'
  /** The API server refused its hand-over or its isolation for long: it went as in plain Kubernetes. */
  | 'Refused';

/** What to do next about one pod. One step at a time; after each the world is looked at again. */
export type GateStep =
  /** Nothing now; look again when something changes, or after `forMs`. `reason` is told to whoever asks. */
  | { readonly do: 'Wait'; readonly reason: string; readonly forMs?: number }
  /** Take the state off the pod: nothing was done yet, or nothing needs to be. */
  | { readonly do: 'Cancel'; readonly reason: string }
  /** Make the Deployment its controller owner. */
  | { readonly do: 'HandOver' }
  /** Give the ReplicaSet its pod back and take the state off. */
  | { readonly do: 'GiveBack'; readonly reason: string }
  /** A barrier that proves that every proxy knows the replacement. */
  | { readonly do: 'ConfirmReplacement' }
  /** A dry-run eviction: the API server says what the budgets allow. */
  | { readonly do: 'AskBudget' }
  /**
   * Take labels off, and the owner along with them where it was not handed over yet. No labels: no Service selects the pod (any
   * more), but slices or proxies may still know it. Again where a Service selects an isolated pod.
   */
  | {
      readonly do: 'Isolate';
      readonly labels: Readonly<Record<string, string>>;
      readonly handOver: boolean;
      /** Selectors of others that lose the pod too, because no other key would do. */
      readonly collateral: readonly { readonly key: string; readonly by: string }[];
      /** It waited as long as it may; this did not hold. */
      readonly unmet?: string;
    }
  /** Read the slices from the API server: does any still list the pod? What was found out before counts no more where one does. */
  | { readonly do: 'VerifySlices' }
  | { readonly do: 'VerifyProxies' }
  | { readonly do: 'CheckDrained'; readonly check: DrainedCheck }
  /** Delete path: write `drainedAt`; the person's own request deletes. */
  | { readonly do: 'MarkDrained'; readonly outcome: DrainOutcome; readonly violation?: string }
  /** Delete the pod. `violation`: one line for a Warning event, here and above. */
  | { readonly do: 'LetGo'; readonly outcome: DrainOutcome; readonly violation?: string };

/** The time-stamped record of one pod's removal; times in milliseconds since 1970, absent where a stage did not happen. */
export interface Evidence {
  readonly pod: string;
  readonly uid: string;
  readonly node?: string;
  /** `Ungated`: it ended without the gate (an exempt path, mode Observe, the operator was away). */
  readonly path: DrainPath | 'Ungated';
  readonly by?: string;
  readonly outcome: DrainOutcome | 'Ungated';
  readonly askedAtMs?: number;
  readonly handedOverAtMs?: number;
  readonly replacedAtMs?: number;
  readonly isolatedAtMs?: number;
  readonly slicesCleanAtMs?: number;
  readonly proxies?: ProxyAnswer;
  readonly drainedAtMs?: number;
  readonly drainedMet?: boolean;
  /** deletionTimestamp less the grace period. */
  readonly deletedAtMs?: number;
  /** Estimated: deletion plus preStop; the API does not show it. */
  readonly sigtermAtMs?: number;
  readonly goneAtMs?: number;
  readonly removedLabels?: readonly string[];
  readonly violation?: string;
}
