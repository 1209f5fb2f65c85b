/** The GracefulRollout API: schema, types, names, registry. Pure; Kubernetes' own types are in kubernetes.ts. */
export { DRAIN_OUTCOMES, DRAIN_PATHS, DRAIN_STAGES } from './drainStatus.ts';
export { DEFAULT_ENDPOINT_CHECK_TIMEOUT_SECONDS } from './endpointCheck.ts';
export { FINDINGS, type FindingCode } from './findings.ts';
export type {
  Change,
  EndpointCheckStatus,
  Finding,
  GracefulRollout,
  GracefulRolloutSpec,
  GracefulRolloutSpecInput,
  GracefulRolloutStatus,
  ReadinessProbe,
  ResolvedContract,
  RolloutCondition,
} from './gracefulRollout.ts';
export { METRICS, type MetricEntry, type MetricName } from './metricNames.ts';
export * from './names.ts';
export { type Parsed, type ParseOptions, type Problem, parseGracefulRollout } from './parse.ts';
export { CONDITION_TYPES, type ConditionType, EVENTS, type EventReason, REASONS, type Reason } from './registry.ts';
export { DEFAULT_DRAIN_SECONDS, DEFAULT_PRE_STOP_SLEEP_SECONDS } from './spec.ts';
export { PHASES, type Phase } from './status.ts';
