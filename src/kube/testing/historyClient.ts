import type { KubeObject } from '../../api/kubernetes.ts';
import type { Client, ListOptions, ListResult, Page, PageOptions, WatchEvent, WatchOptions } from '../client.ts';
import { ApiError, TransportError } from '../errors.ts';
import type { Resource } from '../resources.ts';
import { FakeHistory } from './fakeHistory.ts';

type Failure = ApiError | TransportError;

interface Line {
  readonly type: string;
  readonly object: KubeObject;
}

const SITE = { method: 'GET', path: '/model' };

/** An answer of the given kind, as the reflector would meet it. */
export const failures = {
  expired: new ApiError(SITE, 410, { reason: 'Expired' }),
  internal: new ApiError(SITE, 500, { reason: 'InternalError' }),
  busy: new ApiError(SITE, 429, { reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } }),
  forbidden: new ApiError(SITE, 403, { reason: 'Forbidden' }),
  broken: new TransportError(SITE, 'connection', 'reset'),
  garbage: new TransportError(SITE, 'answer', 'not JSON'),
} as const satisfies Record<string, Failure>;

/**
 * The reading half of a client, answered from a {@link FakeHistory} without sockets or time: the model that property
 * tests run the informer against. Writing is not part of the model; tests write to the history.
 */
export class HistoryClient implements Client {
  readonly history = new FakeHistory();
  readonly #planned: Failure[] = [];
  readonly #watches = new Set<ModelWatch>();

  constructor() {
    this.history.onEvent((line) => {
      for (const watch of this.#watches) watch.push(line);
    });
  }

  /** The next list page or watch fails so. */
  failNext(failure: Failure): void {
    this.#planned.push(failure);
  }

  /** Running watches end: cleanly, by a failure, or by an ERROR line. */
  cut(how: 'end' | Failure | { readonly line: ApiError }): void {
    for (const watch of this.#watches) watch.finish(how);
    this.#watches.clear();
  }

  async listPage<T extends KubeObject>(_resource: Resource<T>, options: PageOptions): Promise<Page<T>> {
    this.#meetFailure(options.signal);
    const page = this.history.page(options.limit ?? 0, options.continue);
    if (page === 'expired') throw failures.expired;
    return {
      items: page.items.map((item) => structuredClone(item) as KubeObject as T),
      resourceVersion: page.resourceVersion,
      ...(page.next === undefined ? {} : { continue: page.next }),
    };
  }

  async watch<T extends KubeObject>(
    _resource: Resource<T>,
    options: WatchOptions,
  ): Promise<AsyncIterable<WatchEvent<T>>> {
    this.#meetFailure(options.signal);
    const missed = this.history.since(Number(options.resourceVersion));
    if (missed === 'expired') throw failures.expired;
    const watch = new ModelWatch(options.signal);
    for (const line of missed) watch.push(line);
    this.#watches.add(watch);
    return watch.events<T>();
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions): Promise<ListResult<T>> {
    return await this.listPage(resource, { ...options, limit: 0 });
  }

  async close(): Promise<void> {
    this.cut('end');
  }

  get = unmodelled;
  find = unmodelled;
  create = unmodelled;
  update = unmodelled;
  patch = unmodelled;
  delete = unmodelled;
  raw = unmodelled;

  #meetFailure(signal: AbortSignal): void {
    signal.throwIfAborted();
    const failure = this.#planned.shift();
    if (failure !== undefined) throw failure;
  }
}

function unmodelled(): Promise<never> {
  return Promise.reject(new Error('not part of the model'));
}

class ModelWatch {
  readonly #signal: AbortSignal;
  readonly #queue: Line[] = [];
  #end: 'end' | Failure | { readonly line: ApiError } | undefined;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  push(line: string): void {
    if (this.#end !== undefined) return;
    this.#queue.push(JSON.parse(line) as Line);
    this.#wake();
  }

  finish(how: 'end' | Failure | { readonly line: ApiError }): void {
    this.#end ??= how;
    this.#wake();
  }

  async *events<T extends KubeObject>(): AsyncGenerator<WatchEvent<T>, void, undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      const line = this.#queue.shift();
      if (line !== undefined) yield toEvent<T>(line);
      else if (this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#end === 'end') return;
      else if (this.#end instanceof Error) throw this.#end;
      else {
        yield { type: 'ERROR', error: this.#end.line };
        return;
      }
    }
  }
}

function toEvent<T extends KubeObject>({ type, object }: Line): WatchEvent<T> {
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: object as T };
  return { type: 'BOOKMARK', resourceVersion: object.metadata.resourceVersion ?? '' };
}
