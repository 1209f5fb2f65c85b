import type { KubeObject } from '../api/kubernetes.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { Client } from './client.ts';
import type { Informer } from './informer.ts';
import { keyOf } from './resources.ts';
import type { ObjectVersion } from './store.ts';

/** Keys that differ between cache and server and stayed so. All three lists are empty when all is well. */
export interface Drift {
  /** On the server, not in the cache. */
  readonly missing: readonly string[];
  /** In the cache, not on the server. */
  readonly extra: readonly string[];
  /** In both, but not the same version of the same object. */
  readonly stale: readonly string[];
  /** Objects on the server. */
  readonly compared: number;
}

export interface DriftOptions {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** How long a difference must last to count: a cache is always a little behind. Default 5,000. */
  readonly settleMs?: number;
}

type Versions = ReadonlyMap<string, ObjectVersion>;

/** One look at cache and server, as near to each other in time as can be. */
export interface DriftLook {
  readonly cache: Versions;
  readonly server: Versions;
}

/**
 * Compares an informer's cache with a fresh metadata-only list. A difference counts when it is there twice,
 * `settleMs` apart, and neither side moved in between: then it is not the ordinary delay of a watch. Rejects when the
 * server cannot be asked.
 */
export async function checkDrift(informer: Informer<KubeObject>, options: DriftOptions): Promise<Drift> {
  const { signal, settleMs = 5_000, clock = systemClock } = options;
  const first = await look(informer, options);
  if (differing(first).length === 0) return drift([], first);
  await clock.sleep(settleMs, signal);
  const second = await look(informer, options);
  return drift(lastingDifferences(first, second), second);
}

/** Keys that differ in both looks although neither cache nor server changed them in between. */
export function lastingDifferences(first: DriftLook, second: DriftLook): readonly string[] {
  const before = new Set(differing(first));
  return differing(second).filter(
    (key) =>
      before.has(key) &&
      same(first.cache.get(key), second.cache.get(key)) &&
      same(first.server.get(key), second.server.get(key)),
  );
}

async function look(informer: Informer<KubeObject>, { client, signal }: DriftOptions): Promise<DriftLook> {
  const list = await client.list(informer.resource, { ...informer.selection, metadataOnly: true, signal });
  const server = new Map(
    list.items.map(({ metadata }): [string, ObjectVersion] => [
      keyOf({
        name: metadata.name ?? '',
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      }),
      { uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' },
    ]),
  );
  return { cache: new Map(informer.versions()), server };
}

function differing({ cache, server }: DriftLook): readonly string[] {
  return [...new Set([...cache.keys(), ...server.keys()])].filter((key) => !same(cache.get(key), server.get(key)));
}

function same(a: ObjectVersion | undefined, b: ObjectVersion | undefined): boolean {
  return a?.uid === b?.uid && a?.resourceVersion === b?.resourceVersion;
}

function drift(keys: readonly string[], { cache, server }: DriftLook): Drift {
  return {
    missing: keys.filter((key) => !cache.has(key)),
    extra: keys.filter((key) => !server.has(key)),
    stale: keys.filter((key) => cache.has(key) && server.has(key)),
    compared: server.size,
  };
}
