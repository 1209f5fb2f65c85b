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
    help: 'Findings that hold at present, by GracefulRollout and code.',
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
    help: 'Admission requests by webhook and decision (Unchanged, Completed, Restored, GivenBack; not looked at: NoRollout, NotADeployment, NotSynced, Terminating, Unreadable).',
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
