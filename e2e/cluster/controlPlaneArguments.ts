import { join } from 'node:path';
import type { Credentials, TokenUser } from './credentials.ts';

/** Users of the control plane; nodes are added to them. */
export const controlPlaneUsers: readonly TokenUser[] = [
  { name: 'admin', groups: ['system:masters'] },
  { name: 'system:kube-controller-manager', groups: [] },
  { name: 'system:kube-scheduler', groups: [] },
  { name: 'system:kube-proxy', groups: [] },
];

/** Where the parts of one control plane listen. */
export interface ControlPlaneAddresses {
  /** API server. */
  address: string;
  port: number;
  etcdPort: number;
  etcdPeerPort: number;
}

/** Arguments of etcd. It listens on loopback of its own network namespace only. */
export function etcdArguments(folder: string, addresses: ControlPlaneAddresses): string[] {
  const client = etcdUrl(addresses);
  const peer = `http://127.0.0.1:${addresses.etcdPeerPort}`;
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // Nothing here outlives the machine, and the wait for the disk would be what is measured.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** Where the API server finds etcd. */
export function etcdUrl(addresses: ControlPlaneAddresses): string {
  return `http://127.0.0.1:${addresses.etcdPort}`;
}

/** Arguments of kube-apiserver: Node and RBAC authorisation, the default admission plugins. */
export function apiServerArguments(
  credentials: Credentials,
  addresses: ControlPlaneAddresses,
  options: { serviceCidr: string; extra: readonly string[] },
): string[] {
  return [
    `--etcd-servers=${etcdUrl(addresses)}`,
    `--bind-address=${addresses.address}`,
    `--advertise-address=${addresses.address}`,
    `--secure-port=${addresses.port}`,
    `--tls-cert-file=${credentials.servingCertFile}`,
    `--tls-private-key-file=${credentials.servingKeyFile}`,
    `--client-ca-file=${credentials.caFile}`,
    `--token-auth-file=${credentials.tokenFile}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--service-cluster-ip-range=${options.serviceCidr}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${credentials.serviceAccountPublicKeyFile}`,
    `--service-account-signing-key-file=${credentials.serviceAccountKeyFile}`,
    `--kubelet-client-certificate=${credentials.kubeletClientCertFile}`,
    `--kubelet-client-key=${credentials.kubeletClientKeyFile}`,
    // The default asks for host names first, which nothing here resolves: `kubectl logs` and `exec` need this.
    '--kubelet-preferred-address-types=InternalIP',
    '--allow-privileged=true',
    '--profiling=false',
    ...options.extra,
  ];
}

/** Arguments of kube-controller-manager. */
export function controllerManagerArguments(
  credentials: Credentials,
  kubeconfigFile: string,
  options: { bindAddress: string; port: number; extra: readonly string[] },
): string[] {
  return [
    `--kubeconfig=${kubeconfigFile}`,
    `--authentication-kubeconfig=${kubeconfigFile}`,
    `--authorization-kubeconfig=${kubeconfigFile}`,
    '--authentication-skip-lookup=true',
    '--use-service-account-credentials=true',
    `--root-ca-file=${credentials.caFile}`,
    `--service-account-private-key-file=${credentials.serviceAccountKeyFile}`,
    `--bind-address=${options.bindAddress}`,
    `--secure-port=${options.port}`,
    `--cert-dir=${join(credentials.folder, 'controller-manager')}`,
    '--leader-elect=false',
    // The default of 20 requests per second takes seconds to set its controllers up.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--profiling=false',
    ...options.extra,
  ];
}
