import type { PodView } from '../../gate/types.ts';
import { sliceViewOf } from '../../gate/views.ts';
import type { Client } from '../../kube/index.ts';
import { endpointSlices } from '../../kube/index.ts';
import { byPodUid, type GateCaches } from './caches.ts';

/** Whether the cache still knows an EndpointSlice that lists the pod. */
export function listedInCache(caches: GateCaches, uid: string): boolean {
  return caches.slices.byIndex(byPodUid, uid).length > 0;
}

/** Whether the cache knows an EndpointSlice by which proxies send to the pod: as ready, whatever the pod itself says. */
export function isListedReady(caches: Pick<GateCaches, 'slices'>, uid: string): boolean {
  const slices = caches.slices.byIndex(byPodUid, uid);
  return slices.some(({ endpoints }) => endpoints.some((endpoint) => endpoint.uid === uid && endpoint.ready));
}

/**
 * Asks the API server itself (a quorum read, no cache) whether any EndpointSlice of the namespace still lists the pod, by
 * its uid or by one of its addresses: slices that somebody keeps by hand may carry no reference to it.
 * @returns the names of the slices that do
 */
export async function slicesThatList(client: Client, pod: PodView, signal: AbortSignal): Promise<readonly string[]> {
  const { namespace = '', uid } = pod.metadata;
  const { items } = await client.list(endpointSlices, { namespace, signal, limit: 0 });
  const addresses = new Set(pod.ips);
  return items
    .map((slice) => sliceViewOf(slice))
    .filter(({ endpoints }) =>
      endpoints.some(
        (endpoint) =>
          (endpoint.uid !== undefined && endpoint.uid === uid) ||
          (endpoint.uid === undefined && endpoint.addresses.some((address) => addresses.has(address))),
      ),
    )
    .map(({ metadata }) => metadata.name ?? '');
}
