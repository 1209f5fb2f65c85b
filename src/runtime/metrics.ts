import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueMetrics } from './queue.ts';

/** How a reconcile ended, as controller-runtime labels it. */
export type ReconcileResult = 'success' | 'requeue_after' | 'error';

export interface ControllerMetrics {
  /** One reconcile ended. */
  reconciled(result: ReconcileResult, seconds: number): void;
  /** A worker took (+1) or finished (-1) a key. */
  activeWorkers(change: 1 | -1): void;
  maxConcurrent(workers: number): void;
}

/** client-go's buckets, 1 µs to 1,000 s, without those that a JavaScript process cannot reach. */
const QUEUE_BUCKETS_SECONDS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1_000];
const RECONCILE_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * The metrics of one operator process. Names and labels are those of client-go (`workqueue_*`) and controller-runtime
 * (`controller_runtime_*`, `leader_election_master_status`), so that dashboards made for those work here.
 */
export class OperatorMetrics {
  /** Where further metrics go: `new Counter({ ..., registers: [metrics.registry] })`. */
  readonly registry: Registry;
  readonly #queues = new Map<string, () => readonly number[]>();
  readonly #depth: Gauge<'name' | 'controller'>;
  readonly #adds: Counter<'name' | 'controller'>;
  readonly #retries: Counter<'name' | 'controller'>;
  readonly #queueSeconds: Histogram<'name' | 'controller'>;
  readonly #workSeconds: Histogram<'name' | 'controller'>;
  readonly #reconciles: Counter<'controller' | 'result'>;
  readonly #reconcileErrors: Counter<'controller'>;
  readonly #reconcileSeconds: Histogram<'controller'>;
  readonly #activeWorkers: Gauge<'controller'>;
  readonly #maxConcurrent: Gauge<'controller'>;
  readonly #isLeader: Gauge<'name'>;
  readonly #eventsSent: Counter<'result'>;

  /** @param options.processMetrics also the metrics of the process (memory, CPU, event loop, garbage collection). */
  constructor(options: { readonly processMetrics?: boolean } = {}) {
    const registry = new Registry();
    this.registry = registry;
    const registers = [registry];
    const ofQueue = ['name', 'controller'] as const;
    const ofController = ['controller'] as const;
    this.#depth = new Gauge({ name: 'workqueue_depth', help: 'Keys waiting', labelNames: ofQueue, registers });
    this.#adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys added', labelNames: ofQueue, registers });
    this.#retries = new Counter({ name: 'workqueue_retries_total', help: 'Retries', labelNames: ofQueue, registers });
    this.#queueSeconds = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key waited for a worker',
      labelNames: ofQueue,
      buckets: QUEUE_BUCKETS_SECONDS,
      registers,
    });
    this.#workSeconds = new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long a worker took for a key',
      labelNames: ofQueue,
      buckets: QUEUE_BUCKETS_SECONDS,
      registers,
    });
    this.#queueGauge('workqueue_unfinished_work_seconds', 'Seconds of work in progress, all workers together', sum);
    this.#queueGauge('workqueue_longest_running_processor_seconds', 'Seconds of the longest work in progress', max);
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by result',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.#reconcileErrors = new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciles that failed',
      labelNames: ofController,
      registers,
    });
    this.#reconcileSeconds = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long a reconcile took',
      labelNames: ofController,
      buckets: RECONCILE_BUCKETS_SECONDS,
      registers,
    });
    this.#activeWorkers = new Gauge({
      name: 'controller_runtime_active_workers',
      help: 'Workers that have a key now',
      labelNames: ofController,
      registers,
    });
    this.#maxConcurrent = new Gauge({
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'Workers of the controller',
      labelNames: ofController,
      registers,
    });
    this.#isLeader = new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process holds the lease',
      labelNames: ['name'],
      registers,
    });
    this.#eventsSent = new Counter({
      name: 'kubernetes_events_total',
      help: 'Kubernetes Events by what became of them: sent, series (counted on an earlier Event), dropped',
      labelNames: ['result'],
      registers,
    });
    if (options.processMetrics) collectDefaultMetrics({ register: registry });
  }

  /** Metrics of the queue `name`; `runningSeconds` is asked at every scrape. */
  queue(name: string, runningSeconds: () => readonly number[]): QueueMetrics {
    const labels = { name, controller: name };
    this.#queues.set(name, runningSeconds);
    this.#depth.set(labels, 0);
    this.#adds.inc(labels, 0);
    this.#retries.inc(labels, 0);
    return {
      depth: (keys) => this.#depth.set(labels, keys),
      added: () => this.#adds.inc(labels),
      retried: () => this.#retries.inc(labels),
      waited: (seconds) => this.#queueSeconds.observe(labels, seconds),
      worked: (seconds) => this.#workSeconds.observe(labels, seconds),
    };
  }

  controller(name: string): ControllerMetrics {
    const labels = { controller: name };
    this.#reconcileErrors.inc(labels, 0);
    for (const result of ['success', 'requeue_after', 'error']) this.#reconciles.inc({ ...labels, result }, 0);
    return {
      reconciled: (result, seconds) => {
        this.#reconciles.inc({ ...labels, result });
        if (result === 'error') this.#reconcileErrors.inc(labels);
        this.#reconcileSeconds.observe(labels, seconds);
      },
      activeWorkers: (change) => this.#activeWorkers.inc(labels, change),
      maxConcurrent: (workers) => this.#maxConcurrent.set(labels, workers),
    };
  }

  /** Whether this process holds the lease `name`. */
  leader(name: string, isLeader: boolean): void {
    this.#isLeader.set({ name }, isLeader ? 1 : 0);
  }

  /** What became of a Kubernetes Event. */
  event(result: 'sent' | 'series' | 'dropped'): void {
    this.#eventsSent.inc({ result });
  }

  /** A gauge that is computed from the running work of every queue when it is scraped. */
  #queueGauge(name: string, help: string, fold: (seconds: readonly number[]) => number): void {
    const queues = this.#queues;
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['name', 'controller'],
      registers: [],
      collect() {
        for (const [queue, runningSeconds] of queues)
          this.set({ name: queue, controller: queue }, fold(runningSeconds()));
      },
    });
    this.registry.registerMetric(gauge);
  }
}

const sum = (seconds: readonly number[]): number => seconds.reduce((total, each) => total + each, 0);
const max = (seconds: readonly number[]): number => seconds.reduce((most, each) => Math.max(most, each), 0);
