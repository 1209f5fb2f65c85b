import { sinceMs } from '../../gate/stepFacts.ts';
import type { GateActionsOptions, StepInput, StepOutcome } from './act.ts';
import { listedInCache, slicesThatList } from './slicesCheck.ts';

/** A pod that no slice was ever seen to list: its entry may still be on the way. */
const UNSEEN_WAIT_MS = 1_000;
/** The cache is asked for so long; then the API server, too: nothing may come of a watch, and nobody hears of it. */
const SILENT_WATCH_MS = 2_000;
/** Slices that still list the pod are asked for again. */
const SLICES_AGAIN_MS = 200;
/** Where somebody writes endpoints by hand, that is until the limit. */
const LAST_SLICES_AGAIN_MS = 2_000;
const RECHECK_MS = 5_000;

/**
 * No EndpointSlice lists the pod: the cache says so first, and the API server itself for a proof.
 * @param recountBudgets of those that lost the pod with its label
 */
export async function verifySlices(
  { caches, memory, clock, client }: Pick<GateActionsOptions, 'caches' | 'memory' | 'clock' | 'client'>,
  input: StepInput,
  recountBudgets: () => Promise<void>,
): Promise<StepOutcome> {
  const { pod, state } = input;
  const { uid = '' } = pod.metadata;
  const podMemory = memory.of(uid);
  const isListed = listedInCache(caches, uid, podMemory.unlistedAtVersion);
  const isIsolated = state.isolatedAt !== undefined;
  const isolatedMs =
    podMemory.isolatedAtMs === undefined
      ? sinceMs(input.observation, state.isolatedAt)
      : clock.monotonicMs() - podMemory.isolatedAtMs;
  // Where pods come and go, another one's change has been counted by now.
  if (isIsolated && podMemory.recounted !== true && (!isListed || isolatedMs >= UNSEEN_WAIT_MS)) {
    await recountBudgets();
    podMemory.recounted = true;
  }
  if (isListed) {
    memory.unverify(uid, true);
    if (!isIsolated) return { afterMs: RECHECK_MS };
    if (isolatedMs < SILENT_WATCH_MS) return { afterMs: SILENT_WATCH_MS - isolatedMs };
  }
  if (isIsolated && !podMemory.listed && isolatedMs < UNSEEN_WAIT_MS) {
    return { afterMs: UNSEEN_WAIT_MS - isolatedMs };
  }
  const { names, version } = await slicesThatList(client, pod, input.context.signal);
  if (names.length > 0) {
    input.context.log.debug('slices still list the pod', { slices: names });
    podMemory.listed = true;
    // One that no Service selects is isolated for it; endpoints that somebody writes by hand may stay for long.
    if (!isIsolated) return { again: true };
    const times = podMemory.stillListed ?? 0;
    podMemory.stillListed = times + 1;
    return { afterMs: Math.min(SLICES_AGAIN_MS * 1.3 ** times, LAST_SLICES_AGAIN_MS) };
  }
  podMemory.stillListed = 0;
  podMemory.unlistedAtVersion = version;
  memory.note(uid, { slicesCleanAtMs: clock.nowMs() });
  return { again: true };
}
