import type { PodIdentity, ReadState } from './drainState.ts';
import { elapsedMs } from './drainTime.ts';
import type { DrainPath, DrainState, GateSettings, Observation, PodView } from './types.ts';

/** What the gate needs of a pod to answer a request: an `oldObject` of a review has it, and so has the cache. */
export type JudgedPod = Pick<PodView, 'metadata' | 'phase' | 'ready' | 'gracePeriodSeconds'>;

/** Who asks, and with which DeleteOptions. */
export interface RequestFacts {
  readonly username: string;
  /** Of the request, or of the DeleteOptions inside an Eviction. */
  readonly dryRun: boolean;
  /**
   * As the webhook sees it: the API server fills in the pod's own before it calls (`podStrategy.CheckGracefulDelete`), on
   * an eviction it does not.
   */
  readonly gracePeriodSeconds?: number;
  /** Preconditions. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** What the caches know of those that the pod belongs to. */
export interface OwnerFacts {
  /** Absent: deleted, or the pod belongs to none. */
  readonly deployment?: Observation['deployment'];
  /** The pod's ReplicaSet, or the one it was taken from. `owned`: its pods that are not terminating. Absent: deleted. */
  readonly replicaSet?: Observation['replicaSet'] & { readonly owned: number };
  /** Of the GracefulRollout that governs the Deployment. */
  readonly settings?: GateSettings;
}

export interface AdmitInput extends OwnerFacts {
  readonly nowMs: number;
  readonly request: RequestFacts;
  /** The operator's own user name: what it deletes is not asked about. */
  readonly ownUser: string;
  /** False until all caches and the key are there. */
  readonly synced: boolean;
  readonly leaderAlive: boolean;
  readonly pod: JudgedPod;
  readonly state: ReadState;
  /**
   * An EndpointSlice lists it as ready, so every proxy sends to it, Ready or not: `publishNotReadyAddresses`, or it was Ready until
   * a moment ago.
   */
  readonly listedReady: boolean;
}

/** Why a request goes through at once: a label of a metric, so a closed list. */
export type AdmitReason =
  | 'NotSynced'
  | 'DryRun'
  | 'ExemptUser'
  | 'ExemptNamespace'
  | 'Terminating'
  | 'NotServing'
  | 'Forced'
  | 'Precondition'
  | 'OwnerGone'
  | 'Recreate'
  | 'ScaledToZero'
  | 'NotGated'
  | 'LeaderSilent'
  | 'NoSurplus'
  | 'Drained'
  | 'Overdue'
  | 'Waited';

export type Judgement =
  | { readonly answer: 'Admit'; readonly why: AdmitReason }
  | { readonly answer: 'Gate'; readonly path: DrainPath };

/** Beyond `timeoutSeconds` from isolation the leader should have let the pod go; then nobody waits for it any more. */
export const OVERDUE_MS = 30_000;
/** An intent that nobody acted upon for this long is no reason to refuse. */
export const UNTOUCHED_MS = 60_000;
/** The API server ends a DELETE after 34 s: who asks again within this time after `until` may be the same request. */
export const RERUN_MS = 10_000;

const replicaSetController = 'system:serviceaccount:kube-system:replicaset-controller';
/** All controllers in one, where the controller manager runs without `--use-service-account-credentials`. */
const controllerManager = 'system:kube-controller-manager';

/**
 * Parts of the control plane that never wait. Everybody who is not named here is treated as a person. Controllers of
 * other workloads are named because a pod of ours is never theirs: what they delete is not our business. The chart's match
 * conditions name the same.
 */
export const exemptUsers: ReadonlySet<string> = new Set([
  'system:kube-scheduler',
  ...[
    'generic-garbage-collector',
    'namespace-controller',
    'pod-garbage-collector',
    'node-controller',
    'taint-eviction-controller',
    'device-taint-eviction-controller',
    'daemon-set-controller',
    'job-controller',
    'cronjob-controller',
    'ttl-after-finished-controller',
    'statefulset-controller',
    'replication-controller',
    'deployment-controller',
  ].map((name) => `system:serviceaccount:kube-system:${name}`),
]);

/** Whether the DELETE of a pod waits for its drain, and as what. Total; what it is not sure of it admits. */
export function judgeDeletion(input: AdmitInput): Judgement {
  const { request, state } = input;
  const byReplicaSet = request.username === replicaSetController;
  if (byReplicaSet || isPlainDeleteOfControllerManager(input)) {
    const why = exemption(input, { force: false });
    if (why !== undefined) return admit(why);
    const ours = state.kind === 'State' && state.state.path === 'ScaleDown';
    return byReplicaSet || ours || hasSurplus(input) ? { answer: 'Gate', path: 'ScaleDown' } : admit('NoSurplus');
  }
  if (request.username === controllerManager) return admit('ExemptUser');
  const why = exemption(input, { force: true });
  if (why !== undefined) return admit(why);
  return waitedBefore(input) ? admit('Waited') : { answer: 'Gate', path: 'Delete' };
}

/** The same for a `pods/eviction`. */
export function judgeEviction(input: AdmitInput): Judgement {
  const why = exemption(input, { force: true });
  return why === undefined ? { answer: 'Gate', path: 'Eviction' } : admit(why);
}

/** The identity that a state is signed for; undefined where the object is not a stored one. */
export function identityOf({ metadata }: JudgedPod): PodIdentity | undefined {
  const { namespace, name, uid } = metadata;
  return namespace === undefined || name === undefined || uid === undefined ? undefined : { namespace, name, uid };
}

function exemption(input: AdmitInput, { force }: { readonly force: boolean }): AdmitReason | undefined {
  const { request, pod } = input;
  if (!input.synced) return 'NotSynced';
  if (request.dryRun) return 'DryRun';
  if (isExempt(request.username, input.ownUser)) return 'ExemptUser';
  if (pod.metadata.namespace === 'kube-system') return 'ExemptNamespace';
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const state = input.state.kind === 'State' ? input.state.state : undefined;
  // What became unready after its isolation may still be in a proxy that is late: its drain goes on. One that waits for a
  // replacement does so no longer: where none becomes Ready, as in a crash loop, its node could never be drained.
  const isSentTo =
    pod.ready || state?.isolatedAt !== undefined || (input.listedReady && state?.handedOverAt === undefined);
  if (pod.phase !== 'Running' || !isSentTo) return 'NotServing';
  // A ReplicaSet never forces: 0 is then the pod's own grace period, filled in by the API server.
  if (force && request.gracePeriodSeconds === 0) return 'Forced';
  // Our write would turn a precondition on the version into a 409 for the client; a wrong uid is one already.
  if (request.resourceVersion !== undefined) return 'Precondition';
  if (request.uid !== undefined && request.uid !== pod.metadata.uid) return 'Precondition';
  const ofOwner = ownerExemption(input);
  if (ofOwner !== undefined) return ofOwner;
  // A live webhook with a dead leader must not refuse for ever.
  if (!input.leaderAlive) return 'LeaderSilent';
  if (state?.drainedAt !== undefined) return 'Drained';
  return state !== undefined && isOverdue(state, input) ? 'Overdue' : undefined;
}

function isExempt(username: string, ownUser: string): boolean {
  return username === ownUser || exemptUsers.has(username) || username.startsWith('system:node:');
}

function ownerExemption({ pod, deployment, replicaSet, settings }: AdmitInput): AdmitReason | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined || deployment === undefined || deployment.deleting) return 'OwnerGone';
  // A pod that was handed over does not need its ReplicaSet any more, which may be cleaned up while it drains.
  if (owner.kind === 'ReplicaSet' ? replicaSet?.uid !== owner.uid : deployment.uid !== owner.uid) return 'OwnerGone';
  if (deployment.recreate) return 'Recreate';
  if (deployment.replicas === 0) return 'ScaledToZero';
  return settings?.mode === 'Gate' ? undefined : 'NotGated';
}

