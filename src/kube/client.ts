import type { KubeObject } from '../api/kubernetes.ts';
import type { Connection } from './connection.ts';
import type { ApiError } from './errors.ts';
import type { ObjectRef, Resource } from './resources.ts';

/** A warning that the API server (or a webhook) sent with its answer; RFC 7234 code 299. */
export interface ServerWarning {
  readonly text: string;
  readonly method: string;
  readonly path: string;
}

/** What every call takes. */
export interface CallOptions {
  /** Aborts the call; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Longest time for the whole call, its retries included. Default 30,000. */
  readonly deadlineMs?: number;
  /** Hears this call's warnings, beside the client's own listener. */
  readonly onWarning?: (warning: ServerWarning) => void;
  /**
   * Whether to try again on 429 and 5xx answers that carry `Retry-After`, and reads also when the connection broke.
   * Default true. Switch it off where the refusal is the answer (evictions: 429 means a PodDisruptionBudget).
   */
  readonly retry?: boolean;
}

export interface GetOptions extends CallOptions {
  readonly subresource?: string;
  /** `0` accepts whatever the API server's cache has; absent means the newest (a quorum read). */
  readonly resourceVersion?: string;
}

export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends CallOptions, Selection {
  /** Objects per page. Default 500; 0 asks for everything at once. */
  readonly limit?: number;
  /** Only metadata is sent (PartialObjectMetadata): cheap where labels, owners or versions are enough. */
  readonly metadataOnly?: boolean;
}

export interface PageOptions extends ListOptions {
  /** The token of the page before. */
  readonly continue?: string;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** Version of the whole list: a watch from here misses nothing. */
  readonly resourceVersion: string;
}

export interface Page<T> extends ListResult<T> {
  /** Present while there are more pages. */
  readonly continue?: string;
}

export interface WriteOptions extends CallOptions {
  /** Who writes, in managedFields. Default: the client's `fieldManager`. */
  readonly fieldManager?: string;
  /** Validates and admits, stores nothing. */
  readonly dryRun?: boolean;
  readonly subresource?: string;
  /** Unknown and duplicate fields: default `Strict` (an error). */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy';
  readonly path: string;
  readonly value?: unknown;
  readonly from?: string;
}

/** The fields that the field manager wants to own, and no others. The client adds apiVersion, kind and name. */
export interface ApplyBody {
  readonly metadata?: object;
  readonly [field: string]: unknown;
}

/** A patch and how the API server is to read it. `apply` is server-side apply. */
export type Patch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'strategic'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly JsonPatchOperation[] }
  | { readonly type: 'apply'; readonly body: ApplyBody; readonly force?: boolean };

export interface DeleteOptions extends CallOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun?: boolean;
}

export interface WatchOptions extends Selection {
  readonly signal: AbortSignal;
  readonly resourceVersion: string;
  /** The server ends the watch by itself after this time. */
  readonly timeoutSeconds?: number;
  readonly onWarning?: (warning: ServerWarning) => void;
}

/** One line of a watch. After `ERROR` nothing more can be expected from the stream. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ERROR'; readonly error: ApiError };

/** A call outside the resource paths: `/version`, `/readyz?verbose`, a TokenRequest. */
export interface RawRequest extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With a leading slash, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/**
 * The Kubernetes API as JSON in, JSON out: no models, so no field is lost on the way. Every method rejects with
 * {@link ApiError} when the API server says no, `TransportError` when it says nothing, and with the signal's
 * reason when the call is aborted.
 */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: GetOptions): Promise<T>;
  /** Like `get`, but `undefined` where there is no such object. */
  find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: GetOptions): Promise<T | undefined>;
  /** Everything, read page by page; starts again once if a page token expires. */
  list<T extends KubeObject>(resource: Resource<T>, options: ListOptions): Promise<ListResult<T>>;
  listPage<T extends KubeObject>(resource: Resource<T>, options: PageOptions): Promise<Page<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions): Promise<T>;
  /** Replaces; with `metadata.resourceVersion` set, only if nobody wrote since. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: Patch, options: WriteOptions): Promise<T>;
  delete(resource: Resource, ref: ObjectRef, options: DeleteOptions): Promise<void>;
  /**
   * Resolves once the server accepted the watch; a refused watch rejects (410: `error.expired`). The iteration ends
   * when the server ends the stream and throws `TransportError` when the stream breaks, also in mid-line.
   */
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>>;
  /** The parsed JSON answer, or the text where the answer is not JSON. */
  raw(request: RawRequest): Promise<unknown>;
  /** Ends all connections, watches included. */
  close(): Promise<void>;
}

/** A {@link Client} as a part sees it that handles one kind of object. */
export interface ClientOf<T extends KubeObject> {
  find(resource: Resource<T>, ref: ObjectRef, options: GetOptions): Promise<T | undefined>;
  update(resource: Resource<T>, object: T, options: WriteOptions): Promise<T>;
  patch(resource: Resource<T>, ref: ObjectRef, patch: Patch, options: WriteOptions): Promise<T>;
}

export interface ClientOptions {
  /** From `loadKubeConfig`. */
  readonly connection: Connection;
  /** `graceful-rollout/0.1.0 (controller)`; also what audit logs show. */
  readonly userAgent: string;
  /** Default field manager of all writes. */
  readonly fieldManager: string;
  /** Hears every warning of every call. */
  readonly onWarning?: (warning: ServerWarning) => void;
  /** Acts as somebody else (needs the right to impersonate). */
  readonly impersonate?: { readonly user: string; readonly groups?: readonly string[] };
}
