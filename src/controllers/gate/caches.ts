import type { Claim } from '../../api/claim.ts';
import type { Deployment, KubeObject, LabelSelector, OwnerReference, Service } from '../../api/kubernetes.ts';
import { electRollout } from '../../contract/index.ts';
import { gateSettingsOf } from '../../gate/settings.ts';
import type { BudgetView, GateSettings, PodView, ReplicaSetView, SliceView } from '../../gate/types.ts';
import type { Store } from '../../kube/index.ts';

/** Index of pods and ReplicaSets by the uid of their controller owner. */
export const byController = 'byController';
/** Index of namespaced objects by their namespace. */
export const byNamespace = 'byNamespace';
/** Index of GracefulRollouts by `namespace/name` of the Deployment that they name. */
export const byTarget = 'byTarget';
/** Index of NetworkPolicies by labels of the pods of other namespaces that they select as peers. */
export const byPeerLabel = 'byPeerLabel';
/** Index of EndpointSlices by the uid of each pod they list. */
export const byPodUid = 'byPodUid';

/** A node, as far as the gate looks at it. */
export interface NodeView extends KubeObject {
  /** Cordoned, or tainted by what is about to take it away. */
  readonly unschedulable: boolean;
  readonly ready: boolean;
  readonly addresses: readonly string[];
}

/** A NetworkPolicy, as far as the gate looks at it. */
export interface PolicyView extends KubeObject {
  /** Whom it is for, and its peers in its own namespace. */
  readonly selectors: readonly LabelSelector[];
  /** Its peers in namespaces that it selects, its own maybe among them. */
  readonly peers: readonly { readonly namespaces: LabelSelector; readonly pods: LabelSelector }[];
}

/** An Ingress, as far as the gate looks at it. */
export interface IngressView extends KubeObject {
  /** Names of the Services it sends to. */
  readonly services: readonly string[];
}

/** What the gate reads the cluster from. */
export interface GateCaches {
  readonly claims: Store<Claim>;
  readonly deployments: Store<Deployment>;
  readonly services: Store<Service>;
  readonly pods: Store<PodView>;
  readonly replicaSets: Store<ReplicaSetView>;
  readonly slices: Store<SliceView>;
  readonly budgets: Store<BudgetView>;
  readonly nodes: Store<NodeView>;
  readonly policies: Store<PolicyView>;
  readonly ingresses: Store<IngressView>;
}

/** The controller owner of an object, if any. */
export function controllerOwner(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** For the index {@link byController}. */
export function controllerUid(object: KubeObject): readonly string[] {
  const owner = controllerOwner(object);
  return owner === undefined ? [] : [owner.uid];
}

/** The Deployment that a pod belongs to: through its ReplicaSet, or directly once it was handed over. */
export function deploymentOwner(
  pod: KubeObject,
  replicaSets: Store<ReplicaSetView>,
): Pick<OwnerReference, 'name' | 'uid'> | undefined {
  const owner = controllerOwner(pod);
  if (owner?.kind === 'Deployment') return owner;
  if (owner?.kind !== 'ReplicaSet') return undefined;
  const replicaSet = replicaSets.get(pod.metadata.namespace, owner.name);
  if (replicaSet === undefined || replicaSet.metadata.uid !== owner.uid) return undefined;
  const above = controllerOwner(replicaSet);
  return above?.kind === 'Deployment' ? above : undefined;
}

/** The GracefulRollout that governs a Deployment, and what it asks of the gate; undefined: none does. */
export function governing(
  claims: Store<Claim>,
  namespace: string,
  deployment: string,
): { readonly claim: Claim; readonly settings: GateSettings } | undefined {
  const candidates = claims
    .byIndex(byTarget, `${namespace}/${deployment}`)
    .filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec !== undefined);
  const claim = electRollout(candidates).winner;
  if (claim?.spec === undefined) return undefined;
  return { claim, settings: gateSettingsOf(claim.spec) };
}
