import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A mounted cgroup hierarchy: one for all controllers (v2), or one of several (v1). */
export interface CgroupHierarchy {
  mount: string;
  version: 1 | 2;
  controllers: readonly string[];
}

/** The hierarchies that the kubelet and runc use, from the text of /proc/mounts. */
export function cgroupHierarchies(mounts: string): CgroupHierarchy[] {
  const found = mounts.split('\n').flatMap((line): CgroupHierarchy[] => {
    const [, mount, type, options] = line.split(' ');
    if (mount === undefined || options === undefined) return [];
    if (type === 'cgroup') return [{ mount, version: 1, controllers: options.split(',') }];
    return type === 'cgroup2' && mount === '/sys/fs/cgroup' ? [{ mount, version: 2, controllers: [] }] : [];
  });
  // Beside v1 hierarchies an empty v2 one may be mounted; nothing uses it.
  const version = found.some((each) => each.version === 1) ? 1 : 2;
  return found.filter((each) => each.version === version);
}

function hierarchies(): CgroupHierarchy[] {
  return cgroupHierarchies(readFileSync('/proc/self/mounts', 'utf8'));
}

/** Makes a cgroup (a path as `/a/b`) in every hierarchy, usable for the kubelet. */
export function createCgroup(path: string): void {
  for (const hierarchy of hierarchies()) {
    let folder = hierarchy.mount;
    for (const part of path.split('/').filter((each) => each !== '')) {
      if (hierarchy.version === 2) enableControllers(folder);
      folder = join(folder, part);
      mkdirSync(folder, { recursive: true });
      if (hierarchy.version === 1 && hierarchy.controllers.includes('cpuset')) inheritCpuset(folder);
    }
  }
}

/**
 * Gives a cgroup as much CPU time as so many processes beside it have, where they compete. Without this, all pods of a
 * cluster together count for one process (or for one session, where the kernel groups them: sched_autogroup).
 * @param times 1 to 100
 */
export function setCpuShare(path: string, times: number): void {
  for (const { mount, version, controllers } of hierarchies()) {
    if (version === 1 && !controllers.includes('cpu')) continue;
    const [name, one] = version === 2 ? (['cpu.weight', 100] as const) : (['cpu.shares', 1024] as const);
    const file = join(mount, path, name);
    // A v2 hierarchy may be handed down without its cpu controller.
    if (existsSync(file)) writeFileSync(file, String(one * times));
  }
}

/** The file that takes a process into the cgroup; one hierarchy is enough to find it again. */
export function cgroupProcsFile(path: string): string {
  const all = hierarchies();
  const hierarchy = all.find((each) => each.controllers.includes('pids')) ?? all[0];
  if (hierarchy === undefined) throw new Error('no cgroup hierarchy is mounted below /sys/fs/cgroup');
  return join(hierarchy.mount, path, 'cgroup.procs');
}

/** Mount points of all hierarchies; runc uses the empty v2 one beside v1 too, where there is one. */
function allMounts(): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines.flatMap((line) => /^\S+ (\S+) cgroup2? /.exec(line)?.[1] ?? []);
}

/** Processes in the cgroup and below it, in any hierarchy. */
export function processesInCgroup(path: string): number[] {
  const pids = allMounts()
    .flatMap((mount) => foldersBelow(join(mount, path)))
    .flatMap((folder) => readIfThere(join(folder, 'cgroup.procs')).split('\n'))
    .filter((line) => line !== '' && line !== '0')
    .map(Number);
  return [...new Set(pids)];
}

/**
 * Removes a cgroup without processes and those below it, in every hierarchy. A process that ended counts until its parent
 * has taken note of it, so this waits for a while.
 * @throws Error (EBUSY) where processes are left
 */
export async function removeCgroup(path: string): Promise<void> {
  const folders = allMounts().flatMap((mount) => foldersBelow(join(mount, path)).toReversed());
  const untilMs = Date.now() + 15_000;
  for (const folder of folders) {
    while (!removedNow(folder)) {
      if (Date.now() > untilMs) throw new Error(`cannot remove cgroup ${folder}: processes are left in it`);
      await sleep(50);
    }
  }
}

function removedNow(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return false;
    throw error;
  }
}

/** Removes a cgroup that other clusters may share, where it is empty. */
export async function removeCgroupIfEmpty(path: string): Promise<void> {
  const shared = allMounts().some((mount) => foldersBelow(join(mount, path)).length > 1);
  if (!shared) await removeCgroup(path);
}

function foldersBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...children.flatMap((entry) => foldersBelow(join(folder, entry.name)))];
}

/** A new v1 cpuset is empty, and takes no process until it names processors and memory. */
function inheritCpuset(folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(folder, file);
    if (readFileSync(own, 'utf8').trim() === '') writeFileSync(own, readFileSync(join(dirname(folder), file), 'utf8'));
  }
}

function enableControllers(folder: string): void {
  const available = readIfThere(join(folder, 'cgroup.controllers')).trim().split(' ');
  const enabled = new Set(readIfThere(join(folder, 'cgroup.subtree_control')).trim().split(' '));
  for (const controller of available) {
    if (controller !== '' && !enabled.has(controller)) {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    }
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENODEV')) return '';
    throw error;
  }
}
