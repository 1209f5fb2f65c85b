import type { Rule } from './rule.ts';
import { livenessGraceShort } from './rules/livenessGraceShort.ts';
import { livenessKillsStart } from './rules/livenessKillsStart.ts';
import { probePortUnknown } from './rules/probePortUnknown.ts';
import { probesIdentical } from './rules/probesIdentical.ts';
import { readinessProbeMissing } from './rules/readinessProbeMissing.ts';

/** Every rule, by code. */
export const RULES: readonly Rule[] = [
  readinessProbeMissing,
  probesIdentical,
  probePortUnknown,
  livenessKillsStart,
  livenessGraceShort,
];

/** The rule with this code, written in any case. */
export function ruleOf(code: string): Rule | undefined {
  return RULES.find((rule) => rule.code === code.toUpperCase());
}
