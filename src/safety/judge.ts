import { factsOf } from './facts.ts';
import { RULES } from './registry.ts';
import {
  type Context,
  type Finding,
  type JudgeOptions,
  RULE_SET_VERSIONS,
  type RuleSetVersion,
  SEVERITIES,
  type Workload,
} from './types.ts';
import { msPerDay, waiversOf } from './waivers.ts';

/**
 * Every finding of the rules at the level asked for, worst first, without those that the object waives. A workload that
 * another workload controls has none: that one is judged. Nor have pods on Windows, where hooks, signals and service
 * proxies differ. Never throws.
 */
export function judge(workload: Workload, context: Context, options: JudgeOptions): Finding[] {
  if (workload.controlledBy !== undefined || isForWindows(workload)) return [];
  const { level, nowMs, ruleSet } = options;
  const waivers = waiversOf(workload.annotations, mayWaive, nowMs);
  const input = { workload, context, facts: factsOf(workload, context), waivers };
  return RULES.filter(({ code, since }) => isIn(ruleSet, since) && !waivers.codes.has(code))
    .flatMap((rule) => rule.check(input))
    .filter((finding) => level === 'strict' || finding.level === 'baseline')
    .toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Milliseconds until {@link judge} says something else though nothing has changed: with each day (UTC) a waiver may end, and one
 * that has ended is a day older. Undefined: never.
 */
export function staleInMs({ annotations }: Workload, nowMs: number): number | undefined {
  const { codes, expired } = waiversOf(annotations, mayWaive, nowMs);
  return codes.size + expired.length === 0 ? undefined : msPerDay - (nowMs % msPerDay);
}

/** The rules on waivers themselves cannot be waived. */
function mayWaive(code: string): boolean {
  return !code.startsWith('GR9') && RULES.some((rule) => rule.code === code);
}

/** By severity, then what is certain before what is good practice; the order of the codes stays otherwise. */
function rank({ severity, level }: Finding): number {
  return 2 * SEVERITIES.indexOf(severity) + (level === 'baseline' ? 0 : 1);
}

function isIn(ruleSet: RuleSetVersion | undefined, since: RuleSetVersion): boolean {
  return ruleSet === undefined || RULE_SET_VERSIONS.indexOf(since) <= RULE_SET_VERSIONS.indexOf(ruleSet);
}

function isForWindows({ template: { spec } }: Workload): boolean {
  return spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows';
}
