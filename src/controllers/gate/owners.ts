import type { JudgedPod, OwnerFacts } from '../../gate/admit.ts';
import type { DrainState } from '../../gate/types.ts';
import { byController, deploymentOwner, type GateCaches, governing } from './caches.ts';

/** What the caches know of those that a pod belongs to, or belonged to before it was handed over. */
export function ownersOf(caches: GateCaches, pod: JudgedPod, state: DrainState | undefined): OwnerFacts {
  const { namespace = '' } = pod.metadata;
  const owner = deploymentOwner(pod, caches.replicaSets);
  const deployment = owner === undefined ? undefined : caches.deployments.get(namespace, owner.name);
  const governed = owner === undefined ? undefined : governing(caches.claims, namespace, owner.name);
  const set = state?.owner ?? pod.metadata.ownerReferences?.find(({ controller: is }) => is === true);
  const replicaSet = set?.kind === 'ReplicaSet' ? caches.replicaSets.get(namespace, set.name) : undefined;
  const facts: { -readonly [Key in keyof OwnerFacts]: OwnerFacts[Key] } = {};
  if (deployment !== undefined && deployment.metadata.uid === owner?.uid) {
    facts.deployment = {
      name: deployment.metadata.name ?? '',
      uid: deployment.metadata.uid ?? '',
      replicas: deployment.spec.replicas ?? 1,
      recreate: deployment.spec.strategy?.type === 'Recreate',
      deleting: deployment.metadata.deletionTimestamp !== undefined,
    };
  }
  if (replicaSet !== undefined && replicaSet.metadata.uid === set?.uid) {
    const { name = '', uid = '' } = replicaSet.metadata;
    const owned = caches.pods.byIndex(byController, uid);
    facts.replicaSet = {
      name,
      uid,
      replicas: replicaSet.replicas,
      owned: owned.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length,
    };
  }
  if (governed !== undefined) facts.settings = governed.settings;
  return facts;
}
