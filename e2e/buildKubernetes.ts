/** `node e2e/buildKubernetes.ts 1.36.3`: builds a version of Kubernetes into the cache, as a cluster of it would. */
import { kubernetesBinaries } from './cluster/kubernetesBinaries.ts';
import { kubernetesComponents } from './cluster/kubernetesModule.ts';
import { parseKubernetesVersion } from './cluster/kubernetesVersions.ts';

await kubernetesBinaries({
  version: parseKubernetesVersion(process.argv[2] ?? ''),
  components: kubernetesComponents,
  onProgress: () => undefined,
});
