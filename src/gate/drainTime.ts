import type { DrainState } from './types.ts';

/** Clocks of two replicas may differ by this much without a meaning. */
const toleratedSkewMs = 30_000;
/**
 * What a new leader has to itself, whatever the clocks say: enough to read slices, to wait for a silent proxy (20 s) and for quiet time
 * after it.
 */
export const OWN_TIME_MS = 30_000;

/**
 * Milliseconds since a time written on an object, by the wall clock alone. Another replica, or this one before its clock was set back,
 * may have written a time that lies in our future: it counts as now when it is within the skew of two clocks, else as long
 * over, as does a time that cannot be read. So no deadline holds for ever.
 */
export function elapsedMs(nowMs: number, at: string | undefined): number {
  const atMs = at === undefined ? Number.NaN : Date.parse(at);
  if (Number.isNaN(atMs)) return Infinity;
  if (atMs <= nowMs) return nowMs - atMs;
  return atMs - nowMs <= toleratedSkewMs ? 0 : Infinity;
}

/** When this leader first saw a time that is written on a pod. */
export interface FirstSight {
  /** How old it was then by the wall clock; negative: it lies in the future. */
  readonly ageMs: number;
  /** Monotonic. */
  readonly seenMs: number;
}

/** The times of one state, as one leader knows them: from the first sight on only its monotonic clock counts. */
export interface Sights {
  /** The last look, monotonic: what was not there then is not older. */
  readonly lookedMs: number;
  readonly of: ReadonlyMap<string, FirstSight>;
}

/** After one more look at the state. A clock that is set matters only for times of before the first look. */
export function looked(before: Sights | undefined, state: DrainState, nowMs: number, monoMs: number): Sights {
  const oldestMs = before === undefined ? Infinity : monoMs - before.lookedMs;
  const { askedAt, lastAskedAt, until, handedOverAt, isolatedAt, drainedAt } = state;
  const times = [askedAt, lastAskedAt, until, handedOverAt, isolatedAt, drainedAt].filter((at) => at !== undefined);
  return {
    lookedMs: monoMs,
    of: new Map(
      times.map((at) => {
        const seen = before?.of.get(at) ?? { ageMs: Math.min(nowMs - Date.parse(at), oldestMs), seenMs: monoMs };
        return [at, seen];
      }),
    ),
  };
}
