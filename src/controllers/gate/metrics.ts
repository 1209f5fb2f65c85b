import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS } from '../../api/index.ts';
import { stageOf } from '../../gate/drainStage.ts';
import { marginSeconds } from '../../gate/evidence.ts';
import type { DrainState, Evidence } from '../../gate/types.ts';

/** What is counted about drains. No label carries the name of a pod. */
export interface GateMetrics {
  ended(evidence: Evidence): void;
}

const STAGE_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];
const MARGIN_BUCKETS = [-30, -10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 30, 60];

/** Registers the metrics of the gate; the gauges are computed at each scrape from the pods in drain. */
export function createGateMetrics(
  registry: Registry,
  inDrain: () => readonly { readonly namespace: string; readonly state: DrainState }[],
): GateMetrics {
  const registers = [registry];
  const drains = new Counter({
    name: 'graceful_rollout_drains_total',
    help: METRICS.graceful_rollout_drains_total.help,
    labelNames: ['path', 'outcome'],
    registers,
  });
  const timeouts = new Counter({
    name: 'graceful_rollout_drained_check_timeouts_total',
    help: METRICS.graceful_rollout_drained_check_timeouts_total.help,
    registers,
  });
  const stages = new Histogram({
    name: 'graceful_rollout_drain_stage_seconds',
    help: METRICS.graceful_rollout_drain_stage_seconds.help,
    labelNames: ['stage'],
    buckets: STAGE_BUCKETS,
    registers,
  });
  const margins = new Histogram({
    name: 'graceful_rollout_endpoint_margin_seconds',
    help: METRICS.graceful_rollout_endpoint_margin_seconds.help,
    buckets: MARGIN_BUCKETS,
    registers,
  });
  new Gauge({
    name: 'graceful_rollout_draining_pods',
    help: METRICS.graceful_rollout_draining_pods.help,
    labelNames: ['path', 'stage'],
    registers,
    collect() {
      this.reset();
      for (const { state } of inDrain()) this.inc({ path: state.path, stage: stageOf(state) });
    },
  });
  new Gauge({
    name: 'graceful_rollout_eviction_waiting',
    help: METRICS.graceful_rollout_eviction_waiting.help,
    labelNames: ['namespace'],
    registers,
    collect() {
      this.reset();
      for (const { namespace, state } of inDrain()) {
        if (state.path === 'Eviction' && state.isolatedAt === undefined) this.inc({ namespace });
      }
    },
  });
  return {
    ended(evidence) {
      drains.inc({ path: evidence.path, outcome: evidence.outcome });
      if (evidence.drainedMet === false) timeouts.inc();
      const margin = marginSeconds(evidence);
      if (margin !== undefined) margins.observe(margin);
      let before = evidence.askedAtMs;
      for (const [stage, atMs] of timesOf(evidence)) {
        if (atMs === undefined) continue;
        if (before !== undefined && atMs >= before) stages.observe({ stage }, (atMs - before) / 1000);
        before = atMs;
      }
    },
  };
}

function timesOf(evidence: Evidence): readonly (readonly [stage: string, atMs: number | undefined])[] {
  return [
    ['HandedOver', evidence.handedOverAtMs],
    ['Replaced', evidence.replacedAtMs],
    ['Isolated', evidence.isolatedAtMs],
    ['SlicesClean', evidence.slicesCleanAtMs],
    ['ProxiesClean', evidence.proxies?.atMs],
    ['Drained', evidence.drainedAtMs],
    ['Deleted', evidence.deletedAtMs],
    ['Gone', evidence.goneAtMs],
  ];
}
