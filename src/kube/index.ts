export { createClient } from './apiClient.ts';
export {
  type ApplyBody,
  type CallOptions,
  type Client,
  type ClientOf,
  type ClientOptions,
  type DeleteOptions,
  type GetOptions,
  type JsonPatchOperation,
  type ListOptions,
  type ListResult,
  type Page,
  type PageOptions,
  type Patch,
  type RawRequest,
  type Selection,
  type ServerWarning,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts';
export {
  type Connection,
  type Credentials,
  type KubeConfigSource,
  loadKubeConfig,
  type TlsMaterial,
} from './connection.ts';
export { checkDrift, type Drift, type DriftOptions } from './drift.ts';
export { ApiError, isConflict, isNotFound, type StatusCause, TransportError } from './errors.ts';
export {
  type Change,
  type ChangeHandler,
  createInformer,
  type Informer,
  type InformerNote,
  type InformerOptions,
  withoutManagedFields,
} from './informer.ts';
export * from './resources.ts';
export type { Indexer, ObjectVersion, Store } from './store.ts';
