import type { LabelSelector } from '../../api/kubernetes.ts';
import { ApiError, type Client, type PodMonitor, podMonitors } from '../../kube/index.ts';
import type { Clock, Logger, ManagedTask } from '../../runtime/index.ts';

/** A PodMonitor that came a minute ago loses sight of a pod that is being drained: not worth a watch. */
const REREAD_MS = 60_000;

export interface PodMonitorsOptions {
  readonly client: Pick<Client, 'list'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Which labels PodMonitors (monitoring.coreos.com) look at; nothing where the Prometheus operator is not installed. */
export interface PodMonitors extends ManagedTask {
  /** The selectors that look at pods of the namespace. */
  selectorsIn(namespace: string): readonly { readonly selector: LabelSelector; readonly name: string }[];
}

/** Reads all PodMonitors once a minute; an informer would wait for ever for a kind that is not installed. */
export function createPodMonitors({ client, clock, log }: PodMonitorsOptions): PodMonitors {
  let known: readonly PodMonitor[] = [];
  let trouble = '';
  const read = async (signal: AbortSignal): Promise<void> => {
    try {
      known = (await client.list(podMonitors, { signal })).items;
      trouble = '';
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.code === 404) {
        known = [];
        return;
      }
      const said = error instanceof Error ? error.message : String(error);
      if (said !== trouble)
        log.warn('PodMonitors cannot be read: isolation does not spare their labels', { err: error });
      trouble = said;
    }
  };
  return {
    name: 'pod-monitors',
    leaderOnly: true,
    async run(signal) {
      while (!signal.aborted) {
        await read(signal);
        await Promise.allSettled([clock.sleep(REREAD_MS, signal)]);
      }
    },
    selectorsIn(namespace) {
      return known.flatMap(({ metadata, spec }) => {
        const { any = false, matchNames = [metadata.namespace ?? ''] } = spec?.namespaceSelector ?? {};
        const selects = spec?.selector !== undefined && (any || matchNames.includes(namespace));
        return selects ? [{ selector: spec.selector, name: `${metadata.namespace}/${metadata.name}` }] : [];
      });
    },
  };
}
