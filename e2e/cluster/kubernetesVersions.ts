/** Built when nothing else is asked for. */
export const defaultKubernetes = '1.37.2';

/** Versions the suite runs on: the newest patch of each minor when this was written. */
export const testedKubernetes: readonly string[] = [defaultKubernetes, '1.36.3', '1.35.4'];

/** A Kubernetes version taken apart. */
export interface KubernetesVersion {
  /** Without `v`, for example `1.37.2`. */
  text: string;
  minor: number;
  /** Version of the staging modules (`k8s.io/api` and so on), for example `v0.37.2`. */
  staging: string;
}

/**
 * Reads `1.37.2`, `v1.37.2` or a minor alone (`1.37`: its tested patch).
 * @throws Error that names the versions that are known to work
 */
export function parseKubernetesVersion(text: string): KubernetesVersion {
  const match = /^v?1\.(\d+)(?:\.(\d+))?$/.exec(text.trim());
  const minor = match?.[1];
  const full =
    match?.[2] === undefined
      ? testedKubernetes.find((known) => known.startsWith(`1.${minor}.`))
      : match[0].replace(/^v/, '');
  if (minor === undefined || full === undefined) {
    throw new Error(
      `"${text}" is not a Kubernetes version this can build; known to work: ${testedKubernetes.join(', ')}`,
    );
  }
  return { text: full, minor: Number(minor), staging: `v0.${full.slice(2)}` };
}
