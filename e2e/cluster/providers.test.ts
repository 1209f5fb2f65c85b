import { expect, test } from 'vitest';
import { PrerequisiteError } from './cluster.ts';
import { defaultProvider, findCluster } from './index.ts';
import { kindConfiguration, kindCreateArguments } from './kindConfiguration.ts';
import { containerEngine } from './kindProvider.ts';

test('local for root on Linux, kind where there is Docker or Podman, else local with its message', () => {
  expect(defaultProvider({ platform: 'linux', root: true, hasEngine: true })).toBe('local');
  expect(defaultProvider({ platform: 'linux', root: false, hasEngine: true })).toBe('kind');
  expect(defaultProvider({ platform: 'darwin', root: true, hasEngine: true })).toBe('kind');
  expect(defaultProvider({ platform: 'linux', root: false, hasEngine: false })).toBe('local');
});

test('a cluster that nobody started is not found', async () => {
  await expect(findCluster('never-started')).resolves.toBeUndefined();
});

test('kind: the configuration asks for workers, proxy mode and quick container restarts', () => {
  expect(JSON.parse(kindConfiguration({ nodes: 2, proxyMode: 'iptables' }))).toEqual({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: { kubeProxyMode: 'iptables', podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/16' },
    nodes: [{ role: 'control-plane' }, { role: 'worker' }, { role: 'worker' }],
    kubeadmConfigPatches: [expect.stringContaining('maxContainerRestartPeriod: 1s')],
  });
});

test('kind: arguments of the creation', () => {
  expect(kindCreateArguments('x', '1.36.3', '/tmp/kubeconfig')).toEqual([
    'create',
    'cluster',
    '--name=x',
    '--image=kindest/node:v1.36.3',
    '--kubeconfig=/tmp/kubeconfig',
    '--config=-',
    '--wait=180s',
  ]);
});

test('kind: Docker before Podman, and a message where there is neither', () => {
  expect(containerEngine(() => '/usr/bin/found')).toBe('docker');
  expect(containerEngine((program) => (program === 'podman' ? '/usr/bin/podman' : undefined))).toBe('podman');
  const without = (): unknown => containerEngine(() => undefined);
  expect(without).toThrow(PrerequisiteError);
  expect(without).toThrow(/needs Docker or Podman[^]*Install one of them, or use the local provider/);
});
