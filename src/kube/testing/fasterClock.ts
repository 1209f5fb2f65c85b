import type { Clock } from '../../runtime/clock.ts';
import { systemClock } from '../../runtime/clock.ts';

/** The real clock running `factor` times as fast, for tests over real sockets: back-off and silence take as long as real events, only sooner. */
export function fasterClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    monotonicMs: () => systemClock.monotonicMs() * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
    schedule: (ms, task) => systemClock.schedule(ms / factor, task),
  };
}
