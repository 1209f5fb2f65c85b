import { type Client, createClient, loadKubeConfig } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';

/** A client of the rig's own, an administrator's. */
export async function rigClient(cluster: Cluster, signal: AbortSignal): Promise<Client> {
  const connection = await loadKubeConfig({ path: cluster.kubeconfigPath }, signal);
  return createClient({ connection, userAgent: 'graceful-rollout-rig', fieldManager: 'graceful-rollout-rig' });
}
