import { type Cluster, ensureCluster } from '../cluster/index.ts';
import { type InstalledOperator, installOperator } from '../install/index.ts';

/** Shown by vitest as the test's output: long steps say what they do. */
export const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);

/** The cluster that the environment asks for (`KUBERNETES_VERSION`, `KUBE_PROXY_MODE`). */
export async function clusterUnderTest(): Promise<Cluster> {
  const kubernetes = process.env['KUBERNETES_VERSION'] || undefined;
  const proxyMode = process.env['KUBE_PROXY_MODE'] === 'iptables' ? 'iptables' : 'nftables';
  return ensureCluster({ onProgress, proxyMode, ...(kubernetes === undefined ? {} : { kubernetes }) });
}

/** The same with the operator of this source installed by its chart. */
export async function operatorUnderTest(): Promise<{
  readonly cluster: Cluster;
  readonly operator: InstalledOperator;
}> {
  const cluster = await clusterUnderTest();
  return { cluster, operator: await installOperator(cluster, { onProgress }) };
}
