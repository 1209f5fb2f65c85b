import type { KubeObject } from '../api/kubernetes.ts';
import type {
  ApplyBody,
  CallOptions,
  Client,
  ClientOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListResult,
  Page,
  PageOptions,
  Patch,
  RawRequest,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import { impersonationHeaders } from './credentials.ts';
import { ApiError, isNotFound, TransportError } from './errors.ts';
import { collectionPath, objectPath, type Query, withQuery } from './paths.ts';
import { apiVersionOf, type ObjectRef, type Resource } from './resources.ts';
import { Transport, type TransportRequest } from './transport.ts';
import { watchEvents } from './watchStream.ts';

const DEFAULT_DEADLINE_MS = 30_000;
/** The API server answers a watch at once; this only bounds a server that hangs before its headers. */
const WATCH_OPEN_DEADLINE_MS = 30_000;
const DEFAULT_PAGE_SIZE = 500;
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const JSON_TYPE = 'application/json';

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML; this spelling works on every version that this project supports.
  apply: 'application/apply-patch+yaml',
} as const satisfies Record<Patch['type'], string>;

/** A client with one long-lived set of connections. Close it when done. */
export function createClient(options: ClientOptions): Client {
  return new ApiClient(options);
}

interface ListBody<T> {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

class ApiClient implements Client {
  readonly #options: ClientOptions;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#transport = new Transport(options.connection, {
      'user-agent': options.userAgent,
      ...impersonationHeaders(options.impersonate),
    });
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: GetOptions): Promise<T> {
    const path = withQuery(objectPath(resource, ref, options.subresource), {
      resourceVersion: options.resourceVersion,
    });
    return await this.#json<T>('GET', path, options, { idempotent: true });
  }

  async find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: GetOptions): Promise<T | undefined> {
    try {
      return await this.get(resource, ref, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions): Promise<ListResult<T>> {
    try {
      return await this.#allPages(resource, options);
    } catch (error) {
      // Paging took longer than etcd keeps history (5 minutes): once more, in one piece.
      if (!(error instanceof ApiError && error.expired)) throw error;
      return await this.#allPages(resource, { ...options, limit: 0 });
    }
  }

  async #allPages<T extends KubeObject>(resource: Resource<T>, options: ListOptions): Promise<ListResult<T>> {
    let page = await this.listPage(resource, options);
    if (page.continue === undefined) return page;
    const items = [...page.items];
    while (page.continue !== undefined) {
      page = await this.listPage(resource, { ...options, continue: page.continue });
      for (const item of page.items) items.push(item);
    }
    return { items, resourceVersion: page.resourceVersion };
  }

  async listPage<T extends KubeObject>(resource: Resource<T>, options: PageOptions): Promise<Page<T>> {
    const limit = options.limit ?? DEFAULT_PAGE_SIZE;
    const path = withQuery(collectionPath(resource, options.namespace), {
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      limit: limit === 0 ? undefined : limit,
      continue: options.continue,
    });
    const headers = options.metadataOnly === true ? { accept: METADATA_ONLY } : {};
    const body = await this.#json<ListBody<T> | null>('GET', path, options, { idempotent: true, headers });
    const metadata = body?.metadata;
    const items = body?.items ?? [];
    if (metadata?.resourceVersion === undefined || !Array.isArray(items) || !items.every(isObject)) {
      throw new TransportError({ method: 'GET', path }, 'answer', 'the answer is not a Kubernetes list');
    }
    // The API server leaves kind and apiVersion out of the items of a list; a watch and a get send them.
    const named = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    return {
      items: items.map((item) => (item.kind === undefined ? { ...named, ...item } : item)),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue ? { continue: metadata.continue } : {}),
    };
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions): Promise<T> {
    const { namespace, name } = object.metadata;
    const subresource = options.subresource ?? resource.subresource;
    const path =
      subresource === undefined
        ? collectionPath(resource, this.#namespaceFor(resource, namespace))
        : objectPath(resource, { ...(namespace === undefined ? {} : { namespace }), name: name ?? '' }, subresource);
    const body = JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
    return await this.#json<T>('POST', withQuery(path, this.#writeQuery(options)), options, {
      body,
      idempotent: false,
    });
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions): Promise<T> {
    const { namespace, name } = object.metadata;
    const ref = { ...(namespace === undefined ? {} : { namespace }), name: name ?? '' };
    const path = withQuery(objectPath(resource, ref, options.subresource), this.#writeQuery(options));
    const body = JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
    return await this.#json<T>('PUT', path, options, { body, idempotent: true });
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: Patch,
    options: WriteOptions,
  ): Promise<T> {
    const path = withQuery(objectPath(resource, ref, options.subresource), {
      ...this.#writeQuery(options),
      force: patch.type === 'apply' && patch.force === true ? true : undefined,
    });
    return await this.#json<T>('PATCH', path, options, {
      body: JSON.stringify(patch.type === 'apply' ? named(resource, ref, patch.body) : patch.body),
      contentType: PATCH_TYPES[patch.type],
      idempotent: patch.type !== 'json',
    });
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: options.preconditions,
      gracePeriodSeconds: options.gracePeriodSeconds,
      propagationPolicy: options.propagationPolicy,
      dryRun: options.dryRun === true ? ['All'] : undefined,
    });
    await this.#json<unknown>('DELETE', objectPath(resource, ref), options, { body, idempotent: true });
  }

  async watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): Promise<AsyncIterable<WatchEvent<T>>> {
    const path = withQuery(collectionPath(resource, options.namespace), {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    });
    const pieces = await this.#transport.stream({
      method: 'GET',
      path,
      deadlineMs: WATCH_OPEN_DEADLINE_MS,
      signal: options.signal,
      onWarning: this.#warner('GET', path, options.onWarning),
    });
    return watchEvents<T>(pieces, { method: 'GET', path });
  }

  async raw(request: RawRequest): Promise<unknown> {
    const text = await this.#text(request.method, request.path, request, {
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(request.contentType === undefined ? {} : { contentType: request.contentType }),
      idempotent: request.method !== 'POST' && request.method !== 'PATCH',
      headers: { accept: '*/*' },
    });
    return text.startsWith('{') || text.startsWith('[') ? parse(text, request.method, request.path) : text;
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  #namespaceFor(resource: Resource, namespace: string | undefined): string | undefined {
    if (!resource.namespaced) return undefined;
    if (namespace === undefined || namespace === '')
      throw new Error(`a ${resource.kind} is created without a namespace`);
    return namespace;
  }

  #writeQuery(options: WriteOptions): Query {
    return {
      fieldManager: options.fieldManager ?? this.#options.fieldManager,
      fieldValidation: options.fieldValidation ?? 'Strict',
      dryRun: options.dryRun === true ? 'All' : undefined,
    };
  }

  #warner(method: string, path: string, own: CallOptions['onWarning']): (text: string) => void {
    return (text) => {
      this.#options.onWarning?.({ text, method, path });
      own?.({ text, method, path });
    };
  }

  async #json<R>(method: TransportRequest['method'], path: string, options: CallOptions, how: How): Promise<R> {
    return parse(await this.#text(method, path, options, how), method, path) as R;
  }

  async #text(method: TransportRequest['method'], path: string, options: CallOptions, how: How): Promise<string> {
    return await this.#transport.call({
      method,
      path,
      headers: { ...(how.body === undefined ? {} : { 'content-type': how.contentType ?? JSON_TYPE }), ...how.headers },
      ...(how.body === undefined ? {} : { body: how.body }),
      idempotent: how.idempotent,
      retry: options.retry ?? true,
      deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
      signal: options.signal,
      onWarning: this.#warner(method, path, options.onWarning),
    });
  }
}

function isObject(item: KubeObject | null): boolean {
  return item?.metadata?.name !== undefined;
}

/** The identity that server-side apply wants in the body although the path says it. */
function named(resource: Resource, ref: ObjectRef, body: ApplyBody): ApplyBody {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...body,
    metadata: { ...body.metadata, name: ref.name, ...(resource.namespaced ? { namespace: ref.namespace } : {}) },
  };
}

interface How {
  readonly body?: string;
  readonly contentType?: string;
  readonly idempotent: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

function parse(text: string, method: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TransportError({ method, path }, 'answer', `the answer is not JSON: ${text.slice(0, 100)}`, error);
  }
}
