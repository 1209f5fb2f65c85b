import type { KubeObject } from '../api/kubernetes.ts';

/** The values under which an index files an object; none, one or many. */
export type Indexer<T> = (object: T) => readonly string[];

/** A read-only view of the cache. Objects are shared: never change them. */
export interface Store<T extends KubeObject> {
  /** `namespace` is undefined for objects without one. */
  get(namespace: string | undefined, name: string): T | undefined;
  list(): readonly T[];
  /** Objects that the named index files under `value`; throws on an index that was never defined. */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}
