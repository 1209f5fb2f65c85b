import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Client, Selection } from './client.ts';
import { ApiError, TransportError } from './errors.ts';
import {
  type FailureKind,
  type ReflectorEffect,
  type ReflectorInput,
  startReflector,
  stepReflector,
} from './reflectorMachine.ts';
import { OpenWatch } from './reflectorWatch.ts';
import type { Resource } from './resources.ts';

/** What a reflector tells about itself, for logs and metrics. */
export type ReflectorNote =
  | { readonly note: 'listed'; readonly objects: number; readonly resourceVersion: string }
  | { readonly note: 'watching'; readonly resourceVersion: string }
  /** A running watch is over; it is resumed and nothing is lost. `error` is absent when the server just ended it. */
  | { readonly note: 'watchEnded'; readonly why: string; readonly error?: unknown }
  | { readonly note: 'failed'; readonly during: 'list' | 'watch'; readonly error: unknown; readonly retryInMs: number };

/** Where a reflector puts what it learns; every method returns before the next thing is read. */
export interface ReflectorSink<T, E> {
  /**
   * Turns an object into what is kept of it, as soon as it is read: while a long list comes in page by page, only this
   * is held.
   */
  prepare(object: T): E;
  replace(items: readonly E[], version: string): void;
  upsert(item: E): void;
  remove(item: E): void;
  /** The sink is complete up to this version; `replace` says so by itself. */
  advance(version: string): void;
  /** Something came from the server: a page, an event, a bookmark, the acceptance of a watch. */
  alive(): void;
  note(note: ReflectorNote): void;
}

export interface ReflectorOptions<T extends KubeObject, E> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly silenceMs: number;
  readonly pageSize: number;
  readonly random: () => number;
  readonly sink: ReflectorSink<T, E>;
}

type Io<T> = Extract<ReflectorEffect<T>, { do: 'list' | 'watch' | 'pause' }>;

/**
 * Performs what the reflector machine asks for until aborted; resolves then. Errors of the API server and of the
 * network become inputs of the machine; only a defect of this program rejects.
 */
