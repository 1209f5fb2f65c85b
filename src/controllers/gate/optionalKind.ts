import type { KubeObject } from '../../api/kubernetes.ts';
import { ApiError, type Client, type Resource } from '../../kube/index.ts';
import type { Clock, Logger, ManagedTask } from '../../runtime/index.ts';

/** What an object that came a minute ago would change is of little weight: not worth a watch. */
const REREAD_MS = 60_000;

export interface OptionalKindOptions {
  readonly client: Pick<Client, 'list'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Objects of a kind that may not be installed. */
export interface OptionalKind<V> extends ManagedTask {
  /** What of each was kept when they were read last; nothing where the kind is not installed. */
  readonly known: readonly V[];
  /** They were read once, or the kind is not installed. */
  readonly wasRead: boolean;
}

/**
 * Reads all objects of a kind once a minute; an informer would wait for ever for a kind that is not installed.
 * @param keep what is kept of one
 * @param lacking what is missed where they cannot be read
 */
export function readOptionalKind<T extends KubeObject, V>(
  resource: Resource<T>,
  { name, keep, lacking }: { readonly name: string; readonly keep: (object: T) => V; readonly lacking: string },
  { client, clock, log }: OptionalKindOptions,
): OptionalKind<V> {
  let known: readonly V[] = [];
  let wasRead = false;
  let trouble = '';
  const read = async (signal: AbortSignal): Promise<void> => {
    try {
      const { items } = await client.list(resource, { signal });
      known = items.map(keep);
      wasRead = true;
      trouble = '';
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.code === 404) {
        known = [];
        wasRead = true;
        return;
      }
      const said = error instanceof Error ? error.message : String(error);
      if (said !== trouble) log.warn(`objects of kind ${resource.kind} cannot be read: ${lacking}`, { err: error });
      trouble = said;
    }
  };
  return {
    name,
    leaderOnly: true,
    async run(signal) {
      while (!signal.aborted) {
        await read(signal);
        await Promise.allSettled([clock.sleep(REREAD_MS, signal)]);
      }
    },
    get known() {
      return known;
    },
    get wasRead() {
      return wasRead;
    },
  };
}
