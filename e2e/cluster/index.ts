/** The test cluster as a library. The command line is `cli.ts`; how it is built is told in `README.md`. */
import type { Cluster, ClusterOptions } from './cluster.ts';

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

/**
 * Brings a cluster up, or returns the one of that name that is already up with the same nodes, version and proxy mode.
 * A cluster of that name that looks different or is broken is taken down and made anew.
 * @throws PrerequisiteError where this machine cannot run one
 */
export async function ensureCluster(_options: ClusterOptions = {}): Promise<Cluster> {
  throw new Error('not there yet: the local provider lands within the hour');
}

/** The cluster of that name where it is up, otherwise undefined. */
export async function findCluster(_name?: string): Promise<Cluster | undefined> {
  throw new Error('not there yet: the local provider lands within the hour');
}
