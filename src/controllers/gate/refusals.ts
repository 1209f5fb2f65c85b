import type { GateStep, Observation } from '../../gate/types.ts';
import { ApiError } from '../../kube/index.ts';
import type { PodMemory } from './memory.ts';

/** What was refused is tried again after this, however often the pod is looked at. */
export const REFUSED_AGAIN_MS = 2_000;

/** Not signed in (any more), gone, too late, somebody else's write, expired, too much at once: it may be otherwise next time. */
const passing = new Set([401, 404, 408, 409, 410, 429]);
/** k8s.io/apiserver pkg/util/webhook/error.go: a webhook with `failurePolicy: Fail` that does not answer is a 500. */
const webhookFailed = 'failed calling webhook';

/**
 * The API server's own words, where it, a policy, or a webhook that it asks, says no to a write and would say so again; undefined for
 * every other error.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { code, serverMessage } = error;
  const isNo = code >= 400 && code < 500 && !passing.has(code);
  return isNo || (code === 500 && serverMessage.includes(webhookFailed)) ? serverMessage : undefined;
}

/** The steps that are done in another way where they are refused for long (`stepPastRefusal`). */
export function mayBeRefusedForGood(step: GateStep): boolean {
  return step.do === 'HandOver' || step.do === 'Isolate';
}

/** Milliseconds until a step that was refused is due again; 0: now. */
export function refusedWaitMs(step: GateStep, { progress, monoMs }: Observation): number {
  if (!mayBeRefusedForGood(step) || progress.refused === undefined) return 0;
  return Math.max(0, progress.refused.atMs + REFUSED_AGAIN_MS - monoMs);
}

/** It was taken after all. */
export function forgetRefusal(memory: PodMemory): void {
  const { refused: _, ...progress } = memory.progress;
  memory.progress = progress;
}
