import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PrerequisiteError } from './cluster.ts';
import { kubernetesBinaries } from './kubernetesBinaries.ts';
import { parseKubernetesVersion } from './kubernetesVersions.ts';
import { aptUnusableBecause, findProgram, missingPrograms, requireRootLinux } from './prerequisites.ts';

test('the local provider says what it needs and what to do instead', () => {
  expect(() => requireRootLinux({ platform: 'darwin', root: true })).toThrow(PrerequisiteError);
  expect(() => requireRootLinux({ platform: 'darwin', root: true })).toThrow(/needs Linux; this is darwin\.\n.*kind/);
  expect(() => requireRootLinux({ platform: 'linux', root: false })).toThrow(/needs root: .*\nRun it as root/);
  expect(() => requireRootLinux({ platform: 'linux', root: true })).not.toThrow();
});

test('programs that cannot be installed are named, with their packages', () => {
  expect(aptUnusableBecause({ root: false, hasApt: true })).toBe('this needs root');
  expect(aptUnusableBecause({ root: true, hasApt: false })).toBe('there is no apt-get');
  expect(aptUnusableBecause({ root: true, hasApt: true })).toBeUndefined();
  const missing = [
    { program: 'containerd', debianPackage: 'containerd' },
    { program: 'ctr', debianPackage: 'containerd' },
    { program: 'nft', debianPackage: 'nftables' },
  ];
  expect(missingPrograms(missing, 'this needs root').message).toBe(
    'Missing: containerd, ctr, nft; cannot install them: this needs root.\n' +
      'Install them yourself (Debian: apt-get install containerd nftables) and run this again.',
  );
});

test('a program is found by its path or in PATH', () => {
  expect(findProgram('/bin/sh')).toBe('/bin/sh');
  expect(findProgram('sh')).toMatch(/\/sh$/);
  expect(findProgram('no-such-program-anywhere')).toBeUndefined();
});

let assets: string;
beforeEach(() => {
  assets = mkdtempSync(join(tmpdir(), 'assets-'));
  vi.stubEnv('KUBEBUILDER_ASSETS', assets);
  vi.stubEnv('GRACEFUL_ROLLOUT_CACHE', join(assets, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(assets, { recursive: true });
});

/** A stand-in for a component that says it is of this version. */
function putComponent(name: string, version: string): void {
  writeFileSync(join(assets, name), `#!/bin/sh\necho Kubernetes v${version}\n`);
  chmodSync(join(assets, name), 0o755);
}

test('KUBEBUILDER_ASSETS is used where it has all that is needed in that version', async () => {
  putComponent('kube-apiserver', '1.37.2');
  putComponent('kubectl', '1.37.2');
  const said: string[] = [];
  const folder = await kubernetesBinaries({
    version: parseKubernetesVersion('1.37.2'),
    components: ['kube-apiserver', 'kubectl'],
    onProgress: (line) => said.push(line),
  });
  expect(folder).toBe(assets);
  expect(said).toEqual([]);
});

test.each([
  ['kubelet', '1.37.2', 'KUBEBUILDER_ASSETS has no kubelet: building Kubernetes instead'],
  ['kubectl', '1.36.3', 'KUBEBUILDER_ASSETS holds Kubernetes v1.37.2, wanted is 1.36.3: building it instead'],
] as const)(
  'KUBEBUILDER_ASSETS that does not serve is passed over, and that is said (%s, %s)',
  async (component, version, line) => {
    putComponent('kube-apiserver', '1.37.2');
    putComponent('kubectl', '1.37.2');
    // The cache cannot be written to here, so that the build ends before it begins.
    mkdirSync(join(assets, 'cache'));
    writeFileSync(join(assets, 'cache', 'kubernetes'), '');
    const said: string[] = [];
    const request = {
      version: parseKubernetesVersion(version),
      components: ['kube-apiserver', component] as const,
      onProgress: (text: string) => said.push(text),
    };
    await expect(kubernetesBinaries(request)).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect(said).toEqual([line]);
  },
);

test('without Go, the message says so at once', async () => {
  vi.stubEnv('KUBEBUILDER_ASSETS', '');
  vi.resetModules();
  vi.stubEnv('PATH', '/nowhere');
  const { requireBuildable } = await import('./kubernetesBinaries.ts');
  const request = { version: parseKubernetesVersion('1.37'), components: [], onProgress: () => undefined };
  await expect(requireBuildable(request)).rejects.toThrow(/Go is missing[^]*Install Go 1\.26/);
});
