import { keyOf, type ObjectRef, refOf } from '../kube/resources.ts';
import type { Clock } from './clock.ts';
import { linkAbort } from './linkAbort.ts';
import type { Logger } from './logger.ts';
import type { ControllerMetrics, OperatorMetrics, ReconcileResult } from './metrics.ts';
import { WorkQueue, type WorkQueueOptions } from './queue.ts';

/** Names one object; `namespace` is empty for objects of the cluster. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export interface ReconcileContext {
  /** Aborted at the deadline, when the lease is lost, and when the time to drain is over. Pass it to every call. */
  readonly signal: AbortSignal;
  /** Carries `controller`, `namespace` and `name`. */
  readonly log: Logger;
}

/** What a reconcile may ask for: to be called again even if nothing changes. */
export interface ReconcileOutcome {
  readonly requeueAfterMs?: number;
}

/**
 * Brings one object to its desired state. Level-triggered: it is told only which object, never what happened, and must
 * look at the present state. Throwing means: again, after the back-off.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileOutcome | undefined>;

export interface ControllerOptions {
  /** Lower-case, stable: a metric label and a log field. */
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: OperatorMetrics;
  /** Objects worked on at the same time; never two workers on one. Default 1. */
  readonly concurrency?: number;
  /** How long one reconcile may take before its signal is aborted. Default 60 s. */
  readonly reconcileDeadlineMs?: number;
  readonly queue?: Omit<WorkQueueOptions, 'clock' | 'metrics'>;
}

/**
 * Runs `reconcile` for every key that is enqueued: one worker per key, errors retried with back-off, counted and logged.
 * Nothing that a reconcile does ends the controller.
 */
export class Controller {
  readonly name: string;
  readonly #reconcile: Reconcile;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: ControllerMetrics | undefined;
  readonly #concurrency: number;
  readonly #deadlineMs: number;
  readonly #queue: WorkQueue;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#reconcile = options.reconcile;
    this.#clock = options.clock;
    this.#log = options.log.child({ controller: options.name });
    this.#metrics = options.metrics?.controller(options.name);
    this.#concurrency = options.concurrency ?? 1;
    this.#deadlineMs = options.reconcileDeadlineMs ?? 60_000;
    const queueMetrics = options.metrics?.queue(options.name, () => this.#queue.runningSeconds());
    this.#queue = new WorkQueue({
      ...options.queue,
      clock: options.clock,
      ...(queueMetrics && { metrics: queueMetrics }),
    });
    this.#metrics?.maxConcurrent(this.#concurrency);
  }

  /** Asks for a reconcile of `key` (an informer's key, or a reference). May be called at any time, also before `run`; what is asked for twice runs once. */
  enqueue(key: ObjectRef | string): void {
    this.#queue.add(queueKey(key));
  }

  /** Asks for a reconcile of `key` after `delayMs`; an earlier appointment stays. */
  enqueueAfter(key: ObjectRef | string, delayMs: number): void {
    this.#queue.addAfter(queueKey(key), delayMs);
  }

  /**
   * Works until `stop` is aborted, then takes no further key and resolves when those in work are finished. `abort` is
   * for the impatient: it aborts the signal of every reconcile in work.
   */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const shutDown = (): void => this.#queue.shutDown({ discardQueued: true });
    if (stop.aborted) shutDown();
    else stop.addEventListener('abort', shutDown, { once: true });
    const workers = Array.from({ length: this.#concurrency }, () => this.#work(abort));
    await Promise.all(workers);
    stop.removeEventListener('abort', shutDown);
  }

  async #work(abort: AbortSignal): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      this.#metrics?.activeWorkers(1);
      try {
        await this.#process(key, abort);
      } finally {
        this.#queue.done(key);
        this.#metrics?.activeWorkers(-1);
      }
    }
  }

  async #process(key: string, abort: AbortSignal): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const result = await this.#attempt(key, abort);
    if (result) this.#metrics?.reconciled(result, (this.#clock.monotonicMs() - startedMs) / 1_000);
  }

  /** How it ended; undefined where it was not allowed to. */
  async #attempt(key: string, abort: AbortSignal): Promise<ReconcileResult | undefined> {
    const object: ObjectKey = { namespace: '', ...refOf(key) };
    const log = this.#log.child({ ...object });
    const end = linkAbort(abort);
    const cancelDeadline = this.#clock.schedule(this.#deadlineMs, () => {
      log.warn('reconcile passed its deadline', { deadlineSeconds: this.#deadlineMs / 1_000 });
      end.abort(new Error(`the reconcile of ${key} took longer than ${this.#deadlineMs / 1_000} s`));
    });
    try {
      const outcome = await this.#reconcile(object, { signal: end.signal, log });
      this.#queue.forget(key);
      if (outcome?.requeueAfterMs === undefined) return 'success';
      this.#queue.addAfter(key, outcome.requeueAfterMs);
      return 'requeue_after';
    } catch (err) {
      if (abort.aborted) {
        log.info('reconcile was cut short by the shutdown', { err });
        return undefined;
      }
      const retryMs = this.#queue.addRateLimited(key);
      const fields = { err, retryMs: Math.round(retryMs), failures: this.#queue.retries(key) };
      if (isConflict(err)) log.debug('reconcile met a newer version of an object', fields);
      else log.error('reconcile failed', fields);
      return 'error';
    } finally {
      cancelDeadline();
      end.release();
    }
  }
}

function queueKey(key: ObjectRef | string): string {
  return typeof key === 'string' ? key : keyOf(key);
}

/** 409 is how optimistic concurrency works, not a fault: the next try reads the newer version. */
function isConflict(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 409;
}
