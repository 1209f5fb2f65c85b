import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterList, ensureCluster, findCluster, removeCluster } from './index.ts';
import { kindFolder, writeKindState } from './kindState.ts';
import type * as Prerequisites from './prerequisites.ts';

/* The kind provider with a program in kind's place, which writes down how it was called and fails where it is told to. */

const work = vi.hoisted(() => ({ folder: '' }));
vi.mock('./goTools.ts', () => ({ goTool: () => Promise.resolve(`${work.folder}/kind`) }));
vi.mock('./prerequisites.ts', async (original) => ({
  ...(await original<typeof Prerequisites>()),
  findProgram: (program: string) => `/usr/bin/${program}`,
}));

const kindScript = `#!/bin/sh
cd "$(dirname "$0")"
echo "$KIND_EXPERIMENTAL_PROVIDER $*" >> calls
cat > input
[ ! -e "fail-$1" ] || { echo "no $1 today" >&2; exit 1; }
`;
const state = { nodes: 2, kubernetes: '1.37.2', proxyMode: 'iptables' } as const;

beforeEach(() => {
  work.folder = mkdtempSync(join(tmpdir(), 'kind-provider-'));
  writeFileSync(join(work.folder, 'kind'), kindScript);
  chmodSync(join(work.folder, 'kind'), 0o755);
  vi.stubEnv('TMPDIR', work.folder);
  vi.stubEnv('GRACEFUL_ROLLOUT_STATE', join(work.folder, 'state'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(work.folder, { recursive: true, force: true });
});

/** How kind was called. */
const calls = (): string[] => readFileSync(join(work.folder, 'calls'), 'utf8').trim().split('\n');
const fail = (command: 'create' | 'delete'): void => writeFileSync(join(work.folder, `fail-${command}`), '');
const up = (name: string) => ensureCluster({ name, provider: 'kind' });

test('up deletes what has that name, creates, and is found; the same again calls kind no more', async () => {
  const cluster = await up('x');
  expect(calls()).toEqual([
    'docker delete cluster --name=x',
    `docker create cluster --name=x --image=kindest/node:v1.37.2 --kubeconfig=${cluster.kubeconfigPath} --config=- --wait=180s`,
  ]);
  await expect(findCluster('x')).resolves.toMatchObject({ provider: 'kind', nodes: ['x-worker', 'x-worker2'] });
  await up('x');
  expect(calls()).toHaveLength(2);
  await removeCluster('x');
  await expect(clusterList()).resolves.toEqual([]);
  expect(existsSync(kindFolder('x'))).toBe(false);
});

test('logs are read inside the nodes, by the names that there are', async () => {
  const cluster = await up('x');
  expect(cluster.components()).toEqual([
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'],
    ...['x-control-plane', 'x-worker', 'x-worker2'].flatMap((node) =>
      ['kubelet', 'containerd', 'kube-proxy'].map((program) => `${node}/${program}`),
    ),
  ]);
  const journal = ['docker', 'exec', 'x-worker2', 'journalctl', '--no-pager', '--unit=kubelet'];
  expect(cluster.logCommand('x-worker2/kubelet')).toEqual(journal);
  const files = (program: string): string => `cat /var/log/containers/${program}-*_kube-system_*.log`;
  const ofControlPlane = ['docker', 'exec', 'x-control-plane', 'sh', '-c', files('kube-apiserver')];
  expect(cluster.logCommand('kube-apiserver')).toEqual(ofControlPlane);
  expect(cluster.logCommand('x-worker/kube-proxy')).toEqual([
    ...['docker', 'exec', 'x-worker', 'sh', '-c', files('kube-proxy')],
  ]);
});

test('the command line prints the log of a component, and names all where there is none of that name', () => {
  writeKindState({ name: 'x', ...state, complete: true });
  writeFileSync(join(work.folder, 'docker'), '#!/bin/sh\necho "docker $*"\n', { mode: 0o755 });
  const env = { PATH: work.folder, TMPDIR: work.folder, GRACEFUL_ROLLOUT_STATE: join(work.folder, 'state') };
  const logs = (component: string) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'cli.ts'), '--name=x', 'logs', component], {
      ...{ env, encoding: 'utf8', timeout: 20_000 },
    });
  const unit = logs('x-worker/containerd');
  expect(unit.stdout).toBe('docker exec x-worker journalctl --no-pager --unit=containerd\n');
  expect(unit.status).toBe(0);
  const unknown = logs('kubelet');
  expect(unknown.stderr).toMatch(/has no component kubelet\.\nIt has kube-apiserver, .*x-control-plane\/kubelet/);
  expect(unknown.status).toBe(2);
});

test('up that fails says why and deletes what it began', async () => {
  fail('create');
  await expect(up('x')).rejects.toThrow('no create today');
  expect(calls().at(-1)).toBe('docker delete cluster --name=x');
  await expect(clusterList()).resolves.toEqual([]);
});

test('up that is neither finished nor taken down is known to status and down, and not taken for a cluster', async () => {
  writeKindState({ name: 'x', ...state, complete: false });
  await expect(clusterList()).resolves.toEqual(['x']);
  await expect(findCluster('x')).resolves.toBeUndefined();
  fail('delete');
  await expect(removeCluster('x')).rejects.toThrow('no delete today');
  await expect(clusterList()).resolves.toEqual(['x']);
  rmSync(join(work.folder, 'fail-delete'));
  await removeCluster('x');
  expect(calls()).toEqual(['docker delete cluster --name=x', 'docker delete cluster --name=x']);
  await expect(clusterList()).resolves.toEqual([]);
});

test('up of a name that was not started to the end makes it anew', async () => {
  writeKindState({ name: 'x', ...state, complete: false });
  await up('x');
  expect(calls().map((call) => call.split(' ')[1])).toEqual(['delete', 'create']);
  await expect(findCluster('x')).resolves.toBeDefined();
});

test('local and kind clusters are listed side by side', async () => {
  const { writeState } = await import('./clusterState.ts');
  writeState({ name: 'b', slot: 0, binaries: '/none', ...state, complete: true });
  writeKindState({ name: 'a', ...state, complete: true });
  await expect(clusterList()).resolves.toEqual(['a', 'b']);
});
