import type { ProxyMode } from './cluster.ts';

/** Pods and Services of a kind cluster. */
export const kindPodCidr = '10.244.0.0/16';
/** See {@link kindPodCidr}. */
export const kindServiceCidr = '10.96.0.0/16';

/** kind's cluster configuration: the same kubelet setting for tests that kill containers as the local provider has. */
export function kindConfiguration(options: { nodes: number; proxyMode: ProxyMode }): string {
  const kubelet = [
    'kind: KubeletConfiguration',
    'apiVersion: kubelet.config.k8s.io/v1beta1',
    'crashLoopBackOff:',
    '  maxContainerRestartPeriod: 1s',
    'featureGates:',
    '  KubeletCrashLoopBackOffMax: true',
    '',
  ].join('\n');
  return `${JSON.stringify(
    {
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      networking: { kubeProxyMode: options.proxyMode, podSubnet: kindPodCidr, serviceSubnet: kindServiceCidr },
      nodes: [{ role: 'control-plane' }, ...Array.from({ length: options.nodes }, () => ({ role: 'worker' }))],
      kubeadmConfigPatches: [kubelet],
    },
    undefined,
    2,
  )}\n`;
}

/** Arguments of `kind create cluster`; the configuration comes by standard input. */
export function kindCreateArguments(name: string, kubernetes: string, kubeconfig: string): string[] {
  return [
    'create',
    'cluster',
    `--name=${name}`,
    `--image=kindest/node:v${kubernetes}`,
    `--kubeconfig=${kubeconfig}`,
    '--config=-',
    '--wait=180s',
  ];
}
