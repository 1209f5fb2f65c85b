import type { z } from 'zod';

/**
 * A rule that a JSON schema cannot say. One declaration serves both sides: `holds` is what zod runs, `cel` is what the
 * API server runs (`x-kubernetes-validations`, Kubernetes 1.25 and newer), and the differential test
 * (gracefulRollout.api.test.ts) proves over thousands of objects that the two agree.
 */
export interface Rule<T> {
  /** CEL over `self`; must cost little for the largest value that the schema admits. */
  readonly cel: string;
  /** The same decision in TypeScript, on the value with defaults applied. */
  readonly holds: (value: T) => boolean;
  /** What is wrong, in one line: kubectl prints it after the field and the value. */
  readonly problem: string;
  /** What to do, in one line. */
  readonly remedy: string;
  /** CEL giving the whole message, where it should show the arithmetic. */
  readonly celMessage?: string;
  /** The same message in TypeScript. */
  readonly message?: (value: T) => string;
  /** The member that is to blame, below the schema that carries the rule. */
  readonly member?: string;
}

/** The form that the CRD carries. Source: k8s.io/apiextensions-apiserver v1 ValidationRule. */
export interface CelValidation {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression?: string;
  readonly fieldPath?: string;
}

/**
 * The schema with the rules added: as zod checks, and as CRD validations in its metadata (so call it last, after
 * `describe`: zod keeps metadata per instance and every check makes a new instance).
 */
export function withRules<S extends z.ZodType>(schema: S, description: string, rules: readonly Rule<z.output<S>>[]): S {
  let checked = schema;
  for (const rule of rules) {
    checked = checked.refine(rule.holds, {
      error: (issue) => rule.message?.(issue.input as z.output<S>) ?? rule.problem,
      path: rule.member === undefined ? [] : [rule.member],
      params: { remedy: rule.remedy },
    });
  }
  return checked.meta({ description, 'x-kubernetes-validations': rules.map(toCel) });
}

function toCel(rule: Rule<never>): CelValidation {
  return {
    rule: rule.cel,
    message: `${rule.problem}: ${rule.remedy}`,
    ...(rule.celMessage === undefined ? {} : { messageExpression: rule.celMessage }),
    ...(rule.member === undefined ? {} : { fieldPath: `.${rule.member}` }),
  };
}
