import { DRAIN_ANNOTATION } from '../../api/index.ts';
import { matchesLabelSelector } from '../../api/labelSelector.ts';
import type { DrainState, PodView } from '../../gate/types.ts';
import { isOlderVersion } from '../../kube/versions.ts';
import { byNamespace, deploymentOwner, type GateCaches } from './caches.ts';
import type { GateMemory } from './memory.ts';

/**
 * The pods that are to be changed so that every budget counts again that lost the isolated pod with its label. The disruption
 * controller looks for the budgets of a changed pod by the labels that it has now (pkg/controller/disruption/disruption.go
 * updatePod): such a budget hears nothing of it, and its status allows one eviction too many until another of its pods changes.
 * One of the same Deployment is taken, rather one that is not in drain; none where another pod of the budget has changed since
 * `pod` did.
 */
export function podsToTouch(
  caches: GateCaches,
  memory: GateMemory,
  pod: PodView,
  { removedLabels }: DrainState,
): readonly PodView[] {
  const { namespace = '', labels = {}, resourceVersion = '' } = pod.metadata;
  const before = { ...removedLabels, ...labels };
  const lost = caches.budgets
    .byIndex(byNamespace, namespace)
    .filter(({ selector }) => matchesLabelSelector(selector, before) && !matchesLabelSelector(selector, labels));
  if (lost.length === 0) return [];
  const others = caches.pods.byIndex(byNamespace, namespace).map((other) => memory.newest(other));
  const deployment = deploymentOwner(pod, caches.replicaSets)?.uid;
  const chosen = lost.flatMap(({ selector }) => {
    const counted = others.filter(
      ({ metadata }) => metadata.labels !== undefined && matchesLabelSelector(selector, metadata.labels),
    );
    if (counted.some(({ metadata }) => isOlderVersion(resourceVersion, metadata.resourceVersion ?? ''))) return [];
    const siblings = counted.filter(
      (other) =>
        other.metadata.deletionTimestamp === undefined &&
        deploymentOwner(other, caches.replicaSets)?.uid === deployment,
    );
    return siblings.find(({ metadata }) => metadata.annotations?.[DRAIN_ANNOTATION] === undefined) ?? siblings[0] ?? [];
  });
  return [...new Set(chosen)];
}
