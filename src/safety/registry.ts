import type { Rule } from './rule.ts';

/** Every rule, by code. */
export const RULES: readonly Rule[] = [];

/** The rule with this code, written in any case. */
export function ruleOf(code: string): Rule | undefined {
  return RULES.find((rule) => rule.code === code.toUpperCase());
}
