import type { Clock } from '../runtime/clock.ts';

/** A write was about to be made by a process that does not hold the lease (any more). Nothing was written. */
export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError';
  constructor(doing: string) {
    super(`refused to ${doing}: this process does not hold the leader lease`);
  }
}

/** This process held the lease and lost it; it must end, for another one leads. */
export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError';
}

/** Asked before each write that only the leader may make. */
export interface LeaderGuard {
  /** Looks at the clock, not at a flag: right also in the first instruction after a stall of any length. */
  isLeader(): boolean;
  /** Throws {@link NotLeaderError} unless `isLeader()`. `doing` reads on from "refused to". */
  assertLeader(doing: string): void;
  /** Aborted whenever this process does not lead. A new one for each term. */
  readonly signal: AbortSignal;
}

/** A moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
}

/**
 * One stretch of leadership. It is valid until `renewDeadlineMs` after the last renewal was *sent* (the others count
 * from when it arrived, which is later), by whichever clock moved further: the monotonic one stands still while a
 * virtual machine is suspended, the wall clock can be set back.
 */
export class LeaderTerm {
  readonly #clock: Clock;
  readonly #renewDeadlineMs: number;
  readonly #ended = new AbortController();
  #renewedAt: Moment;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock, renewDeadlineMs: number, acquiredAt: Moment) {
    this.#clock = clock;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#renewedAt = acquiredAt;
    this.#arm();
  }

  /** Aborted when the term ends, for whatever reason (see `signal.reason`). */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  isValid(): boolean {
    if (this.#ended.signal.aborted) return false;
    if (this.#leftMs() > 0) return true;
    const seconds = this.#renewDeadlineMs / 1_000;
    this.end(new LeadershipLostError(`the leader lease could not be renewed for ${seconds} s`));
    return false;
  }

  /** A renewal that was sent at `sentAt` succeeded. */
  renewed(sentAt: Moment): void {
    if (!this.isValid()) return;
    this.#renewedAt = sentAt;
    this.#arm();
  }

  end(reason: Error): void {
    this.#cancelTimer();
    this.#ended.abort(reason);
  }

  #leftMs(): number {
    const now = momentOf(this.#clock);
    const elapsedMs = Math.max(now.monotonicMs - this.#renewedAt.monotonicMs, now.wallMs - this.#renewedAt.wallMs);
    return this.#renewDeadlineMs - elapsedMs;
  }

  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.schedule(this.#leftMs(), () => {
      if (this.isValid()) this.#arm();
    });
  }
}
