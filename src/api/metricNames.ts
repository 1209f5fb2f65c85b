import { DRAIN_OUTCOMES, DRAIN_PATHS, DRAIN_STAGES } from './drainStatus.ts';

/** A metric: what kind, which labels, what it counts and in which unit (the name's last word). */
export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/**
 * The metrics that src/operator.ts registers. Those of the webhook server, the certificates and the runtime are declared
 * beside the code that counts them; docs/reference/metrics.md has all of them. No label carries the name of a pod.
 */
export const METRICS = {
  graceful_rollout_objects: {
    type: 'gauge',
    labels: ['phase'],
    help: 'GracefulRollouts by phase.',
  },
  graceful_rollout_condition: {
    type: 'gauge',
    labels: ['namespace', 'name', 'type', 'status', 'reason'],
    help: '1 for the present state of each condition of each GracefulRollout.',
  },
  graceful_rollout_findings: {
    type: 'gauge',
    labels: ['namespace', 'name', 'code', 'severity'],
    help: 'Findings that hold at present, by GracefulRollout and code: the ten worst of each. Workloads without one are not counted (kubectl graceful audit).',
  },
  graceful_rollout_contested_writes_total: {
    type: 'counter',
    labels: ['namespace', 'deployment'],
    help: 'Writes that named a value which an earlier write had been raised from, by the Deployment written.',
  },
  graceful_rollout_adoptions_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Attempts of the controller to adopt a target, by how they ended (Written, NotCompleted by the webhook, Refused).',
  },
  graceful_rollout_admission_requests_total: {
    type: 'counter',
    labels: ['webhook', 'decision'],
    help: 'Admission requests by webhook and decision. mutate-deployments: Completed, Restored, GivenBack, Unchanged; warn-workloads: Warned, Denied, Clean, Failed (admitted). Not looked at: NotSynced, Terminating, Unreadable, NoRollout, NotADeployment, NotAWorkload, Exempt, Owned, and by warn-workloads Unchanged.',
  },
  graceful_rollout_drains_total: {
    type: 'counter',
    labels: ['path', 'outcome'],
    help: `Pods of targets that ended, by what asked for it (${Object.keys(DRAIN_PATHS).join(', ')}) and how (${Object.keys(DRAIN_OUTCOMES).join(', ')}).`,
  },
  graceful_rollout_drained_check_timeouts_total: {
    type: 'counter',
    labels: [],
    help: 'Pods that ended though endpointCheck.drained was not met within its own timeoutSeconds; their outcome may be Verified, since their removal was.',
  },
  graceful_rollout_drain_stage_seconds: {
    type: 'histogram',
    labels: ['stage'],
    help: `Seconds that a drain took to reach a stage, from the stage before (${Object.keys(DRAIN_STAGES).slice(1).join(', ')}).`,
  },
  graceful_rollout_draining_pods: {
    type: 'gauge',
    labels: ['path', 'stage'],
    help: 'Pods that are being drained now, by what asked for it and the stage that was reached last.',
  },
  graceful_rollout_gate_answers_total: {
    type: 'counter',
    labels: ['webhook', 'answer'],
    help: "Answers of the gate's webhooks to deletions and evictions, by webhook and answer. NotFound (the ReplicaSet controller) and TooManyRequests (an eviction) hold a pod back; any other lets the request through and says why, HungUp aside: nobody waits for it any more.",
  },
  graceful_rollout_eviction_waiting: {
    type: 'gauge',
    labels: ['namespace'],
    help: 'Pods whose eviction waits for a replacement or a PodDisruptionBudget.',
  },
  graceful_rollout_endpoint_margin_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Seconds from the confirmation of the last proxy to the (estimated) SIGTERM of a pod; negative: SIGTERM came first.',
  },
  graceful_rollout_barrier_rounds_total: {
    type: 'counter',
    labels: ['evidence'],
    help: 'Barriers through the service proxies of all nodes, by the evidence that they gave (Barrier, PartialBarrier, QuietTime).',
  },
  graceful_rollout_barrier_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Seconds from the beginning of a barrier to the confirmation of the last proxy, or to its time limit.',
  },
  graceful_rollout_barrier_silent_nodes: {
    type: 'gauge',
    labels: [],
    help: 'Nodes whose service proxy did not confirm the last barrier in time.',
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
