import type { KubernetesVersion } from './kubernetesVersions.ts';

/** Components in the one program, each a symbolic link to it. */
export const kubernetesComponents = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;

/** Name of a Kubernetes component. */
export type KubernetesComponent = (typeof kubernetesComponents)[number];

/**
 * A go.mod that builds `k8s.io/kubernetes` from the module proxy. Its own go.mod replaces the staging modules by
 * folders, which only work in a checkout, so each is replaced by the published module of the same release.
 * @param upstreamGoMod the go.mod of `k8s.io/kubernetes` at that version
 */
export function kubernetesGoMod(version: KubernetesVersion, upstreamGoMod: string): string {
  const go = /^go .+$/m.exec(upstreamGoMod)?.[0];
  const staging = [...upstreamGoMod.matchAll(/^\s*(?:replace\s+)?(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    (match) => match[1],
  );
  if (go === undefined || staging.length === 0) {
    throw new Error(
      `the go.mod of Kubernetes ${version.text} has no go line or no staging modules: has its layout changed?`,
    );
  }
  const replaces = staging.map((path) => `\t${path} => ${path} ${version.staging}`);
  const blocks = [
    'module graceful-rollout.io/test-cluster',
    go,
    `require k8s.io/kubernetes v${version.text}`,
    `replace (\n${replaces.join('\n')}\n)`,
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** Linker flags: stripped, and with the version the components report (clients look at it). */
export function linkerFlags(version: KubernetesVersion): string {
  const values = { gitVersion: `v${version.text}`, gitMajor: '1', gitMinor: String(version.minor) };
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).map(([key, value]) => `-X ${path}.${key}=${value}`),
  );
  return ['-s', '-w', ...flags].join(' ');
}
