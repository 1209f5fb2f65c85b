import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from './clock.ts';
import type { HealthCheck } from './health.ts';

/** The part of an informer that says when its watch last heard anything. */
export interface WatchActivity {
  /** `Clock.monotonicMs()` of the last event, bookmark or list; undefined before the first. */
  readonly lastActivityMs: number | undefined;
}

/**
 * Fails while the event loop is so late that nothing this process promises in time is true: the mean delay since the
 * last time the check was asked is above `maxMeanDelayMs`.
 */
export function eventLoopDelayCheck(maxMeanDelayMs = 1_000): HealthCheck {
  const resolutionMs = 20;
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return () => {
    const meanMs = histogram.count === 0 ? 0 : Math.max(0, histogram.mean / 1e6 - resolutionMs);
    histogram.reset();
    return meanMs > maxMeanDelayMs ? `the event loop is ${Math.round(meanMs)} ms late on average` : undefined;
  };
}

/**
 * Fails when a watch has been silent for longer than `maxSilentMs`. A healthy one hears a bookmark every minute or is
 * started again after 90 s; silence beyond that is a fault of ours that only a restart mends. Default 10 min, so that an
 * API server that is away for a while does not get every replica restarted.
 */
export function silentWatchCheck(
  watches: ReadonlyMap<string, WatchActivity>,
  clock: Clock,
  maxSilentMs = 600_000,
): HealthCheck {
  const startedMs = clock.monotonicMs();
  return () => {
    const silent = [...watches]
      .map(([name, watch]) => ({ name, ms: clock.monotonicMs() - (watch.lastActivityMs ?? startedMs) }))
      .filter(({ ms }) => ms > maxSilentMs);
    if (silent.length === 0) return undefined;
    return silent
      .map(({ name, ms }) => `the watch of ${name} has been silent for ${Math.round(ms / 1_000)} s`)
      .join('; ');
  };
}
