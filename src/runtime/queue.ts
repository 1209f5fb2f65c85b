import type { Clock } from './clock.ts';
import { ItemBackoff, TokenBucket } from './rateLimit.ts';

/** What a queue reports; `OperatorMetrics.queue` makes one that feeds the standard `workqueue_*` metrics. */
export interface QueueMetrics {
  /** Keys that wait for a worker now. */
  depth(keys: number): void;
  added(): void;
  /** A key waited this long for a worker. */
  waited(seconds: number): void;
  /** A worker took this long for a key. */
  worked(seconds: number): void;
  retried(): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly metrics?: QueueMetrics;
  /** Back-off of one failing key: `baseDelayMs`·2ⁿ, at most `maxDelayMs`. Default 5 ms and 1,000 s. */
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Retries of all keys together. Default 10 per second with a burst of 100. */
  readonly retriesPerSecond?: number;
  readonly retryBurst?: number;
}

interface Delayed {
  readonly dueMs: number;
  readonly cancel: () => void;
}

/**
 * A queue of keys with client-go's semantics (`k8s.io/client-go/util/workqueue`): a key is queued once however often it
 * is added; a key that is added while a worker has it comes back when the worker is done, so two workers never have the
 * same key and no change is lost; keys come out in the order in which they went in.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics | undefined;
  readonly #backoff: ItemBackoff;
  readonly #bucket: TokenBucket;
  /** Key → when it was queued. A Map keeps insertion order, which makes it the queue itself. */
  readonly #queued = new Map<string, number>();
  /** Key → when a worker took it. */
  readonly #running = new Map<string, number>();
  readonly #addedWhileRunning = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  #idleWorkers: (() => void)[] = [];
  #drainWaiters: (() => void)[] = [];
  #shuttingDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#backoff = new ItemBackoff(options.baseDelayMs, options.maxDelayMs);
    this.#bucket = new TokenBucket(options.clock, options.retriesPerSecond, options.retryBurst);
  }

  /** Keys that wait for a worker; neither those being worked on nor those whose time has not come. */
  get length(): number {
    return this.#queued.size;
  }

  get isShuttingDown(): boolean {
    return this.#shuttingDown;
  }

  /** For how many seconds each key that a worker has now has been worked on. */
  runningSeconds(): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#running.values()].map((sinceMs) => (nowMs - sinceMs) / 1_000);
  }

  add(key: string): void {
    if (this.#shuttingDown || this.#queued.has(key) || this.#addedWhileRunning.has(key)) return;
    this.#metrics?.added();
    if (this.#running.has(key)) this.#addedWhileRunning.add(key);
    else this.#enqueue(key);
  }

  /**
   * Adds `key` after `delayMs`. Where it already waits for a time, the earlier of the two counts. Adding it now, by a
   * delay of 0 or by `add`, leaves an appointment as it is, as client-go does.
   */
  addAfter(key: string, delayMs: number): void {
    if (this.#shuttingDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const known = this.#delayed.get(key);
    if (known && known.dueMs <= dueMs) return;
    known?.cancel();
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, cancel });
  }

  /** Adds `key` after its own back-off or the common limit of retries, whichever is longer. Returns that delay. */
  addRateLimited(key: string): number {
    const delayMs = Math.max(this.#backoff.nextDelayMs(key), this.#bucket.reserveMs());
    this.#metrics?.retried();
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Ends the back-off of `key`: its next failure counts as its first. Call after every success. */
  forget(key: string): void {
    this.#backoff.forget(key);
  }

  /** How often `key` failed since it was last forgotten. */
  retries(key: string): number {
    return this.#backoff.failures(key);
  }

  /**
   * Waits for a key; whoever gets it must call `done(key)`. `undefined` when the queue is shut down and empty, or when
   * `signal` is aborted.
   */
  async get(signal?: AbortSignal): Promise<string | undefined> {
    for (;;) {
      if (signal?.aborted) {
        this.#passOnWakeUp();
        return undefined;
      }
      const next = this.#queued.entries().next();
      if (!next.done) return this.#hand(...next.value);
      if (this.#shuttingDown) return undefined;
      await this.#untilWoken(signal);
    }
  }

  /** The worker is finished with `key`, whether it succeeded or not. */
  done(key: string): void {
    const sinceMs = this.#running.get(key);
    if (sinceMs === undefined) return;
    this.#running.delete(key);
    this.#metrics?.worked((this.#clock.monotonicMs() - sinceMs) / 1_000);
    if (this.#addedWhileRunning.delete(key)) this.#enqueue(key);
    this.#settleDrain();
  }

  /**
   * Takes no key from now on and forgets those whose time has not come. What is queued is still handed out, unless
   * `discardQueued`: a level-triggered controller loses nothing by that, its successor looks at every object anyway.
   */
  shutDown(options: { readonly discardQueued?: boolean } = {}): void {
    this.#shuttingDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    if (options.discardQueued) {
      this.#queued.clear();
      this.#addedWhileRunning.clear();
      this.#metrics?.depth(0);
    }
    for (const wake of this.#idleWorkers.splice(0)) wake();
    this.#settleDrain();
  }

  /** Resolves when nothing is queued and no worker has a key; only meaningful after `shutDown`. */
  async drained(signal?: AbortSignal): Promise<void> {
    if (this.#isEmpty) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#drainWaiters = this.#drainWaiters.filter((waiter) => waiter !== finish);
        const keys = [...this.#running.keys()].join(', ');
        reject(new Error(`gave up waiting for the work queue to drain; still worked on: ${keys}`));
      };
      const finish = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#drainWaiters.push(finish);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  get #isEmpty(): boolean {
    return this.#queued.size === 0 && this.#running.size === 0;
  }

  #enqueue(key: string): void {
    this.#queued.set(key, this.#clock.monotonicMs());
    this.#metrics?.depth(this.#queued.size);
    this.#idleWorkers.shift()?.();
  }

  #hand(key: string, queuedAtMs: number): string {
    const nowMs = this.#clock.monotonicMs();
    this.#queued.delete(key);
    this.#running.set(key, nowMs);
    this.#metrics?.depth(this.#queued.size);
    this.#metrics?.waited((nowMs - queuedAtMs) / 1_000);
    return key;
  }

  /** A worker that was woken for a key but leaves without it must wake another, or the key would lie there. */
  #passOnWakeUp(): void {
    if (this.#queued.size > 0) this.#idleWorkers.shift()?.();
  }

  #untilWoken(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#idleWorkers = this.#idleWorkers.filter((worker) => worker !== wake);
        resolve();
      };
      this.#idleWorkers.push(wake);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #settleDrain(): void {
    if (this.#isEmpty) for (const finish of this.#drainWaiters.splice(0)) finish();
  }
}