/**
 * The leader is behind: it should have let the isolated pod go, or it did nothing about an intent or a pod that was handed over,
 * as where none of its writes succeeds. An eviction or a delete with a `reason` was looked at and waits; a scale-down has nothing
 * to wait for before its hand-over, and after it waits for another endpoint as long as after isolation.
 */
function isOverdue(state: DrainState, { nowMs, settings }: AdmitInput): boolean {
  const limitMs = (settings?.timeoutSeconds ?? 0) * 1000;
  if (state.isolatedAt !== undefined) return elapsedMs(nowMs, state.isolatedAt) > limitMs + OVERDUE_MS;
  if (state.path !== 'ScaleDown' && state.reason !== undefined) return false;
  const askedMs = elapsedMs(nowMs, state.askedAt);
  if (state.handedOverAt === undefined) return askedMs > UNTOUCHED_MS;
  // A person's delete takes over what an eviction has reached, and is looked at from then on.
  const leastMs = Math.min(askedMs, elapsedMs(nowMs, state.handedOverAt));
  return leastMs > Math.max(limitMs, UNTOUCHED_MS) + OVERDUE_MS;
}

/** The end of the 25 s was reached a moment ago: most likely by this request, which the API server asks about again. */
function waitedBefore({ state, nowMs }: AdmitInput): boolean {
  if (state.kind !== 'State' || state.state.until === undefined || state.state.abandonedAt !== undefined) return false;
  const untilMs = Date.parse(state.state.until);
  return nowMs >= untilMs && nowMs < untilMs + RERUN_MS;
}

/** The ReplicaSet controller asks without options; the grace period that the webhook sees is then the pod's own. */
function isPlainDeleteOfControllerManager({ request, pod }: AdmitInput): boolean {
  const { username, gracePeriodSeconds, uid, resourceVersion } = request;
  if (username !== controllerManager || uid !== undefined || resourceVersion !== undefined) return false;
  return gracePeriodSeconds === undefined || gracePeriodSeconds === pod.gracePeriodSeconds;
}

function hasSurplus({ replicaSet }: AdmitInput): boolean {
  return replicaSet !== undefined && replicaSet.owned > replicaSet.replicas;
}

function admit(why: AdmitReason): Judgement {
  return { answer: 'Admit', why };
}
