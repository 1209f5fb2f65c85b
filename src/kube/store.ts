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

export interface ObjectVersion {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** One object with the identity it had on the server, whatever its projection keeps. */
export interface Entry<T> extends ObjectVersion {
  /** `namespace/name`. */
  readonly key: string;
  readonly object: T;
}

/** Only `new`: appeared. Both: changed. Only `old`: gone. */
export interface StoreChange<T> {
  readonly key: string;
  readonly old?: T;
  readonly new?: T;
}

type Index = Map<string, Set<string>>;

/**
 * The cache behind an informer. Every method is one synchronous swap, so a reader sees the state before or after it and
 * nothing between. Identity is the uid, not the name: an object that was deleted and made again is two changes.
 */
export class ObjectStore<T extends KubeObject> implements Store<T> {
  readonly #indexers: ReadonlyMap<string, Indexer<T>>;
  #entries = new Map<string, Entry<T>>();
  #indexes: Map<string, Index>;

  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}) {
    this.#indexers = new Map(Object.entries(indexers));
    this.#indexes = this.#emptyIndexes();
  }

  get size(): number {
    return this.#entries.size;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    const key = namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
    return this.#entries.get(key)?.object;
  }

  list(): readonly T[] {
    return Array.from(this.#entries.values(), (entry) => entry.object);
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) {
      throw new Error(`no index "${index}"; there are: ${[...this.#indexers.keys()].join(', ') || 'none'}`);
    }
    const objects: T[] = [];
    for (const key of found.get(value) ?? []) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) objects.push(entry.object);
    }
    return objects;
  }

  /** Identity and version of everything, for a comparison with the server. */
  versions(): ReadonlyMap<string, ObjectVersion> {
    return this.#entries;
  }

  /**
   * The store becomes exactly `entries`. Returns what that changed: deletions first, then in the order given. With
   * `distrust`, equal versions do not prove equal objects (the server's history was rewritten) and count as changes.
   */
  replace(entries: readonly Entry<T>[], distrust = false): readonly StoreChange<T>[] {
    const before = this.#entries;
    // What did not change stays the very object that handlers know.
    const isKept = (old: Entry<T>, entry: Entry<T>): boolean =>
      !distrust && old.uid === entry.uid && old.resourceVersion === entry.resourceVersion;
    const after = new Map<string, Entry<T>>();
    for (const entry of entries) {
      const old = before.get(entry.key);
      after.set(entry.key, old !== undefined && isKept(old, entry) ? old : entry);
    }
    const indexes = this.#emptyIndexes();
    for (const entry of after.values()) this.#file(indexes, entry);
    this.#entries = after;
    this.#indexes = indexes;
    const gone = [...before.values()].filter((old) => after.get(old.key)?.uid !== old.uid).map(deletion);
    const come = [...after.values()].flatMap((entry) => {
      const old = before.get(entry.key);
      if (old === undefined || old.uid !== entry.uid) return [addition(entry)];
      return old === entry ? [] : [change(old, entry)];
    });
    return [...gone, ...come];
  }

  /** An object as it is now. Nothing changes when the store has this very version already. */
  upsert(entry: Entry<T>): readonly StoreChange<T>[] {
    const old = this.#entries.get(entry.key);
    if (old?.uid === entry.uid && old.resourceVersion === entry.resourceVersion) return [];
    if (old !== undefined) this.#unfile(old);
    this.#entries.set(entry.key, entry);
    this.#file(this.#indexes, entry);
    if (old === undefined) return [addition(entry)];
    return old.uid === entry.uid ? [change(old, entry)] : [deletion(old), addition(entry)];
  }

  /** An object is gone. A later one under the same name, with another uid, stays. */
  remove(key: string, uid: string): readonly StoreChange<T>[] {
    const old = this.#entries.get(key);
    if (old === undefined || old.uid !== uid) return [];
    this.#unfile(old);
    this.#entries.delete(key);
    return [deletion(old)];
  }

  #emptyIndexes(): Map<string, Index> {
    return new Map(Array.from(this.#indexers.keys(), (name): [string, Index] => [name, new Map()]));
  }

  #file(indexes: Map<string, Index>, entry: Entry<T>): void {
    for (const [name, indexer] of this.#indexers) {
      const index = indexes.get(name);
      for (const value of index === undefined ? [] : indexer(entry.object)) {
        const keys = index?.get(value);
        if (keys === undefined) index?.set(value, new Set([entry.key]));
        else keys.add(entry.key);
      }
    }
  }

  #unfile(entry: Entry<T>): void {
    for (const [name, indexer] of this.#indexers) {
      const index = this.#indexes.get(name);
      for (const value of indexer(entry.object)) {
        const keys = index?.get(value);
        keys?.delete(entry.key);
        if (keys?.size === 0) index?.delete(value);
      }
    }
  }
}

function addition<T>(entry: Entry<T>): StoreChange<T> {
  return { key: entry.key, new: entry.object };
}

function change<T>(old: Entry<T>, entry: Entry<T>): StoreChange<T> {
  return { key: entry.key, old: old.object, new: entry.object };
}

function deletion<T>(old: Entry<T>): StoreChange<T> {
  return { key: old.key, old: old.object };
}
