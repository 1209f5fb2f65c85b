import type { LabelSelector } from '../../api/kubernetes.ts';
import { podMonitors } from '../../kube/index.ts';
import type { ManagedTask } from '../../runtime/index.ts';
import { type OptionalKindOptions, readOptionalKind } from './optionalKind.ts';

/** Which labels PodMonitors (monitoring.coreos.com) look at; nothing where the Prometheus operator is not installed. */
export interface PodMonitors extends ManagedTask {
  /** The selectors that look at pods of the namespace. */
  selectorsIn(namespace: string): readonly { readonly selector: LabelSelector; readonly name: string }[];
}

/** One that came a minute ago loses sight of a pod that is being drained. */
export function createPodMonitors(options: OptionalKindOptions): PodMonitors {
  const lacking = 'isolation does not spare their labels';
  const kind = readOptionalKind(podMonitors, { name: 'pod-monitors', keep: (monitor) => monitor, lacking }, options);
  return {
    name: kind.name,
    leaderOnly: true,
    run: (signal) => kind.run(signal),
    selectorsIn(namespace) {
      return kind.known.flatMap(({ metadata, spec }) => {
        const { any = false, matchNames = [metadata.namespace ?? ''] } = spec?.namespaceSelector ?? {};
        const selects = spec?.selector !== undefined && (any || matchNames.includes(namespace));
        return selects ? [{ selector: spec.selector, name: `${metadata.namespace}/${metadata.name}` }] : [];
      });
    },
  };
}
