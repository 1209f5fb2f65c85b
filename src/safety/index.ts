/** The rules on what loses requests: a workload and what else is known in, findings out. Pure; no I/O. */
export { CONTEXT_KINDS, type ContextKind, type ContextOptions, contextOf, contextReaders } from './context.ts';
export { judge, staleInMs } from './judge.ts';
export { seenByOthers } from './neighbours.ts';
export { RULES, ruleOf } from './registry.ts';
export type { Rule } from './rule.ts';
export {
  type Autoscaler,
  type Context,
  type DisruptionBudget,
  type Edit,
  type Finding,
  type IngressFacts,
  type JudgeOptions,
  LEVELS,
  type Level,
  type Path,
  RULE_SET_VERSIONS,
  type RuleSetVersion,
  SEVERITIES,
  type Severity,
  WORKLOAD_KINDS,
  type Workload,
  type WorkloadKind,
} from './types.ts';
export { workloadOf } from './workload.ts';
