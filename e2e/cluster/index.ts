/** The test cluster as a library. The command line is `cli.ts`; how it is built is told in `README.md`. */
import type { Cluster, ClusterOptions } from './cluster.ts';
import { localFind, localUp } from './localProvider.ts';

export type {
  Cluster,
  ClusterOptions,
  CommandOptions,
  CommandResult,
  Place,
  ProviderName,
  ProxyMode,
} from './cluster.ts';
export { CommandError, PrerequisiteError } from './cluster.ts';
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './controlPlane.ts';
export { type GoTool, goTool } from './goTools.ts';

/**
 * Brings a cluster up, or returns the one of that name that is already up with the same nodes, version and proxy mode.
 * A cluster of that name that looks different or is broken is taken down and made anew.
 * @throws PrerequisiteError where this machine cannot run one
 */
export function ensureCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return localUp(options);
}

/** The cluster of that name where it is up, otherwise undefined. */
export function findCluster(name?: string): Promise<Cluster | undefined> {
  return Promise.resolve(localFind(name));
}
