import type { FakeObject } from './fakeApiServer.ts';

interface Event {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: FakeObject;
}

export interface FakePage {
  readonly items: readonly FakeObject[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

/** Objects with etcd's rules: one counter for all writes, a history that can be compacted, lists that are snapshots. */
export class FakeHistory {
  /** High, so that a test can go back many times and never overtake what it has shown before. */
  #version = 1_000_000;
  #compacted = 0;
  #uids = 0;
  #snapshots = 0;
  readonly #objects = new Map<string, FakeObject>();
  #events: Event[] = [];
  readonly #tokens = new Map<string, { readonly items: readonly FakeObject[]; readonly version: number }>();
  readonly #listeners: ((line: string) => void)[] = [];

  onEvent(listener: (line: string) => void): void {
    this.#listeners.push(listener);
  }

  get version(): number {
    return this.#version;
  }

  /** What a cache must hold: version and uid by `namespace/name`. */
  versions(): Map<string, string> {
    return new Map(
      Array.from(this.#objects, ([key, { metadata }]) => [key, `${metadata.uid}@${metadata.resourceVersion}`]),
    );
  }

  /** Creates or changes. */
  put(name: string, value = ''): void {
    const old = this.#objects.get(`default/${name}`);
    const uid = old?.metadata.uid ?? `uid-${++this.#uids}`;
    this.#write(old === undefined ? 'ADDED' : 'MODIFIED', name, uid, value);
  }

  /** No effect where there is no such object. */
  delete(name: string): void {
    const old = this.#objects.get(`default/${name}`);
    if (old !== undefined) this.#write('DELETED', name, old.metadata.uid ?? '', '');
  }

  bookmark(): void {
    this.#send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } });
  }

  /** Forgets the history: watches from before now, and page tokens, are expired. */
  compact(): void {
    this.#compacted = this.#version;
    this.#events = [];
    this.#tokens.clear();
  }

  /** As an etcd restored from a backup: the objects stay as they are here, but the counter is behind again. */
  goBack(by: number): void {
    this.#version = this.#version - by;
    for (const [key, object] of this.#objects) {
      const resourceVersion = String(Math.min(Number(object.metadata.resourceVersion), this.#version));
      this.#objects.set(key, { ...object, metadata: { ...object.metadata, resourceVersion } });
    }
    this.#compacted = Math.min(this.#compacted, this.#version);
    this.#events = [];
    this.#tokens.clear();
  }

  page(limit: number, token: string | undefined): FakePage | 'expired' {
    const snapshot =
      token === undefined ? { items: [...this.#objects.values()], version: this.#version } : this.#tokens.get(token);
    if (snapshot === undefined) return 'expired';
    const items = limit === 0 ? snapshot.items : snapshot.items.slice(0, limit);
    const rest = snapshot.items.slice(items.length);
    let next: string | undefined;
    if (rest.length > 0) {
      next = `token-${++this.#snapshots}`;
      this.#tokens.set(next, { items: rest, version: snapshot.version });
    }
    return { items, resourceVersion: String(snapshot.version), next };
  }

  /** The lines that a watch from this version has to be sent first. */
  since(version: number): readonly string[] | 'expired' {
    if (version < this.#compacted) return 'expired';
    return this.#events.filter((event) => event.version > version).map(line);
  }

  #write(type: Event['type'], name: string, uid: string, value: string): void {
    const version = ++this.#version;
    const metadata = { namespace: 'default', name, uid, resourceVersion: String(version) };
    const object: FakeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } };
    if (type === 'DELETED') this.#objects.delete(`default/${name}`);
    else this.#objects.set(`default/${name}`, object);
    const event: Event = { version, type, object };
    this.#events.push(event);
    this.#send(event);
  }

  #send(event: { readonly type: string; readonly object: unknown }): void {
    for (const listener of this.#listeners) listener(line(event));
  }
}

function line({ type, object }: { readonly type: string; readonly object: unknown }): string {
  return `${JSON.stringify({ type, object })}\n`;
}
