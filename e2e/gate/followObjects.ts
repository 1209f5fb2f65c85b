import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { ApiError, type Client, type Resource } from '../../src/kube/index.ts';

/** What changed, in the order of the API server. `gone`: the object as it was last. */
export interface Seen<T> {
  readonly object: T;
  readonly gone: boolean;
  readonly atMs: number;
}

/**
 * Lists and watches the objects of a namespace, and says each state of each: the tests' own eyes, apart from the
 * product's informer. Returns when the first list was told; goes on until the signal.
 * @returns rejects when the API server refuses; resolves when the signal is aborted.
 */
export async function followObjects<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  namespace: string,
  signal: AbortSignal,
  onSeen: (seen: Seen<T>) => void,
): Promise<{ readonly ended: Promise<void> }> {
  const known = new Map<string, T>();
  const tell = (object: T, gone: boolean): void => {
    const uid = object.metadata.uid ?? '';
    if (gone) known.delete(uid);
    else known.set(uid, object);
    onSeen({ object, gone, atMs: Date.now() });
  };
  const list = async (): Promise<string> => {
    const { items, resourceVersion } = await client.list(resource, { namespace, signal });
    const present = new Set(items.map((item) => item.metadata.uid));
    for (const [uid, object] of known) if (!present.has(uid)) tell(object, true);
    for (const item of items) {
      const before = known.get(item.metadata.uid ?? '');
      if (before?.metadata.resourceVersion !== item.metadata.resourceVersion) tell(item, false);
    }
    return resourceVersion;
  };
  let resourceVersion = await list();
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const events = await client.watch(resource, { namespace, resourceVersion, timeoutSeconds: 600, signal });
        for await (const event of events) {
          if (event.type === 'ADDED' || event.type === 'MODIFIED') tell(event.object, false);
          else if (event.type === 'DELETED') tell(event.object, true);
          else if (event.type === 'ERROR') throw event.error;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.code !== 410 && error.code < 500) throw error;
        await sleep(200, undefined, { signal }).catch(() => undefined);
      }
      if (!signal.aborted) resourceVersion = await list().catch(() => resourceVersion);
    }
  };
  const ended = follow();
  // Whoever does not await it sees a gap in what was told, not the end of the process.
  ended.catch(() => undefined);
  return { ended };
}
