import type { Change, Finding, Reason, ResolvedContract } from '../../api/index.ts';

/** Where a GracefulRollout and its target stand; every one of these is ordinary, none is an exception. */
export type Situation =
  | { readonly kind: 'InvalidSpec'; readonly problems: readonly string[] }
  | { readonly kind: 'OlderRolloutGoverns'; readonly winner: string }
  | { readonly kind: 'TargetNotFound' }
  | { readonly kind: 'TargetTerminating' }
  | { readonly kind: 'NotApplicable'; readonly reason: Reason; readonly message: string }
  | { readonly kind: 'Audited'; readonly missing: readonly Change[] }
  | { readonly kind: 'Enforced'; readonly adopted: boolean; readonly later: readonly Change[] }
  | { readonly kind: 'AwaitingNextRollout'; readonly missing: readonly Change[] }
  | { readonly kind: 'WebhookNotCalled'; readonly missing: readonly Change[] }
  | { readonly kind: 'WebhookLags'; readonly missing: readonly Change[] }
  /** `writer` is absent until the live object was asked who owns the field. */
  | { readonly kind: 'Overruled'; readonly field: string; readonly wanted: string; readonly writer?: string }
  | { readonly kind: 'WriteRefused'; readonly message: string };

/** What is true of the target beside the situation; said in the message of `ContractEnforced`. */
export interface TargetFacts {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly templateHash: string;
  readonly paused: boolean;
  readonly replicas: number;
  /** Pods of the present template, where the Deployment controller has caught up with it; else unknown. */
  readonly updatedReplicas?: number;
  /** Pods of older templates that are not terminating yet. */
  readonly oldReplicas: number;
  /** Every pod comes from the present template (old ones gone, as far as the Deployment's status tells). */
  readonly rolledOut: boolean;
  /** The Deployment controller's words when the rollout passed its progress deadline. */
  readonly stuck?: string;
  readonly served: boolean;
}

/** All that the status is written from. */
export interface Assessment {
  readonly situation: Situation;
  readonly target?: TargetFacts;
  readonly contract?: ResolvedContract;
  /** Hash of what the contract was resolved from: the GracefulRollout's generation and the Services. */
  readonly contractInputs?: string;
  readonly changes?: readonly Change[];
  readonly findings: readonly Finding[];
  readonly touch?: { readonly templateHash: string; readonly contractHash: string; readonly at: string };
  readonly requeueAfterMs?: number;
}
