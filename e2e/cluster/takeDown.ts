import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { networkNamespaces, planAddresses } from './addressPlan.ts';
import { processesInCgroup, removeCgroup, removeCgroupIfEmpty } from './cgroups.ts';
import { type ClusterPaths, clusterPaths, readState, sharedLockFile } from './clusterState.ts';
import { outputOf, runCommand } from './command.ts';
import { withLock } from './exclusiveLock.ts';
import { identify, signalProcess } from './processIdentity.ts';

/**
 * Removes everything that belongs to a cluster, whatever state it is in: processes first (those in its cgroup and those
 * in its network namespaces), then namespaces, mounts, cgroups and files. Harmless where there is nothing.
 */
export async function takeDown(name: string): Promise<void> {
  const paths = clusterPaths(name);
  const namespaces = existingNamespaces(name);
  await endProcesses(name, paths, namespaces);
  for (const namespace of namespaces) await outputOf(['ip', 'netns', 'delete', namespace]);
  const slot = readState(name)?.slot;
  // It went with the control plane's namespace, unless the start ended before it was moved there.
  if (slot !== undefined) await runCommand(['ip', 'link', 'delete', planAddresses(name, slot, 0).hostInterface]);
  for (const mount of mountsBelow([paths.folder, paths.run])) await outputOf(['umount', '--lazy', mount]);
  await removeCgroup(paths.cgroup);
  rmSync(paths.run, { recursive: true, force: true });
  rmSync(paths.folder, { recursive: true, force: true });
  // Another cluster may just be making its own in there.
  await withLock(sharedLockFile(), {}, async () => {
    await removeCgroupIfEmpty(dirname(paths.cgroup));
    removeFolderIfEmpty(dirname(paths.run));
  });
}

/** Network namespaces of the cluster that exist: its control plane, its nodes, its client. */
function existingNamespaces(name: string): string[] {
  if (!existsSync('/run/netns')) return [];
  const ours = new Set(networkNamespaces(planAddresses(name, 0, 8)));
  return readdirSync('/run/netns').filter((namespace) => ours.has(namespace));
}

async function endProcesses(name: string, paths: ClusterPaths, namespaces: readonly string[]): Promise<void> {
  const untilMs = Date.now() + 30_000;
  for (;;) {
    const pids = new Set([...processesInCgroup(paths.cgroup), ...processesInNamespaces(namespaces)]);
    const living = [...pids].map((pid) => identify(pid)).filter((identity) => identity !== undefined);
    if (living.length === 0) return;
    if (Date.now() > untilMs) {
      const who = living.map(({ pid }) => `${pid} (${commandOf(pid)})`).join(', ');
      throw new Error(`cluster ${name}: these processes do not end after SIGKILL: ${who}; run \`down\` again`);
    }
    for (const identity of living) signalProcess(identity, 'SIGKILL');
    await sleep(50);
  }
}

/** Processes in one of these network namespaces, for example a load generator that a test left behind. */
function processesInNamespaces(namespaces: readonly string[]): number[] {
  const inodes = new Set(namespaces.map((namespace) => `net:[${statSync(join('/run/netns', namespace)).ino}]`));
  if (inodes.size === 0) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => inodes.has(networkNamespaceOf(pid) ?? ''));
}

function networkNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    // Gone in between, or a kernel thread.
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 120);
  } catch {
    return 'gone';
  }
}

/** Mount points below these folders, innermost first. */
function mountsBelow(folders: readonly string[]): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => folders.some((folder) => mount.startsWith(`${folder}/`)))
    .toReversed();
}

function removeFolderIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}
