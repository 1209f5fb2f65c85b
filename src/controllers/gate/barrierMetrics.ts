import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS } from '../../api/index.ts';
import type { BarrierMetrics } from './barrier.ts';

/** Registers the metrics of the barrier. */
export function barrierMetrics(registry: Registry): BarrierMetrics {
  const registers = [registry];
  const rounds = new Counter({
    name: 'graceful_rollout_barrier_rounds_total',
    help: METRICS.graceful_rollout_barrier_rounds_total.help,
    labelNames: ['evidence'],
    registers,
  });
  const seconds = new Histogram({
    name: 'graceful_rollout_barrier_seconds',
    help: METRICS.graceful_rollout_barrier_seconds.help,
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30],
    registers,
  });
  const silent = new Gauge({
    name: 'graceful_rollout_barrier_silent_nodes',
    help: METRICS.graceful_rollout_barrier_silent_nodes.help,
    registers,
  });
  return {
    round(evidence: string, elapsedSeconds: number): void {
      rounds.inc({ evidence });
      seconds.observe(elapsedSeconds);
    },
    silentNodes: (count: number): void => silent.set(count),
  };
}
