import { type Cluster, defaultProvider, PrerequisiteError, type ProviderName } from '../cluster/index.ts';

const NEEDS =
  'load is sent by a program of this machine, from several addresses that enter by different nodes, and the client of a ' +
  'kind cluster is a container with one address.';
const REMEDY = 'Run this as root on Linux, with the local provider: npm run cluster -- up --provider local';

/**
 * Says at once, before a cluster is brought up, that load cannot be sent on what this machine would get.
 * @throws PrerequisiteError where that is a kind cluster
 */
export function requireLoadProvider(provider: ProviderName = defaultProvider()): void {
  if (provider === 'kind') throw new PrerequisiteError(`This needs the local provider: ${NEEDS}`, REMEDY);
}

/** @throws PrerequisiteError where a cluster has no addresses to send load from, as those of kind */
export function requireClientSources({ name, clientSources }: Pick<Cluster, 'name' | 'clientSources'>): void {
  if (clientSources.length > 0) return;
  throw new PrerequisiteError(`Cluster ${name} has no addresses to send load from: ${NEEDS}`, REMEDY);
}
