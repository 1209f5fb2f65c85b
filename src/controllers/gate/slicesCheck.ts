import type { PodView } from '../../gate/types.ts';
import { sliceViewOf } from '../../gate/views.ts';
import type { Client } from '../../kube/index.ts';
import { endpointSlices } from '../../kube/index.ts';
import { isOlderVersion } from '../../kube/versions.ts';
import { byPodUid, type GateCaches } from './caches.ts';

/**
 * Whether the cache still knows an EndpointSlice that lists the pod.
 * @param unlistedAt a version at which the API server itself listed none that does: a watch may be silent, and its cache behind
 */
export function listedInCache(caches: GateCaches, uid: string, unlistedAt = ''): boolean {
  const slices = caches.slices.byIndex(byPodUid, uid);
  return slices.some(({ metadata }) => !isOlderVersion(metadata.resourceVersion ?? '', unlistedAt));
}

/** Whether the cache knows an EndpointSlice by which proxies send to the pod: as ready, whatever the pod itself says. */
export function isListedReady(caches: Pick<GateCaches, 'slices'>, uid: string): boolean {
  const slices = caches.slices.byIndex(byPodUid, uid);
  return slices.some(({ endpoints }) => endpoints.some((endpoint) => endpoint.uid === uid && endpoint.ready));
}

/**
 * Asks the API server itself (a quorum read, no cache) whether any EndpointSlice of the namespace still lists the pod, by
 * its uid or by one of its addresses: slices that somebody keeps by hand may carry no reference to it.
 * @returns the names of the slices that do, and the version that they were read at
 */
export async function slicesThatList(
  client: Client,
  pod: PodView,
  signal: AbortSignal,
): Promise<{ readonly names: readonly string[]; readonly version: string }> {
  const { namespace = '', uid } = pod.metadata;
  const { items, resourceVersion: version } = await client.list(endpointSlices, { namespace, signal, limit: 0 });
  const addresses = new Set(pod.ips);
  const names = items
    .map((slice) => sliceViewOf(slice))
    .filter(({ endpoints }) =>
      endpoints.some(
        (endpoint) =>
          (endpoint.uid !== undefined && endpoint.uid === uid) ||
          (endpoint.uid === undefined && endpoint.addresses.some((address) => addresses.has(address))),
      ),
    )
    .map(({ metadata }) => metadata.name ?? '');
  return { names, version };
}
