import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AddressPlan } from './addressPlan.ts';
import { waitForApiServer } from './apiServerReady.ts';
import type { ClusterPaths, ClusterState } from './clusterState.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  controlPlaneUsers,
  etcdArguments,
} from './controlPlaneArguments.ts';
import { type Credentials, createCredentials, kubeconfig } from './credentials.ts';
import { assertDaemon, startDaemon } from './daemons.ts';
import { kubeProxyConfiguration } from './nodeConfiguration.ts';

/** A running control plane, and what it takes to log in to it. */
export interface RunningControlPlane {
  url: string;
  credentials: Credentials;
  /** Writes a kubeconfig for a user. */
  login: (user: string, file: string) => string;
}

/** Starts etcd, API server, controller manager and scheduler; returns when the API server is ready. */
export async function startControlPlaneDaemons(
  state: ClusterState,
  paths: ClusterPaths,
  plan: AddressPlan,
  etcd: string,
  signal?: AbortSignal,
): Promise<RunningControlPlane> {
  const namespace = plan.controlPlaneNamespace;
  const nodeUsers = plan.nodes.map((node) => ({ name: `system:node:${node.name}`, groups: ['system:nodes'] }));
  const credentials = await createCredentials(
    join(paths.folder, 'credentials'),
    {
      addresses: [plan.controlPlaneAddress, plan.apiServiceAddress, '127.0.0.1'],
      hosts: [
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
        'localhost',
      ],
    },
    [...controlPlaneUsers, ...nodeUsers],
  );
  const url = `https://${plan.controlPlaneAddress}:${plan.apiPort}`;
  const login = (user: string, file: string): string => {
    const token = credentials.tokens[user];
    if (token === undefined) throw new Error(`there is no user ${user} in this cluster`);
    writeFileSync(file, kubeconfig({ name: state.name, url, caPem: credentials.caPem }, user, token), { mode: 0o600 });
    return file;
  };
  login('admin', paths.kubeconfig);

  const start = (name: string, program: string, args: readonly string[]): void =>
    startDaemon(paths, { name, namespace, argv: [program, ...args] });
  const addresses = { address: plan.controlPlaneAddress, port: plan.apiPort, etcdPort: 2379, etcdPeerPort: 2380 };
  start('etcd', etcd, etcdArguments(paths.folder, addresses));
  const apiServerArgs = apiServerArguments(credentials, addresses, { serviceCidr: plan.serviceCidr, extra: [] });
  start('kube-apiserver', join(state.binaries, 'kube-apiserver'), apiServerArgs);
  await waitForApiServer(
    { url, caPem: credentials.caPem, token: credentials.tokens['admin'] as string },
    {
      deadlineMs: 60_000,
      signal,
      stillRunning: () => {
        assertDaemon(paths, 'etcd');
        assertDaemon(paths, 'kube-apiserver');
      },
    },
  );
  const manager = login('system:kube-controller-manager', join(paths.folder, 'controller-manager.kubeconfig'));
  start(
    'kube-controller-manager',
    join(state.binaries, 'kube-controller-manager'),
    controllerManagerArguments(credentials, manager, { bindAddress: '127.0.0.1', port: 10257, extra: [] }),
  );
  const scheduler = login('system:kube-scheduler', join(paths.folder, 'scheduler.kubeconfig'));
  start('kube-scheduler', join(state.binaries, 'kube-scheduler'), [
    `--kubeconfig=${scheduler}`,
    `--authentication-kubeconfig=${scheduler}`,
    `--authorization-kubeconfig=${scheduler}`,
    '--authentication-skip-lookup=true',
    '--bind-address=127.0.0.1',
    '--secure-port=10259',
    `--cert-dir=${join(paths.folder, 'credentials', 'scheduler')}`,
    '--leader-elect=false',
  ]);
  return { url, credentials, login };
}

/**
 * Starts a kube-proxy beside the control plane, as kubeadm does: the API server calls webhooks by their Services, and
 * must not depend on one node for it. It goes by the first node's name, for there is no Node of its own.
 */
export function startControlPlaneProxy(
  state: ClusterState,
  paths: ClusterPaths,
  plan: AddressPlan,
  running: RunningControlPlane,
): void {
  const first = plan.nodes[0];
  if (first === undefined) return;
  const file = join(paths.folder, 'control-plane-proxy.json');
  const login = running.login('system:kube-proxy', join(paths.folder, 'control-plane-proxy.kubeconfig'));
  writeFileSync(file, kubeProxyConfiguration(plan, { nodeName: first.name, kubeconfig: login, mode: state.proxyMode }));
  startDaemon(paths, {
    name: 'control-plane/kube-proxy',
    namespace: plan.controlPlaneNamespace,
    argv: [join(state.binaries, 'kube-proxy'), `--config=${file}`, '--v=2'],
  });
}