export async function runReflector<T extends KubeObject, E>(
  options: ReflectorOptions<T, E>,
  signal: AbortSignal,
): Promise<void> {
  const shell = new ReflectorShell(options, signal);
  let { state, effects } = startReflector<E>();
  try {
    while (!signal.aborted) {
      const io = shell.apply(effects);
      // A list that the sink has is not held here while the watch runs.
      effects = [];
      const input = await shell.next(io);
      ({ state, effects } = stepReflector(state, input, options.random));
      shell.explain(effects);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    shell.close();
  }
}

class ReflectorShell<T extends KubeObject, E> {
  readonly #options: ReflectorOptions<T, E>;
  readonly #signal: AbortSignal;
  #watch: OpenWatch<T> | undefined;
  /** What went wrong in the last input, to be told once it is known what follows from it. */
  #failure: { readonly during: 'list' | 'watch'; readonly error: unknown } | undefined;

  constructor(options: ReflectorOptions<T, E>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Does what needs no waiting; returns the one effect that does, if any. */
  apply(effects: readonly ReflectorEffect<E>[]): Io<E> | undefined {
    const { sink } = this.#options;
    let io: Io<E> | undefined;
    for (const effect of effects) {
      switch (effect.do) {
        case 'replace':
          sink.replace(effect.items, effect.version);
          sink.note({ note: 'listed', objects: effect.items.length, resourceVersion: effect.version });
          break;
        case 'upsert':
          sink.upsert(effect.object);
          break;
        case 'remove':
          sink.remove(effect.object);
          break;
        case 'advance':
          sink.advance(effect.version);
          break;
        case 'closeWatch':
          this.close();
          sink.note({ note: 'watchEnded', why: effect.why });
          break;
        case 'list':
        case 'watch':
        case 'pause':
          io = effect;
          break;
      }
    }
    return io;
  }

  /** Waits for what the effect brings, or, without one, for the next line of the watch. */
  async next(io: Io<E> | undefined): Promise<ReflectorInput<E>> {
    switch (io?.do) {
      case undefined:
        return await this.#read();
      case 'list':
        return await this.#list(io.continue, io.whole);
      case 'watch':
        return await this.#open(io.version, io.timeoutSeconds);
      case 'pause':
        await this.#options.clock.sleep(io.ms, this.#signal);
        return { input: 'paused' };
    }
  }

  /** Reports the last failure together with what the machine made of it. */
  explain(effects: readonly ReflectorEffect<E>[]): void {
    if (this.#failure === undefined) return;
    const pause = effects.find((effect) => effect.do === 'pause');
    this.#options.sink.note({ note: 'failed', ...this.#failure, retryInMs: pause?.ms ?? 0 });
    this.#failure = undefined;
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  async #list(token: string | undefined, whole: boolean): Promise<ReflectorInput<E>> {
    const { client, resource, selection, pageSize, sink } = this.#options;
    try {
      const page = await client.listPage(resource, {
        ...selection,
        limit: whole ? 0 : pageSize,
        signal: this.#signal,
        // Pauses are the machine's business.
        retry: false,
        ...(token === undefined ? {} : { continue: token }),
      });
      sink.alive();
      const items = page.items.map((item) => sink.prepare(item));
      return { input: 'page', items, version: page.resourceVersion, continue: page.continue };
    } catch (error) {
      return this.#failed('list', error, 0);
    }
  }

  async #open(version: string, timeoutSeconds: number): Promise<ReflectorInput<E>> {
    const { client, resource, selection, clock, silenceMs, sink } = this.#options;
    try {
      this.#watch = await OpenWatch.open<T>({
        clock,
        silenceMs,
        signal: this.#signal,
        start: (signal) => client.watch(resource, { ...selection, resourceVersion: version, timeoutSeconds, signal }),
      });
    } catch (error) {
      return this.#failed('watch', error, 0);
    }
    sink.alive();
    sink.note({ note: 'watching', resourceVersion: version });
    return { input: 'opened' };
  }

  async #read(): Promise<ReflectorInput<E>> {
    const watch = this.#watch;
    if (watch === undefined) throw new Error('the reflector reads from a watch that is not open');
    const { sink } = this.#options;
    const seen = await watch.next();
    this.#signal.throwIfAborted();
    switch (seen.seen) {
      case 'event':
        sink.alive();
        break;
      case 'end': {
        this.close();
        const { error } = seen;
        // Garbage is no end: resuming where it came would bring the same garbage.
        if (error instanceof TransportError && error.failure === 'answer') {
          return this.#failed('watch', error, watch.openMs());
        }
        if (error !== undefined && !(error instanceof TransportError)) throw error;
        sink.note({ note: 'watchEnded', why: seen.why, ...(error === undefined ? {} : { error }) });
        return { input: 'ended', openMs: watch.openMs() };
      }
    }
    const { event } = seen;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        return {
          input: event.type === 'DELETED' ? 'remove' : 'upsert',
          object: sink.prepare(event.object),
          version: event.object.metadata.resourceVersion ?? '',
        };
      case 'BOOKMARK':
        return { input: 'bookmark', version: event.resourceVersion };
      case 'ERROR':
        this.close();
        return this.#failed('watch', event.error, watch.openMs(), true);
    }
  }

  #failed(during: 'list' | 'watch', error: unknown, openMs: number, inStream = false): ReflectorInput<E> {
    this.#signal.throwIfAborted();
    if (!(error instanceof ApiError) && !(error instanceof TransportError)) throw error;
    this.#failure = { during, error };
    const seconds = error instanceof ApiError ? error.retryAfterSeconds : undefined;
    return {
      input: 'failed',
      kind: failureKind(error, inStream),
      retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
      openMs,
    };
  }
}

/**
 * What a failure says about trying the same again. A 500 inside a stream means that the server cannot send the next
 * event (it cannot decode it, say): a watch from the same version would meet it again, so a list is due, as in
 * client-go.
 */
function failureKind(error: ApiError | TransportError, inStream: boolean): FailureKind {
  if (error instanceof TransportError) return error.failure === 'answer' ? 'refused' : 'unavailable';
  if (error.expired) return 'expired';
  if (error.code === 429 || error.code === 503 || error.code === 504) return 'unavailable';
  return error.code >= 500 && !inStream ? 'unavailable' : 'refused';
}
