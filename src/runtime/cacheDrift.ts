import { Counter, Gauge, type Registry } from 'prom-client';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Client } from '../kube/client.ts';
import { checkDrift, type Drift } from '../kube/drift.ts';
import type { Informer } from '../kube/informer.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { ManagedTask } from './manager.ts';

export interface CacheDriftOptions {
  readonly client: Client;
  /** By the plural of what they watch. */
  readonly informers: ReadonlyMap<string, Informer<KubeObject>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Between two comparisons of everything. Default 10 min: each is a metadata-only list of every resource. */
  readonly periodMs?: number;
  /** How one cache is compared; default `checkDrift`. */
  readonly check?: (informer: Informer<KubeObject>, signal: AbortSignal) => Promise<Drift>;
}

const KINDS = ['missing', 'extra', 'stale'] as const;
/** Keys named in a log line. */
const NAMED = 10;

export interface CacheDriftMetrics {
  readonly objects: Gauge<'resource' | 'kind'>;
  readonly checks: Counter<'resource' | 'result'>;
}

/** Registers what {@link cacheDriftTask} counts; throws when the registry has it already. */
export function createCacheDriftMetrics(registry: Registry): CacheDriftMetrics {
  const registers = [registry];
  const objects = new Gauge({
    name: 'informer_cache_drift_objects',
    help: 'Objects that differed between cache and API server at the last comparison; must stay 0',
    labelNames: ['resource', 'kind'],
    registers,
  });
  const checks = new Counter({
    name: 'informer_cache_drift_checks_total',
    help: 'Comparisons of a cache with the API server by result: same, drift, error',
    labelNames: ['resource', 'result'],
    registers,
  });
  return { objects, checks };
}

/**
 * Compares every cache with the API server from time to time. `informer_cache_drift_objects` must stay 0: anything else
 * is a fault of the reflector, which no retry would show.
 */
export function cacheDriftTask(options: CacheDriftOptions): ManagedTask {
  const { client, informers, clock, log, registry, periodMs = 600_000 } = options;
  const check = options.check ?? ((informer, signal) => checkDrift(informer, { client, clock, signal }));
  const { objects, checks } = createCacheDriftMetrics(registry);

  async function compare(resource: string, informer: Informer<KubeObject>, signal: AbortSignal): Promise<void> {
    try {
      const drift = await check(informer, signal);
      for (const kind of KINDS) objects.set({ resource, kind }, drift[kind].length);
      const differs = KINDS.some((kind) => drift[kind].length > 0);
      checks.inc({ resource, result: differs ? 'drift' : 'same' });
      const named = Object.fromEntries(KINDS.map((kind) => [kind, drift[kind].slice(0, NAMED)]));
      if (differs) log.error('a cache differs from the API server', { resource, compared: drift.compared, ...named });
    } catch (err) {
      if (signal.aborted) return;
      checks.inc({ resource, result: 'error' });
      log.warn('cannot compare a cache with the API server', { resource, err });
    }
  }

  return {
    name: 'cache-drift',
    async run(signal) {
      for (;;) {
        await Promise.allSettled([clock.sleep(periodMs, signal)]);
        for (const [resource, informer] of informers) {
          if (signal.aborted) return;
          await compare(resource, informer, signal);
        }
        if (signal.aborted) return;
      }
    },
  };
}
