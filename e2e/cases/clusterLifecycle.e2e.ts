import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { outputOf } from '../cluster/command.ts';
import { type Cluster, ensureCluster, findCluster } from '../cluster/index.ts';
import { sandboxImageArchive } from '../cluster/sandboxImage.ts';
import { clusterUnderTest, onProgress } from './clusterUnderTest.ts';

const cli = path.resolve(import.meta.dirname, '../cluster/cli.ts');
const name = 'lifecycle';
const command = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 240_000 });

const work = mkdtempSync(path.join(tmpdir(), 'graceful-rollout-lifecycle-'));

afterAll(async () => {
  rmSync(work, { recursive: true, force: true });
  await (await findCluster(name))?.down();
});

/** What of a cluster is left on this machine, by its name. */
function leftovers(): string[] {
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(`graceful-rollout/${name}/`) ? [`process ${pid}: ${line.slice(0, 100)}`] : [];
      } catch {
        return []; // It ended meanwhile.
      }
    });
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`graceful-rollout/${name}/`));
  const namespaces = existsSync('/var/run/netns')
    ? readdirSync('/var/run/netns').filter((ns) => ns.includes(name))
    : [];
  // One hierarchy (v2), or one in every folder (v1).
  const cgroups = ['', ...readdirSync('/sys/fs/cgroup')]
    .map((mount) => path.join('/sys/fs/cgroup', mount, 'graceful-rollout', name))
    .filter((folder) => existsSync(folder));
  return [...processes, ...mounts, ...namespaces, ...cgroups];
}

let second: Cluster;

test('a second cluster lives beside the first; up twice is harmless', async () => {
  const first = await clusterUnderTest();
  second = await ensureCluster({ name, nodes: 1, onProgress, kubernetes: first.kubernetes });
  const again = await ensureCluster({ name, nodes: 1, onProgress, kubernetes: first.kubernetes });
  expect(again.kubeconfigPath).toBe(second.kubeconfigPath);
  const nodes = await second.kubectl(['get', 'nodes', '-o', 'name'], { check: true });
  expect(nodes.stdout.trim().split('\n')).toHaveLength(1);
  expect(await first.problems()).toEqual([]);
  expect(leftovers()).not.toEqual([]);
});

/** What a command that must succeed prints on standard output. */
function printed(...args: string[]): string {
  const { status, stdout, stderr } = command('--name', name, ...args);
  expect(status, `${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout.trim();
}

test('every command works on it', async () => {
  const status = printed('status');
  expect(status).toMatch(new RegExp(`^${name}: in order\n  Kubernetes ${second.kubernetes}, local, kube-proxy `));
  expect(status).toContain(`nodes node-1, Services ${second.serviceCidr}`);
  expect(printed('kubeconfig')).toBe(second.kubeconfigPath);
  expect(printed('kubectl', 'get', 'nodes', '--no-headers')).toMatch(/^node-1 +Ready .*v1\.\d+\.\d+$/);
  expect(printed('exec', 'node-1', '--', 'true')).toBe('');
  expect(command('--name', name, 'exec', 'node-1', '--', 'sh', '-c', 'exit 7').status).toBe(7);
  const addresses = printed('exec', 'client', '--', 'ip', 'addr');
  expect(second.clientSources.filter((source) => !addresses.includes(` ${source}/`))).toEqual([]);
  expect(printed('logs').split('\n')).toEqual(expect.arrayContaining(['kube-apiserver', 'etcd', 'node-1/kubelet']));
  expect(printed('logs', 'kube-apiserver')).toContain(`Serving securely on`);
  const image = 'localhost/lifecycle:1';
  expect(printed('load-image', await archiveOf(image))).toBe(image);
  printed('kubectl', 'run', 'loaded', `--image=${image}`, '--image-pull-policy=Never');
  printed('kubectl', 'wait', '--for=condition=Ready', 'pod/loaded', '--timeout=60s');
});

/** The sandbox image under another name, which no node has yet. */
async function archiveOf(image: string): Promise<string> {
  const folder = path.join(work, 'image');
  mkdirSync(folder);
  await outputOf(['tar', '-C', folder, '-xf', await sandboxImageArchive()]);
  const file = path.join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { RepoTags: string[] }[];
  writeFileSync(file, JSON.stringify(manifest.map((entry) => ({ ...entry, RepoTags: [image] }))));
  await outputOf(['tar', '-C', folder, '-cf', path.join(work, 'image.tar'), ...readdirSync(folder)]);
  return path.join(work, 'image.tar');
}

/** Connects to the address and port that are its arguments; prints how that ended. */
const connecting = `const [host, port] = process.argv.slice(1);
const tell = (how) => { console.log(how); process.exit(); };
require('node:net').connect(Number(port), host).on('connect', () => tell('connected')).on('error', (error) => tell(error.code));
setTimeout(() => tell('silence'), 2000);`;

test('no way leads out of it: every other address is unreachable at once, this machine itself included', async () => {
  // Answers under every address of this machine, so that a way out would be seen as a connection.
  const server = createServer((socket) => socket.destroy()).listen(0, '0.0.0.0');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connect = async (place: string, address: string): Promise<string> =>
      (
        await second.execIn(place, [process.execPath, '-e', connecting, address, `${port}`], { check: true })
      ).stdout.trim();
    const ours = second.serviceCidr.split('.').slice(0, 2).join('.');
    expect(await connect('node-1', `${ours}.0.1`), 'the way back to this machine').toBe('connected');
    const machine = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith(`${ours}.`))
      .map(({ address }) => address);
    for (const address of [...machine, '198.51.100.1']) {
      for (const place of ['node-1', 'client', 'control-plane']) {
        expect(await connect(place, address), `from ${place} to ${address}`).toBe('ENETUNREACH');
      }
    }
  } finally {
    server.close();
  }
});

test('down leaves nothing of it and the first cluster as it was', async () => {
  await second.down();
  expect(leftovers()).toEqual([]);
  expect(await findCluster(name)).toBeUndefined();
  expect(await (await clusterUnderTest()).problems()).toEqual([]);
});

test.each([
  { signalName: 'SIGINT', ends: [130, null], leaves: 'nothing' },
  { signalName: 'SIGKILL', ends: [null, 'SIGKILL'], leaves: 'what down removes' },
] as const)('up that gets $signalName in the middle leaves $leaves', async ({ signalName, ends }) => {
  const child = spawn(process.execPath, [cli, 'up', '--name', name, '--nodes', '1'], { stdio: 'ignore' });
  const ended = new Promise<readonly unknown[]>((resolve) => child.once('exit', (...how) => resolve(how)));
  const endMs = performance.now() + 60_000;
  while (leftovers().length === 0 && performance.now() < endMs) await sleep(100);
  await sleep(1500);
  expect(leftovers()).not.toEqual([]);
  expect(await findCluster(name), 'it was up before the signal').toBeUndefined();
  child.kill(signalName);
  expect(await ended).toEqual(ends);
  if (signalName === 'SIGINT') expect(leftovers()).toEqual([]);
  const down = command('down', '--name', name);
  expect(down.status, down.stderr).toBe(0);
  expect(leftovers()).toEqual([]);
});

test('a wrong argument says what would be right', () => {
  const wrong = command('up', '--nodes', 'many');
  expect(wrong.status).not.toBe(0);
  expect(wrong.stderr).toMatch(/nodes/);
  const unknown = command('up', '--kubernetes', '2.0');
  expect(unknown.status).not.toBe(0);
  expect(unknown.stderr).toMatch(/1\.37\.2/);
});
