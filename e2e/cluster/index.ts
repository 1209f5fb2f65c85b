/** The test cluster as a library. The command line is `cli.ts`; how it is built is told in `README.md`. */

import type { Cluster, ClusterOptions, ProviderName } from './cluster.ts';
import { clusterNames } from './clusterState.ts';
import { kindDown, kindFind, kindUp } from './kindProvider.ts';
import { kindNames } from './kindState.ts';
import { defaultName, localDown, localFind, localUp } from './localProvider.ts';
import { findProgram } from './prerequisites.ts';

export type {
  Cluster,
  ClusterOptions,
  CommandOptions,
  CommandResult,
  Place,
  ProviderName,
  ProxyMode,
} from './cluster.ts';
export { CommandError, defaultProxyMode, PrerequisiteError } from './cluster.ts';
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './controlPlane.ts';
export { type GoTool, goTool } from './goTools.ts';
export { loadImagesOnce } from './loadImagesOnce.ts';

/**
 * Brings a cluster up, or returns the one of that name that is already up with the same nodes, version and proxy mode.
 * A cluster of that name that looks different or is broken is taken down and made anew.
 * @throws PrerequisiteError where this machine cannot run one
 */
export async function ensureCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const provider = options.provider ?? defaultProvider();
  return provider === 'local' ? localUp(options) : kindUp(options.name ?? defaultName, options);
}

/** The cluster of that name where it is up, otherwise undefined. */
export async function findCluster(name: string = defaultName): Promise<Cluster | undefined> {
  return localFind(name) ?? kindFind(name);
}

/** Removes a cluster with everything that belongs to it, also one that was not started to the end. */
export async function removeCluster(
  name: string = defaultName,
  provider?: ProviderName,
  signal?: AbortSignal,
): Promise<void> {
  for (const each of provider === undefined ? providersOf(name) : [provider]) {
    await (each === 'kind' ? kindDown(name, signal) : localDown(name, signal));
  }
}

/** Who has a cluster of that name; the default where nobody has, for what may be left of one. */
function providersOf(name: string): ProviderName[] {
  const known: ProviderName[] = [];
  if (clusterNames().includes(name)) known.push('local');
  if (kindNames().includes(name)) known.push('kind');
  return known.length > 0 ? known : [defaultProvider()];
}

/** Names of the clusters that were started and not removed, of both providers. */
export async function clusterList(): Promise<string[]> {
  return [...new Set([...clusterNames(), ...kindNames()])].sort();
}

/**
 * Local where this is root on Linux; else kind where Docker or Podman is; else local, whose message says what is missing.
 */
export function defaultProvider(
  machine: { platform: string; root: boolean; hasEngine: boolean } = {
    platform: process.platform,
    root: process.getuid?.() === 0,
    hasEngine: findProgram('docker') !== undefined || findProgram('podman') !== undefined,
  },
): ProviderName {
  if (machine.platform === 'linux' && machine.root) return 'local';
  return machine.hasEngine ? 'kind' : 'local';
}
