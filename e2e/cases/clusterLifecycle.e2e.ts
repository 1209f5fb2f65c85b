import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { ensureCluster, findCluster } from '../cluster/index.ts';
import { clusterUnderTest, onProgress } from './clusterUnderTest.ts';

const cli = path.resolve(import.meta.dirname, '../cluster/cli.ts');
const name = 'lifecycle';
const command = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 240_000 });

afterAll(async () => {
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

test('a second cluster lives beside the first; up twice is harmless; down leaves nothing', async () => {
  const first = await clusterUnderTest();
  const second = await ensureCluster({ name, nodes: 1, onProgress, kubernetes: first.kubernetes });
  const again = await ensureCluster({ name, nodes: 1, onProgress, kubernetes: first.kubernetes });
  expect(again.kubeconfigPath).toBe(second.kubeconfigPath);
  const nodes = await second.kubectl(['get', 'nodes', '-o', 'name'], { check: true });
  expect(nodes.stdout.trim().split('\n')).toHaveLength(1);
  expect(await first.problems()).toEqual([]);
  expect(leftovers()).not.toEqual([]);
  await second.down();
  expect(leftovers()).toEqual([]);
  expect(await findCluster(name)).toBeUndefined();
  expect(await first.problems()).toEqual([]);
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
