import type { Clock } from '../runtime/clock.ts';
import type { WatchEvent } from './client.ts';

export interface OpenWatchOptions<T> {
  readonly clock: Clock;
  /** Without a line for this long the watch is dead. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** Opens the stream; the signal given ends it. */
  readonly start: (signal: AbortSignal) => Promise<AsyncIterable<WatchEvent<T>>>;
}

export type Seen<T> =
  | { readonly seen: 'event'; readonly event: WatchEvent<T> }
  | { readonly seen: 'end'; readonly why: string; readonly error?: unknown };

/** The reason a silent watch is aborted with; recognised by identity. */
class SilentWatch extends Error {}

/**
 * A running watch that ends itself when it falls silent. A connection whose peer vanished (a node that lost power, a
 * load balancer that forgot it) delivers nothing for ever; bookmarks come about once a minute, so silence is proof.
 */
export class OpenWatch<T> {
  readonly #options: OpenWatchOptions<T>;
  readonly #controller = new AbortController();
  readonly #openedMs: number;
  #events: AsyncIterator<WatchEvent<T>> | undefined;
  #activeMs: number;
  #disarm: () => void = () => undefined;
  readonly #forward = (): void => this.#controller.abort(this.#options.signal.reason);

  private constructor(options: OpenWatchOptions<T>) {
    this.#options = options;
    this.#openedMs = options.clock.monotonicMs();
    this.#activeMs = this.#openedMs;
  }

  /** Rejects as `start` does. The silence timer runs from the server's acceptance. */
  static async open<T>(options: OpenWatchOptions<T>): Promise<OpenWatch<T>> {
    const watch = new OpenWatch(options);
    options.signal.throwIfAborted();
    options.signal.addEventListener('abort', watch.#forward, { once: true });
    try {
      const stream = await options.start(watch.#controller.signal);
      watch.#events = stream[Symbol.asyncIterator]();
    } catch (error) {
      watch.close();
      throw error;
    }
    watch.#activeMs = options.clock.monotonicMs();
    watch.#arm(options.silenceMs);
    return watch;
  }

  /** The next line, or how the watch ended. Does not reject. */
  async next(): Promise<Seen<T>> {
    try {
      const result = await this.#events?.next();
      if (result === undefined || result.done === true) return { seen: 'end', why: 'ended by the server' };
      this.#activeMs = this.#options.clock.monotonicMs();
      return { seen: 'event', event: result.value };
    } catch (error) {
      const { reason } = this.#controller.signal;
      if (reason instanceof SilentWatch) return { seen: 'end', why: reason.message };
      return { seen: 'end', why: 'the connection broke', error };
    }
  }

  /** Since it was asked for. */
  openMs(): number {
    return this.#options.clock.monotonicMs() - this.#openedMs;
  }

  /** Ends the connection, if it is still there. */
  close(): void {
    this.#disarm();
    this.#options.signal.removeEventListener('abort', this.#forward);
    this.#controller.abort(new Error('the watch is not needed any more'));
  }

  /** One timer per silence, not one per event: it looks when it fires how long the last line is ago. */
  #arm(ms: number): void {
    this.#disarm = this.#options.clock.schedule(ms, () => {
      const quietMs = this.#options.clock.monotonicMs() - this.#activeMs;
      if (quietMs < this.#options.silenceMs) this.#arm(this.#options.silenceMs - quietMs);
      else this.#controller.abort(new SilentWatch(`silent for ${Math.round(quietMs / 1000)} s`));
    });
  }
}
