/**
 * The open-loop schedule: request number i is due at start + i / rate, whatever became of the requests before it.
 * A closed loop (send, wait, send) sends less while the service is unwell, and so hides loss.
 */
export class Schedule {
  readonly #startMs: number;
  readonly #intervalMs: number;
  #next = 0;

  /** @param startMs monotonic time of request 0; @param ratePerSecond requests per second, > 0. */
  constructor(startMs: number, ratePerSecond: number) {
    if (!(ratePerSecond > 0)) throw new RangeError(`load schedule: rate must be > 0 requests/s, not ${ratePerSecond}`);
    this.#startMs = startMs;
    this.#intervalMs = 1000 / ratePerSecond;
  }

  /** Monotonic time at which the next request is due. */
  get nextDueMs(): number {
    return this.#startMs + this.#next * this.#intervalMs;
  }

  /** Takes the next request if it is due at `nowMs`; answers when it was due. A late caller gets every missed one in turn. */
  takeDue(nowMs: number): number | undefined {
    const due = this.nextDueMs;
    if (due > nowMs) return undefined;
    this.#next++;
    return due;
  }
}
