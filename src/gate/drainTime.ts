/** Clocks of two replicas may differ by this much without a meaning. */
const toleratedSkewMs = 30_000;

/**
 * Milliseconds since a time written on an object. Another replica, or this one before its clock was set back, may have
 * written a time that lies in our future: it counts as `seenAtMs` (when this leader saw the state first), else as now
 * when it is within the skew of two clocks, else as long over. So no deadline holds for ever. So does no time that
 * cannot be read.
 */
export function elapsedMs(nowMs: number, at: string | undefined, seenAtMs?: number): number {
  const atMs = at === undefined ? Number.NaN : Date.parse(at);
  if (Number.isNaN(atMs)) return Infinity;
  if (atMs <= nowMs) return nowMs - atMs;
  if (seenAtMs !== undefined && seenAtMs <= nowMs) return nowMs - seenAtMs;
  return atMs - nowMs <= toleratedSkewMs ? 0 : Infinity;
}
