import type { Deployment, KubeObject } from '../api/kubernetes.ts';
import type {
  AdmissionDecision,
  AdmissionInput,
  Applied,
  Change,
  FieldWriter,
  Resolution,
  ResolvedContract,
  ResolveInput,
} from './types.ts';

export type * from './types.ts';

const pending = (what: string): Error => new Error(`${what} is not written yet`);

/** Annotation on the Deployment: the record of changes. */
export const CONTRACT_ANNOTATION = 'graceful-rollout.io/contract';
/** Annotation on the Deployment: the controller's touch, value = hashContract(contract). */
export const ADOPT_ANNOTATION = 'graceful-rollout.io/adopt';
/** Annotation set by a person: "true" = give back at once. */
export const GIVE_BACK_ANNOTATION = 'graceful-rollout.io/give-back';

/** What the spec demands of this Deployment, given the Services of its namespace. Never throws. */
export function resolveContract(_input: ResolveInput): Resolution {
  throw pending('resolveContract');
}

/** Raises the Deployment to the contract, never lowers; `changes` empty = it holds already. Does not write the record. */
export function applyContract(_deployment: Deployment, _contract: ResolvedContract): Applied {
  throw pending('applyContract');
}

/** Undoes each change whose leaf still holds what was set; every other leaf is the author's by now. Keeps annotations. */
export function giveBack(_deployment: Deployment, _changes: readonly Change[]): Deployment {
  throw pending('giveBack');
}

/** What the mutating webhook answers to one CREATE or UPDATE of a Deployment. Never throws. */
export function decideAdmission(_input: AdmissionInput): AdmissionDecision {
  throw pending('decideAdmission');
}

/** The oldest GracefulRollout of one target governs (creationTimestamp, then name). */
export function electRollout<T extends KubeObject>(_rollouts: readonly T[]): { winner?: T; losers: readonly T[] } {
  throw pending('electRollout');
}

/** Seconds that a command sleeps; `exact` false: at least that long. Infinity: for ever. Undefined: not known. */
export function parseSleep(_command: readonly string[]): { seconds: number; exact: boolean } | undefined {
  throw pending('parseSleep');
}

/** terminationGracePeriodSeconds >= hook + drain + margin (5 s). */
export function terminationBudget(_parts: { hookSeconds: number; drainSeconds: number; atLeastSeconds?: number }): {
  graceSeconds: number;
  arithmetic: string;
} {
  throw pending('terminationBudget');
}

/** Same template (spec.template), same text; independent of key order. 16 hexadecimal digits. */
export function hashTemplate(_deployment: Deployment): string {
  throw pending('hashTemplate');
}

/** Same contract, same text; independent of key order. 16 hexadecimal digits. */
export function hashContract(_contract: ResolvedContract): string {
  throw pending('hashContract');
}

/** The record of changes that a Deployment carries; undefined: none, or not one that this operator wrote. Never throws. */
export function readRecord(_deployment: KubeObject): readonly Change[] | undefined {
  throw pending('readRecord');
}

/** The Deployment with that record as its annotation; an empty record removes the annotation. */
export function writeRecord(_deployment: Deployment, _changes: readonly Change[]): Deployment {
  throw pending('writeRecord');
}

/** The field manager that owns a path (as in Change.path), the latest one first in doubt; undefined: nobody. */
export function describeWriter(_deployment: Deployment, _path: string): FieldWriter | undefined {
  throw pending('describeWriter');
}
