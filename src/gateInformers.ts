import type { KubeObject } from './api/kubernetes.ts';
import {
  byController,
  byNamespace,
  byPeerLabel,
  byPodUid,
  controllerUid,
  type IngressView,
  type NodeView,
  type PolicyView,
} from './controllers/gate/caches.ts';
import { ingressViewOf, nodeViewOf, policyViewOf } from './controllers/gate/clusterViews.ts';
import { peerLabelsOf } from './controllers/gate/selectedOn.ts';
import type { BudgetView, PodView, ReplicaSetView, SliceView } from './gate/types.ts';
import { budgetViewOf, podViewOf, replicaSetViewOf, sliceViewOf } from './gate/views.ts';
import {
  type Client,
  createInformer,
  type EndpointSlice,
  endpointSlices,
  type InformerNote,
  type Ingress,
  ingresses,
  type NetworkPolicy,
  type Node,
  networkPolicies,
  nodes,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  type ReplicaSet,
  replicaSets,
} from './kube/index.ts';

/** The informers of the gate alone; each keeps of its objects what the gate reads. */
export function createGateInformers(client: Client, onNote: (resource: string) => (note: InformerNote) => void) {
  const indexers = { [byNamespace]: namespaceOf };
  return {
    pods: createInformer<Pod, PodView>({
      client,
      resource: pods,
      project: podViewOf,
      indexers: { ...indexers, [byController]: controllerUid },
      onNote: onNote('pods'),
    }),
    replicaSets: createInformer<ReplicaSet, ReplicaSetView>({
      client,
      resource: replicaSets,
      project: replicaSetViewOf,
      indexers: { [byController]: controllerUid },
      onNote: onNote('replicasets'),
    }),
    slices: createInformer<EndpointSlice, SliceView>({
      client,
      resource: endpointSlices,
      project: sliceViewOf,
      indexers: {
        ...indexers,
        [byPodUid]: ({ endpoints }) => [...new Set(endpoints.flatMap(({ uid }) => (uid === undefined ? [] : [uid])))],
      },
      onNote: onNote('endpointslices'),
    }),
    budgets: createInformer<PodDisruptionBudget, BudgetView>({
      client,
      resource: podDisruptionBudgets,
      project: budgetViewOf,
      indexers,
      onNote: onNote('poddisruptionbudgets'),
    }),
    nodes: createInformer<Node, NodeView>({
      client,
      resource: nodes,
      project: nodeViewOf,
      onNote: onNote('nodes'),
    }),
    policies: createInformer<NetworkPolicy, PolicyView>({
      client,
      resource: networkPolicies,
      project: policyViewOf,
      indexers: { ...indexers, [byPeerLabel]: peerLabelsOf },
      onNote: onNote('networkpolicies'),
    }),
    ingresses: createInformer<Ingress, IngressView>({
      client,
      resource: ingresses,
      project: ingressViewOf,
      indexers,
      onNote: onNote('ingresses'),
    }),
  };
}

function namespaceOf(object: KubeObject): readonly string[] {
  return [object.metadata.namespace ?? ''];
}
