import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressPlan, NodePlan } from './addressPlan.ts';
import { createCgroup } from './cgroups.ts';
import type { ClusterPaths, ClusterState } from './clusterState.ts';
import { outputOf, runCommand } from './command.ts';
import { assertDaemon, daemonPid, startDaemon } from './daemons.ts';
import {
  cniConfiguration,
  containerdConfiguration,
  kubeletConfiguration,
  kubeProxyConfiguration,
  type NodeFolders,
  nodeFolders,
} from './nodeConfiguration.ts';
import { findProgram } from './prerequisites.ts';
import { sandboxImageArchive } from './sandboxImage.ts';
import type { RunningControlPlane } from './startControlPlaneDaemons.ts';

/** Where a node keeps its files. */
export function foldersOf(paths: ClusterPaths, node: string): NodeFolders {
  return nodeFolders(join(paths.folder, node), join(paths.run, node));
}

/** Folders that programs share by hard-coded paths; every node gets its own there. */
const sharedByDefault = ['/run/netns', '/run/containerd', '/var/lib/cni', '/var/lib/kubelet', '/var/log/containers'];

/**
 * Starts a node's containerd in a mount namespace of its own, with the sandbox image. Mounts of pods live and die with
 * that namespace, so that none is left on the machine after a crash.
 */
export async function startContainerRuntime(
  state: ClusterState,
  paths: ClusterPaths,
  node: NodePlan,
  signal?: AbortSignal,
): Promise<void> {
  const folders = foldersOf(paths, node.name);
  const runFolder = dirname(folders.containerdSocket);
  for (const folder of [dirname(folders.cniConfig), folders.kubeletRoot, folders.podLogs, runFolder]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(folders.containerdConfig, containerdConfiguration(folders, runFolder));
  writeFileSync(folders.cniConfig, cniConfiguration(state.name, node, folders));
  const own = join(folders.folder, 'own');
  const script = [
    'set -e',
    ...sharedByDefault.flatMap((shared) => [
      `mkdir -p ${shared} ${own}${shared}`,
      `mount --bind ${own}${shared} ${shared}`,
    ]),
    'mount --make-rshared /',
    'exec sleep infinity',
  ].join('\n');
  startDaemon(paths, {
    name: `${node.name}/mounts`,
    namespace: node.namespace,
    argv: ['unshare', '--mount', '--propagation=private', 'sh', '-c', script],
  });
  await waitUntil(`the mounts of ${node.name}`, paths, `${node.name}/mounts`, signal, () =>
    Promise.resolve(mountsAreMade(paths, node.name)),
  );
  startDaemon(paths, {
    name: `${node.name}/containerd`,
    namespace: node.namespace,
    mountsOf: `${node.name}/mounts`,
    argv: [findProgram('containerd') as string, '--config', folders.containerdConfig],
  });
  await waitUntil(`containerd of ${node.name}`, paths, `${node.name}/containerd`, signal, async () => {
    if (!existsSync(folders.containerdSocket)) return false;
    return (await runCommand(ctr(paths, node.name, 'version'), { signal })).code === 0;
  });
  await importImage(paths, node.name, await sandboxImageArchive(), signal);
}

/** The first process of the node becomes `sleep` when its mounts are made. */
function mountsAreMade(paths: ClusterPaths, node: string): boolean {
  return readFileSync(`/proc/${daemonPid(paths, `${node}/mounts`)}/comm`, 'utf8').trim() === 'sleep';
}

/** Starts a node's kubelet and kube-proxy; they join when they have reached the API server. */
export function startKubelet(
  state: ClusterState,
  paths: ClusterPaths,
  plan: AddressPlan,
  node: NodePlan,
  running: RunningControlPlane,
): void {
  const folders = foldersOf(paths, node.name);
  const cgroup = `${paths.cgroup}/${node.name}`;
  createCgroup(cgroup);
  running.login(`system:node:${node.name}`, folders.kubeconfig);
  running.login('system:kube-proxy', folders.kubeProxyKubeconfig);
  writeFileSync(folders.kubeletConfig, kubeletConfiguration(node, folders, running.credentials.caFile, cgroup));
  const proxy = { nodeName: node.name, kubeconfig: folders.kubeProxyKubeconfig, mode: state.proxyMode };
  writeFileSync(folders.kubeProxyConfig, kubeProxyConfiguration(plan, proxy));
  const place = { namespace: node.namespace, mountsOf: `${node.name}/mounts` };
  startDaemon(paths, {
    ...place,
    name: `${node.name}/kubelet`,
    argv: [
      join(state.binaries, 'kubelet'),
      `--config=${folders.kubeletConfig}`,
      `--kubeconfig=${folders.kubeconfig}`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
      `--root-dir=${folders.kubeletRoot}`,
      `--cert-dir=${join(folders.folder, 'kubelet-pki')}`,
      '--v=2',
    ],
  });
  startDaemon(paths, {
    ...place,
    name: `${node.name}/kube-proxy`,
    // At level 2 it prints each sync, which explains a loss.
    argv: [join(state.binaries, 'kube-proxy'), `--config=${folders.kubeProxyConfig}`, '--v=2'],
  });
}

/** Imports a `docker-archive:` file into a node. @returns the names of the images in it */
export async function importImage(
  paths: ClusterPaths,
  node: string,
  archive: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const argv = ctr(paths, node, '-n', 'k8s.io', 'images', 'import', '--snapshotter', 'overlayfs', archive);
  const said = await outputOf(argv, { signal });
  return [...said.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1] as string);
}

/** Runs `ctr` where the node's mounts are: unpacking an image mounts it. */
function ctr(paths: ClusterPaths, node: string, ...args: string[]): string[] {
  const { containerdSocket } = foldersOf(paths, node);
  const mounts = `--mount=/proc/${daemonPid(paths, `${node}/mounts`)}/ns/mnt`;
  return ['nsenter', mounts, 'ctr', '--address', containerdSocket, ...args];
}

async function waitUntil(
  what: string,
  paths: ClusterPaths,
  daemon: string,
  signal: AbortSignal | undefined,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const untilMs = Date.now() + 30_000;
  while (!(await isSo())) {
    signal?.throwIfAborted();
    assertDaemon(paths, daemon);
    if (Date.now() > untilMs) throw new Error(`waited 30 s for ${what}; look at its log: \`logs ${daemon}\``);
    await sleep(50, undefined, signal === undefined ? {} : { signal });
  }
}
