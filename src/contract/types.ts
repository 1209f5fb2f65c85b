import type { Deployment, IntOrString, Probe, Service } from '../api/kubernetes.ts';

/** One leaf (or one object that was absent before) that the operator changed on a target; JSON texts, `from` null = absent. */
export interface Change {
  readonly path: string;
  readonly from: string | null;
  readonly to: string;
}

/** Something a person should know about a target; `code` is stable, `message` and `remedy` are for people. */
export interface Finding {
  readonly code: string;
  readonly severity: 'info' | 'warning';
  readonly field?: string;
  readonly message: string;
  readonly remedy?: string;
}

/** What one container must hold at least. `init` marks a native sidecar (KEP-753), listed under initContainers. */
export interface ContractContainer {
  readonly name: string;
  readonly init?: boolean;
  readonly preStopSleepSeconds?: number;
  readonly readinessProbe?: Probe;
}

/** Plain data: what a template must hold at least. Whoever applies it decides nothing. `gracePeriodSeconds` 0 = no demand. */
export interface ResolvedContract {
  readonly gracePeriodSeconds: number;
  readonly containers: readonly ContractContainer[];
  readonly minReadySeconds?: number;
  readonly strategy?: { readonly maxUnavailable?: IntOrString; readonly maxSurge?: IntOrString };
}

/** A GracefulRollout's spec with its defaults applied. */
export interface GracefulRolloutSpec {
  readonly targetRef: { readonly apiVersion: 'apps/v1'; readonly kind: 'Deployment'; readonly name: string };
  readonly readiness: { readonly probe?: Probe; readonly container?: string; readonly minReadySeconds?: number };
  readonly termination: {
    readonly preStopSleepSeconds: number;
    readonly drainSeconds: number;
    readonly gracePeriodSeconds?: number;
  };
  readonly strategy: { readonly maxUnavailable: IntOrString; readonly maxSurge?: IntOrString };
  readonly mode: 'Enforce' | 'Audit';
  readonly adoption: 'Immediate' | 'NextRollout';
}

export interface ResolveInput {
  readonly spec: GracefulRolloutSpec;
  readonly deployment: Deployment;
  /** Every Service of the Deployment's namespace; those that do not select it are passed over. */
  readonly services: readonly Service[];
}

export interface Resolution {
  readonly contract: ResolvedContract;
  readonly findings: readonly Finding[];
  /** Why nothing of the contract can be applied to this target at all. */
  readonly notApplicable?: 'WindowsPods';
  /** Names of the containers (regular and native sidecars) that serve a port of a selecting Service. */
  readonly servingContainers: readonly string[];
  /** The arithmetic behind `contract.gracePeriodSeconds`, for people: "preStop 5 s + drain 25 s + margin 5 s". */
  readonly graceArithmetic: string;
}

export interface Applied {
  readonly deployment: Deployment;
  /** Empty: the contract holds already. */
  readonly changes: readonly Change[];
}

/** The GracefulRollout that governs the Deployment (see electRollout), its spec with defaults. */
export interface GoverningRollout {
  readonly name: string;
  readonly spec: GracefulRolloutSpec;
}

export interface AdmissionInput {
  readonly operation: 'CREATE' | 'UPDATE';
  /** The object as it would be stored, defaults applied, managedFields included. */
  readonly object: Deployment;
  /** What is stored now; UPDATE only. */
  readonly oldObject?: Deployment;
  /** Absent: no GracefulRollout names this Deployment (any more). */
  readonly rollout?: GoverningRollout;
  readonly services: readonly Service[];
  /** status.changes of the GracefulRollout, used when neither object carries a record. */
  readonly recorded?: readonly Change[];
}

/**
 * Unchanged: the object is admitted as it came. Restored: the author did not change the template, what was in force stays
 * in force. Completed: the current contract was applied. GivenBack: what the operator had changed was undone.
 */
export type AdmissionKind = 'Unchanged' | 'Restored' | 'Completed' | 'GivenBack';

export interface AdmissionDecision {
  readonly object: Deployment;
  readonly kind: AdmissionKind;
  /** Everything the operator has changed on this Deployment after this write (the record), not only what this write changed. */
  readonly changes: readonly Change[];
  /** One line each, at most 250 characters. */
  readonly warnings: readonly string[];
  readonly findings: readonly Finding[];
  /** Leaves that the writer set back although an earlier write had been raised: the record's entries, for "Contested". */
  readonly reasserted: readonly Change[];
}

/** Who, according to managedFields, set a field. */
export interface FieldWriter {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly time?: string;
}
