import { type Client, type EndpointSlice, endpointSlices } from '../../src/kube/index.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The fewest ready endpoints that each Service had, over every state of its EndpointSlices that was noted. */
export class ReadyMinimum {
  readonly #slices = new Map<string, { readonly service: string; readonly ready: number }>();
  readonly #minimum = new Map<string, number>();

  /** A slice as it is now. */
  note({ metadata, endpoints = [] }: EndpointSlice): void {
    const service = metadata.labels?.[SERVICE_LABEL];
    if (service === undefined) return;
    // No condition means ready: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
    const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
    this.#slices.set(metadata.name ?? '', { service, ready });
    this.#count(service);
  }

  /** A slice that is gone. */
  drop({ metadata }: EndpointSlice): void {
    const known = this.#slices.get(metadata.name ?? '');
    if (known === undefined) return;
    this.#slices.delete(metadata.name ?? '');
    this.#count(known.service);
  }

  /** 0 for a Service of which nothing is known. */
  of(service: string): number {
    return this.#minimum.get(service) ?? 0;
  }

  #count(service: string): void {
    let ready = 0;
    for (const slice of this.#slices.values()) if (slice.service === service) ready += slice.ready;
    this.#minimum.set(service, Math.min(ready, this.#minimum.get(service) ?? ready));
  }
}

/**
 * Follows the EndpointSlices of a namespace until the signal. A watch, not a poll: no state goes unseen.
 * @returns the fewest ready endpoints of a Service since then; 0 as well where the watch broke, so that a gap excuses nothing
 */
export async function watchReadyEndpoints(
  client: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<(service: string) => number> {
  const minimum = new ReadyMinimum();
  const { items, resourceVersion } = await client.list(endpointSlices, { namespace, signal });
  for (const slice of items) minimum.note(slice);
  const events = await client.watch(endpointSlices, { namespace, resourceVersion, timeoutSeconds: 3600, signal });
  let broken = false;
  const follow = async (): Promise<void> => {
    for await (const event of events) {
      if (event.type === 'ADDED' || event.type === 'MODIFIED') minimum.note(event.object);
      else if (event.type === 'DELETED') minimum.drop(event.object);
    }
    broken = true;
  };
  follow().catch(() => {
    broken = true;
  });
  return (service) => (broken ? 0 : minimum.of(service));
}
