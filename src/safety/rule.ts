import type { Facts } from './facts.ts';
import type { Context, Finding, Level, RuleSetVersion, Severity, Workload, WorkloadKind } from './types.ts';

/** What a rule judges. */
export interface RuleInput {
  readonly workload: Workload;
  readonly context: Context;
  /** What several rules need to know, worked out once. */
  readonly facts: Facts;
}

/**
 * One rule. `check` is pure, total and linear in the size of its input; where it lacks what it needs to know it says
 * nothing. The texts make the reference page (docs/reference/rules.md) and `lint --explain`.
 */
export interface Rule {
  /** `GR101`. */
  readonly code: string;
  /** Short, in lower case with hyphens: `readiness-probe-missing`. */
  readonly name: string;
  readonly title: string;
  /** The lowest level and the worst severity of its findings; a single finding may be milder. */
  readonly level: Level;
  readonly severity: Severity;
  /** The first rule set that has it. */
  readonly since: RuleSetVersion;
  readonly appliesTo: readonly WorkloadKind[];
  /** What happens, and where in Kubernetes that can be read. */
  readonly why: string;
  /** A manifest, or the part that matters, that the rule has something to say about. YAML. */
  readonly example: string;
  /** What to write or to decide. */
  readonly fixText: string;
  readonly check: (input: RuleInput) => readonly Finding[];
}
