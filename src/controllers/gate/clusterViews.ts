import type { KubeObject, LabelSelector, ObjectMeta } from '../../api/kubernetes.ts';
import type { Ingress, NetworkPolicy, Node } from '../../kube/index.ts';
import type { IngressView, NodeView, PolicyView } from './caches.ts';

/** Projection for the cache: what the gate does not look at is not kept in memory. */
export function nodeViewOf({ metadata, spec, status }: Node): NodeView {
  return {
    metadata: identityOf(metadata),
    unschedulable: spec?.unschedulable === true || spec?.taints?.some(isLeaving) === true,
    ready: status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true,
    addresses: (status?.addresses ?? []).flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : [])),
  };
}

/** As {@link nodeViewOf}. A peer without a `podSelector` looks at no label of a pod. */
export function policyViewOf({ metadata, spec }: NetworkPolicy): PolicyView {
  const peers = [
    ...(spec?.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(spec?.egress ?? []).flatMap(({ to = [] }) => to),
  ];
  const selectors: readonly (LabelSelector | undefined)[] = [
    spec?.podSelector,
    ...peers.map(({ podSelector, namespaceSelector }) => (namespaceSelector === undefined ? podSelector : undefined)),
  ];
  return {
    metadata: identityOf(metadata),
    selectors: selectors.filter((selector) => selector !== undefined),
    peers: peers.flatMap(({ namespaceSelector: namespaces, podSelector: pods }) =>
      namespaces === undefined || pods === undefined ? [] : { namespaces, pods },
    ),
  };
}

/** As {@link nodeViewOf}. */
export function ingressViewOf({ metadata, spec }: Ingress): IngressView {
  const backends = [
    spec?.defaultBackend,
    ...(spec?.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend)),
  ];
  const services = backends.flatMap((backend) => (backend?.service === undefined ? [] : [backend.service.name]));
  return { metadata: identityOf(metadata), services: [...new Set(services)] };
}

function identityOf({ namespace, name, uid, resourceVersion }: ObjectMeta): KubeObject['metadata'] {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/**
 * Taints of a node that is about to be taken away: by the cluster autoscaler (its DeletionCandidateOfClusterAutoscaler is only a
 * candidate's), by Karpenter (karpenter.sh/disruption before v1), or cordoned.
 */
const leavingTaints = [
  'ToBeDeletedByClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'node.kubernetes.io/unschedulable',
];

function isLeaving({ key, effect }: { readonly key: string; readonly effect: string }): boolean {
  return leavingTaints.includes(key) && effect !== 'PreferNoSchedule';
}
