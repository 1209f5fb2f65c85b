import { requireBuildable } from './kubernetesBinaries.ts';
import { kubernetesComponents } from './kubernetesModule.ts';
import { defaultKubernetes, parseKubernetesVersion } from './kubernetesVersions.ts';
import { requirePrograms, requireRootLinux, systemPrograms } from './prerequisites.ts';

/**
 * Checks what the local cluster and the images that run on it need, and installs what apt-get can: before the first of
 * the builds, so that nobody waits minutes to be told what is missing.
 * @throws PrerequisiteError that names what is missing and what to do
 */
export async function requireEverything(options: {
  /** As in `ClusterOptions`. */
  kubernetes?: string | undefined;
  onProgress: (line: string) => void;
  signal?: AbortSignal;
}): Promise<void> {
  const { kubernetes = defaultKubernetes, onProgress, signal } = options;
  requireRootLinux();
  const version = parseKubernetesVersion(kubernetes);
  await requireBuildable({ version, components: kubernetesComponents, onProgress, signal });
  await requirePrograms([...systemPrograms.nodes, ...systemPrograms.images], onProgress, signal);
}
