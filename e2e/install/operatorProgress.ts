import type { Cluster, CommandOptions } from '../cluster/index.ts';

/** The members of a Deployment that tell how far its rollout is. */
export interface RolloutState {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** How far the operator's own rollout is: done when only new pods are left and all are available. */
export function describeRollout({ metadata, spec, status = {} }: RolloutState): { done: boolean; text: string } {
  if ((status.observedGeneration ?? 0) < metadata.generation)
    return { done: false, text: 'waiting for the Deployment' };
  const wanted = spec.replicas;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const old = replicas - updatedReplicas;
  const failure = status.conditions?.find((each) => each.type === 'ReplicaFailure' && each.status === 'True');
  const done = updatedReplicas === wanted && availableReplicas === wanted && old === 0;
  const words = [
    `${Math.min(availableReplicas, wanted)} of ${wanted} replicas of the operator are ready`,
    ...(old > 0 ? [`${old} of the version before ${old === 1 ? 'is' : 'are'} left`] : []),
    ...(failure?.message === undefined ? [] : [failure.message]),
  ];
  return { done, text: words.join(', ') };
}

/** {@link describeRollout} of a Deployment in the cluster. */
export async function operatorProgress(
  cluster: Cluster,
  namespace: string,
  name: string,
  options: CommandOptions = {},
): Promise<{ done: boolean; text: string }> {
  const args = ['get', 'deployment', name, `--namespace=${namespace}`, '--output=json'];
  const { stdout } = await cluster.kubectl(args, { ...options, check: true });
  return describeRollout(JSON.parse(stdout) as RolloutState);
}
