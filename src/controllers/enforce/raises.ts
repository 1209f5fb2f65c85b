import type { Change } from '../../api/index.ts';

/**
 * Whether a change that the contract asks for raises protection. What it would lower, or take away because nothing asks
 * for it any more (a Service that is gone for a moment, fewer replicas, a smaller drain time), is no reason for a rollout:
 * it comes with the author's next template change.
 */
export function raises({ path, from, to }: Change): boolean {
  if (to === 'null') return false;
  if (from === null) return true;
  const [before, after] = [JSON.parse(from) as unknown, JSON.parse(to) as unknown];
  if (path.endsWith('.maxUnavailable')) return share(after) < share(before);
  if (path.endsWith('.maxSurge')) return share(after) > share(before);
  if (typeof before === 'number' && typeof after === 'number') return after > before;
  const seconds = { before: sleepOf(before), after: sleepOf(after) };
  if (seconds.before !== undefined && seconds.after !== undefined) return seconds.after > seconds.before;
  // A hook that only loses something, or another probe by the GracefulRollout's word.
  return seconds.before === undefined || seconds.after !== undefined;
}

/** Pods and percentages on one scale, good enough for a direction: any count is more than none, 100 % more than a count. */
function share(value: unknown): number {
  if (typeof value === 'number') return value;
  const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined;
  return percent === undefined ? Number.NaN : Number(percent);
}

/** Seconds of the native sleep in a hook, or in a lifecycle that holds it. */
function sleepOf(value: unknown): number | undefined {
  const hook = value as { sleep?: { seconds?: number }; preStop?: { sleep?: { seconds?: number } } } | null;
  return hook?.sleep?.seconds ?? hook?.preStop?.sleep?.seconds;
}
