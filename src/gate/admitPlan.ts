import type { ReadState } from './drainState.ts';
import { elapsedMs } from './drainTime.ts';
import type { DrainPath, DrainState } from './types.ts';

/**
 * What a request that the gate holds back leaves on the pod. A pod has one intent: the first path stays, except where
 * something would be lost by it.
 *
 * | asks ↓ / is in → | ScaleDown            | Eviction                    | Delete                              |
 * |------------------|----------------------|-----------------------------|-------------------------------------|
 * | ScaleDown        | keep                 | keep (1)                    | keep (1)                            |
 * | Eviction         | keep (2)             | keep, note the asking       | keep (2)                            |
 * | Delete           | keep, note the end   | isolated: keep, note the    | keep; renew when it was abandoned   |
 * |                  | of the wait (3)      | end; else take over (4)     | before isolation (5)                |
 *
 * 1. The ReplicaSet is told "gone". It is, once handed over; if the pod is given back instead, that write wakes the
 *    ReplicaSet controller, which counts again and asks again.
 * 2. The evictor gets 429 and the reason, and asks again; if the drain is cancelled, its next question is an intent.
 * 3. `until` is kept on the pod, because the API server asks again about the same DELETE after every write of ours, and
 *    another replica may be asked: the wait is not begun anew.
 * 4. An eviction may wait for a budget or for a node for ever; a person's delete waits 25 s and then takes the pod. As an
 *    eviction it would go undrained; as a delete it needs no budget. What was reached (owner, replacement) stays. If the
 *    person goes away the pod is given back, and the evictor, who was told 429, asks again.
 * 5. The one who waited first has gone, another still waits: without a renewal the pod would be given back under it.
 */
export type AdmitPlan =
  /** The state there is says it all. */
  | { readonly do: 'Keep'; readonly state: DrainState }
  /** Without this the request must be admitted: nobody would drain the pod, or the wait would not end in time. */
  | { readonly do: 'Write'; readonly state: DrainState }
  /** Worth a try; the answer does not hang on it. */
  | { readonly do: 'Refresh'; readonly state: DrainState };

/** `lastAskedAt` is written down at most this often. */
export const REFRESH_MS = 20_000;

export interface PlanInput {
  readonly path: DrainPath;
  readonly username: string;
  readonly nowMs: number;
  /** Delete: when this request stops to wait. */
  readonly untilMs: number;
  readonly state: ReadState;
}

/** Decides the nine combinations of the table above. */
export function planIntent(input: PlanInput): AdmitPlan {
  const { path, username, nowMs, state } = input;
  if (state.kind !== 'State') return { do: 'Write', state: intent(input) };
  const there = state.state;
  switch (path) {
    case 'ScaleDown':
      return { do: 'Keep', state: there };
    case 'Eviction': {
      const agoMs = elapsedMs(nowMs, there.lastAskedAt ?? there.askedAt);
      const isDue = there.path === 'Eviction' && there.isolatedAt === undefined && agoMs >= REFRESH_MS;
      return isDue ? { do: 'Refresh', state: { ...there, lastAskedAt: timeOf(nowMs) } } : { do: 'Keep', state: there };
    }
    case 'Delete': {
      const until = timeOf(input.untilMs);
      const isIsolated = there.isolatedAt !== undefined;
      if (!isIsolated && (there.path === 'Eviction' || there.abandonedAt !== undefined)) {
        const { lastAskedAt: _, abandonedAt: _gone, reason: _past, ...reached } = there;
        return { do: 'Write', state: { ...reached, path: 'Delete', by: username, askedAt: timeOf(nowMs), until } };
      }
      const isCounting = there.until !== undefined && nowMs < Date.parse(there.until);
      return isCounting ? { do: 'Keep', state: there } : { do: 'Write', state: { ...there, until } };
    }
  }
}

/** The state of a pod whose waiting person has hung up; undefined when nothing is to be given back, or not by them. */
export function abandonedState(state: ReadState, username: string, nowMs: number): DrainState | undefined {
  if (state.kind !== 'State') return undefined;
  const { path, by, isolatedAt, drainedAt, abandonedAt } = state.state;
  if (path !== 'Delete' || by !== username) return undefined;
  if (isolatedAt !== undefined || drainedAt !== undefined || abandonedAt !== undefined) return undefined;
  return { ...state.state, abandonedAt: timeOf(nowMs) };
}

/** What somebody who asks is told, one line. */
export function reasonOf({ reason, isolatedAt, handedOverAt, path }: DrainState): string {
  if (reason !== undefined) return reason.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  if (isolatedAt !== undefined) return 'it has left its Services and is let go as soon as every proxy knows';
  if (path === 'Eviction') {
    return handedOverAt === undefined ? 'it leaves its Services first' : 'it serves until its replacement is ready';
  }
  return 'it leaves its Services first';
}

function intent({ path, username, nowMs, untilMs }: PlanInput): DrainState {
  const asked = { path, by: username, askedAt: timeOf(nowMs) };
  return path === 'Delete' ? { ...asked, until: timeOf(untilMs) } : asked;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
