import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Client, Selection } from './client.ts';
import type { Resource } from './resources.ts';
import type { Indexer, Store } from './store.ts';

/**
 * What happened to one object: only `new` = it appeared, both = it changed, only `old` = it is gone. An object that
 * was deleted and made again under the same name arrives as a deletion and then an addition.
 */
export interface Change<T> {
  readonly old?: T;
  readonly new?: T;
}

/** Called after the store shows the change; must not block. What it throws is reported, and hurts nobody else. */
export type ChangeHandler<T> = (key: string, change: Change<T>) => void;

/** What a reflector tells about itself, for logs and metrics. */
export type InformerNote =
  | { readonly note: 'listed'; readonly objects: number; readonly resourceVersion: string }
  | { readonly note: 'watching'; readonly resourceVersion: string }
  | { readonly note: 'watchEnded'; readonly reason: string; readonly error?: unknown }
  | { readonly note: 'failed'; readonly during: 'list' | 'watch'; readonly error: unknown; readonly retryInMs: number }
  | { readonly note: 'handlerThrew'; readonly key: string; readonly error: unknown };

export interface InformerOptions<T extends KubeObject, P extends KubeObject = T> extends Selection {
  readonly client: Client;
  readonly resource: Resource<T>;
  /**
   * Keeps only what is needed of each object; runs before it is stored. Default: everything but managedFields (on a
   * 9 KB pod, four fifths of the memory). Identity and version are kept beside the object, whatever this returns.
   */
  readonly project?: (object: T) => P;
  readonly indexers?: Readonly<Record<string, Indexer<P>>>;
  readonly onNote?: (note: InformerNote) => void;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** A watch without event or bookmark for this long is dead. Default 90,000: bookmarks come about once a minute. */
  readonly silenceMs?: number;
  /** Objects per page of a list. Default 500. */
  readonly pageSize?: number;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
}

/** Keeps a cache equal to the API server and tells what changes. */
export interface Informer<T extends KubeObject> {
  readonly resource: Resource;
  readonly selection: Selection;
  readonly store: Store<T>;
  /** Lists, watches and resumes until aborted; resolves then. Never ends because of the API server. Call it once. */
  run(signal: AbortSignal): Promise<void>;
  /** True once the first complete list is in the store; stays true. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced()`; rejects with the signal's reason. */
  waitForSync(signal: AbortSignal): Promise<void>;
  /** Registers a handler; what is in the store already is told to it at once as additions. Returns how to end it. */
  onChange(handler: ChangeHandler<T>): () => void;
  /** `clock.monotonicMs()` of the last page, event or bookmark; undefined before the first. */
  readonly lastActivityMs: number | undefined;
  /** The version up to which the store is known to be complete; undefined before the first list. */
  readonly resourceVersion: string | undefined;
}

/** An informer that has not started; call `run`. */
export function createInformer<T extends KubeObject, P extends KubeObject = T>(
  _options: InformerOptions<T, P>,
): Informer<P> {
  throw new Error('createInformer: being written');
}
