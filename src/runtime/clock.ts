/**
 * Time as the operator sees it. Everything that waits or measures takes a `Clock`, so that a test can own time.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; only for what is shown to people or written to an object. */
  nowMs(): number;
  /** Milliseconds since an arbitrary point; never goes back, goes on while the process is stopped. For durations. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with `signal.reason` as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `task` once, after `ms`; the returned function cancels it and is harmless when called late or twice. */
  schedule(ms: number, task: () => void): () => void;
}

/** Node's timers count in 31 bits; a longer wait would fire at once, so it is split. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Rejects a sleep in the one way every clock does. */
function sleepOn(schedule: Clock['schedule'], ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(abortReason(signal));
    };
    const cancel = schedule(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('the wait was cancelled', { cause: reason });
}

function scheduleTimer(ms: number, task: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer =
      leftMs > LONGEST_TIMER_MS
        ? setTimeout(() => arm(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS)
        : setTimeout(task, Math.max(0, leftMs));
  };
  arm(ms);
  return () => clearTimeout(timer);
}

/** The real clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleepOn(scheduleTimer, ms, signal),
  schedule: scheduleTimer,
};

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
}

/**
 * A clock that moves only when a test says so. `advance` fires timers in the order in which they are due and lets every
 * promise that became ready run in between, as real time would.
 */
export class ManualClock implements Clock {
  #elapsedMs = 0;
  #wallMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** @param startMs wall clock at the start, milliseconds since the epoch. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn((delay, task) => this.schedule(delay, task), ms, signal);
  }

  schedule(ms: number, task: () => void): () => void {
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, ms), order: this.#order++, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired yet. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass: every timer due on the way fires at its own time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settle();
    for (let timer = this.#nextDue(endMs); timer !== undefined; timer = this.#nextDue(endMs)) {
      this.jump(Math.max(0, timer.dueMs - this.#elapsedMs));
      this.#timers.delete(timer);
      timer.task();
      await settle();
    }
    this.jump(endMs - this.#elapsedMs);
    await settle();
  }

  /** Lets `ms` pass without running anything: a stalled event loop, or a process under SIGSTOP. */
  jump(ms: number): void {
    this.#elapsedMs += ms;
    this.#wallMs += ms;
  }

  /** Moves the wall clock alone, as NTP or a person would. */
  skewWall(ms: number): void {
    this.#wallMs += ms;
  }

  #nextDue(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (!next || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** A turn of the event loop: every promise that can go on has gone on. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
