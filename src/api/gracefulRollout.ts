import type { z } from 'zod';
import type { endpointCheckStatusSchema } from './drainStatus.ts';
import type { KubeObject } from './kubernetes.ts';
import type { readinessProbe } from './probe.ts';
import type { specSchema } from './spec.ts';
import type { changeSchema, conditionSchema, findingSchema, resolvedContractSchema, statusSchema } from './status.ts';

/** What zod infers as `T | undefined` members, as the plain optional and read-only members that JSON has. */
type Json<T> = T extends readonly (infer E)[]
  ? readonly Json<E>[]
  : T extends object
    ? { readonly [K in keyof T as undefined extends T[K] ? never : K]: Json<T[K]> } & {
        readonly [K in keyof T as undefined extends T[K] ? K : never]?: Json<Exclude<T[K], undefined>>;
      }
    : T;

/** `spec` with every default applied: what the API server stores, and what the contract is computed from. */
export type GracefulRolloutSpec = Json<z.output<typeof specSchema>>;

/** `spec` as a person may write it. */
export type GracefulRolloutSpecInput = Json<z.input<typeof specSchema>>;

export type GracefulRolloutStatus = Json<z.output<typeof statusSchema>>;

/** `status.endpointCheck`, times as RFC 3339 texts. */
export type EndpointCheckStatus = Json<z.output<typeof endpointCheckStatusSchema>>;

/** A core/v1 Probe that can be a readiness probe. */
export type ReadinessProbe = Json<z.output<typeof readinessProbe>>;

/**
 * What a template must hold at least: plain data that a webhook, and later a MutatingAdmissionPolicy, applies without
 * deciding anything (design.md §4).
 */
export type ResolvedContract = Json<z.output<typeof resolvedContractSchema>>;

/** One leaf that the operator changed: `from` and `to` are JSON texts, `from` is null when the leaf was absent. */
export type Change = Json<z.output<typeof changeSchema>>;

/** Something about the target that its owner should know. */
export type Finding = Json<z.output<typeof findingSchema>>;

/** A condition as this project writes it: reason, message and time always there (metav1.Condition). */
export type RolloutCondition = Json<z.output<typeof conditionSchema>>;

/** A GracefulRollout that was parsed: defaults applied, every rule holds. */
export interface GracefulRollout extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: GracefulRolloutSpec;
  readonly status?: GracefulRolloutStatus;
}
