import type { Claim } from '../../api/claim.ts';
import type { Deployment, Service } from '../../api/kubernetes.ts';
import type { ObjectRef, Store } from '../../kube/index.ts';
import type { Snapshot } from './decide.ts';

/** Index of GracefulRollouts by `namespace/name` of the Deployment that they name. */
export const byTarget = 'byTarget';
/** Index of namespaced objects by their namespace. */
export const byNamespace = 'byNamespace';

export interface Caches {
  readonly claims: Store<Claim>;
  readonly deployments: Store<Deployment>;
  readonly services: Store<Service>;
}

/** What the caches say about one GracefulRollout now; `undefined` when it is gone. */
export function observe(caches: Caches, ref: ObjectRef, nowMs: number): Snapshot | undefined {
  const rollout = caches.claims.get(ref.namespace, ref.name);
  if (rollout === undefined || rollout.metadata.deletionTimestamp !== undefined) return undefined;
  const namespace = ref.namespace ?? '';
  const target = rollout.targetName;
  const deployment = target === undefined ? undefined : caches.deployments.get(namespace, target);
  return {
    rollout,
    claimants: target === undefined ? [rollout] : caches.claims.byIndex(byTarget, `${namespace}/${target}`),
    ...(deployment === undefined ? {} : { deployment }),
    services: caches.services.byIndex(byNamespace, namespace),
    nowMs,
  };
}
