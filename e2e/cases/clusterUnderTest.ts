import { type Cluster, defaultProxyMode, ensureCluster } from '../cluster/index.ts';
import { type InstalledOperator, installOperator } from '../install/index.ts';
import { requireLoadProvider } from '../load/loadClient.ts';

/** Shown by vitest as the test's output: long steps say what they do. */
export const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * The cluster that the environment asks for (`KUBERNETES_VERSION`, `KUBE_PROXY_MODE`; `CLUSTER_NAME` for one beside another).
 * @throws PrerequisiteError where it would be one of kind
 */
export async function clusterUnderTest(): Promise<Cluster> {
  requireLoadProvider();
  const kubernetes = process.env['KUBERNETES_VERSION'] || undefined;
  const proxyMode = process.env['KUBE_PROXY_MODE'] === 'nftables' ? 'nftables' : defaultProxyMode;
  const name = process.env['CLUSTER_NAME'] || undefined;
  return ensureCluster({
    onProgress,
    proxyMode,
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(name === undefined ? {} : { name }),
  });
}

/** The same with the operator of this source installed by its chart. */
export async function operatorUnderTest(): Promise<{
  readonly cluster: Cluster;
  readonly operator: InstalledOperator;
}> {
  const cluster = await clusterUnderTest();
  return { cluster, operator: await installOperator(cluster, { onProgress }) };
}
