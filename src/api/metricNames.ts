/** A metric: what kind, which labels, what it counts and in which unit. */
export interface MetricEntry {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** The product's own metrics. Labels never carry pod names: the number of series stays bounded by the objects. */
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
    help: '1 for each finding that holds at present.',
  },
  graceful_rollout_adoptions_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Writes by which the controller adopted a target, by result (adopted, not_completed, refused).',
  },
  graceful_rollout_contested_total: {
    type: 'counter',
    labels: ['namespace', 'name'],
    help: 'Times that another writer put back a value which the contract does not allow.',
  },
  graceful_rollout_admission_requests_total: {
    type: 'counter',
    labels: ['webhook', 'decision'],
    help: 'Admission requests by webhook and decision (Unchanged, Completed, Restored, GivenBack, error).',
  },
  graceful_rollout_admission_duration_seconds: {
    type: 'histogram',
    labels: ['webhook'],
    help: 'Seconds from the last byte of an admission request to the first byte of its answer.',
  },
  graceful_rollout_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['certificate'],
    help: 'When the certificate of the webhook (leaf) and its authority (ca) expire, in Unix seconds.',
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
