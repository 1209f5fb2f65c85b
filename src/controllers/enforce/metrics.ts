import { Counter, Gauge, type Registry } from 'prom-client';
import type { Claim } from '../../api/claim.ts';
import { METRICS, PHASES } from '../../api/index.ts';
import type { Store } from '../../kube/index.ts';

export interface EnforceMetrics {
  readonly adoptions: Counter<'result'>;
}

/**
 * Registers what is known of GracefulRollouts. The gauges are computed from the cache at each scrape, so they cannot
 * drift from it, and an object that is gone leaves no series behind.
 */
export function createEnforceMetrics(registry: Registry, claims: Store<Claim>): EnforceMetrics {
  const registers = [registry];
  new Gauge({
    name: 'graceful_rollout_objects',
    help: METRICS.graceful_rollout_objects.help,
    labelNames: ['phase'],
    registers,
    collect() {
      for (const phase of Object.keys(PHASES)) this.set({ phase }, 0);
      for (const claim of claims.list()) this.inc({ phase: claim.status?.phase ?? 'Pending' });
    },
  });
  new Gauge({
    name: 'graceful_rollout_condition',
    help: METRICS.graceful_rollout_condition.help,
    labelNames: ['namespace', 'name', 'type', 'status', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status: state } of claims.list()) {
        const { namespace = '', name = '' } = metadata;
        for (const { type, status, reason } of state?.conditions ?? [])
          this.set({ namespace, name, type, status, reason }, 1);
      }
    },
  });
  new Gauge({
    name: 'graceful_rollout_findings',
    help: METRICS.graceful_rollout_findings.help,
    labelNames: ['namespace', 'name', 'code', 'severity'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of claims.list()) {
        const { namespace = '', name = '' } = metadata;
        for (const { code, severity } of status?.findings ?? []) this.inc({ namespace, name, code, severity });
      }
    },
  });
  return {
    adoptions: new Counter({
      name: 'graceful_rollout_adoptions_total',
      help: METRICS.graceful_rollout_adoptions_total.help,
      labelNames: ['result'],
      registers,
    }),
  };
}
