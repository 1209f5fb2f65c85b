import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AddressPlan, planAddresses, slots } from './addressPlan.ts';
import type { ProxyMode } from './cluster.ts';
import { stateFolder } from './folders.ts';

/** What is written down about a cluster, so that later commands find it. */
export interface ClusterState {
  name: string;
  slot: number;
  nodes: number;
  kubernetes: string;
  proxyMode: ProxyMode;
  /** Folder of the Kubernetes programs it runs. */
  binaries: string;
  /** False while it is being made: whoever finds that after a crash takes it down first. */
  complete: boolean;
}

/** Files and folders of one cluster. */
export interface ClusterPaths {
  folder: string;
  stateFile: string;
  lockFile: string;
  logs: string;
  daemons: string;
  /** Sockets: a short path, for Unix sockets have 107 characters at most. */
  run: string;
  kubeconfig: string;
  /** Name of the cgroup of everything that belongs to it. */
  cgroup: string;
}

/** Where everything of the cluster of that name is; makes nothing. */
export function clusterPaths(name: string): ClusterPaths {
  const folder = join(stateFolder(), name);
  return {
    folder,
    stateFile: join(folder, 'cluster.json'),
    lockFile: join(stateFolder(), `${name}.lock`),
    logs: join(folder, 'logs'),
    daemons: join(folder, 'daemons'),
    run: join('/run/graceful-rollout', name),
    kubeconfig: join(folder, 'admin.kubeconfig'),
    cgroup: `/graceful-rollout/${name}`,
  };
}

/** Lock on what all clusters share: slots, and the folders and cgroup that hold theirs. */
export function sharedLockFile(): string {
  return join(stateFolder(), '.shared.lock');
}

/** What was written down of a cluster, also of one that was not started to the end. */
export function readState(name: string): ClusterState | undefined {
  const { stateFile } = clusterPaths(name);
  return existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, 'utf8')) as ClusterState) : undefined;
}

/** Writes a cluster down; its folder is made for root alone. */
export function writeState(state: ClusterState): void {
  const { folder, stateFile } = clusterPaths(state.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(`${stateFile}.new`, JSON.stringify(state));
  renameSync(`${stateFile}.new`, stateFile);
}

/** Names of all clusters that were started on this machine and not taken down. */
export function clusterNames(): string[] {
  if (!existsSync(stateFolder())) return [];
  return readdirSync(stateFolder(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(clusterPaths(entry.name).stateFile))
    .map((entry) => entry.name)
    .sort();
}

/**
 * The lowest slot that no cluster has and whose addresses this machine does not reach elsewhere. The caller holds
 * {@link sharedLockFile}.
 * @throws Error where all are taken
 */
export function freeSlot(): number {
  const taken = new Set(clusterNames().map((name) => readState(name)?.slot));
  const routed = routedSlots(readFileSync('/proc/net/route', 'utf8'));
  const free = Array.from({ length: slots }, (_, slot) => slot).find((slot) => !taken.has(slot) && !routed.has(slot));
  if (free !== undefined) return free;
  throw new Error(
    `no addresses are left between 10.200.0.0/16 and 10.${199 + slots}.0.0/16; clusters: ${clusterNames().join(', ')}; ` +
      `routed elsewhere: ${[...routed].map((slot) => `10.${200 + slot}.0.0/16`).join(', ')}`,
  );
}

/** Slots whose /16 overlaps a route of this machine other than the default one, from the text of /proc/net/route. */
export function routedSlots(routes: string): Set<number> {
  const overlapping = new Set<number>();
  for (const line of routes.trim().split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [destination, mask] = [fields[1], fields[7]].map((hex) => fromLittleEndian(hex ?? '0'));
    if (destination === undefined || mask === undefined || mask === 0) continue;
    for (let slot = 0; slot < slots; slot += 1) {
      const both = (mask & 0xffff0000) >>> 0;
      const network = ((10 << 24) | ((200 + slot) << 16)) >>> 0;
      if ((network & both) >>> 0 === (destination & both) >>> 0) overlapping.add(slot);
    }
  }
  return overlapping;
}

/** /proc/net/route writes addresses in the machine's byte order. */
function fromLittleEndian(hex: string): number {
  const bytes = Buffer.from(hex.padStart(8, '0'), 'hex');
  return bytes.readUInt32LE(0);
}

/** The addresses that a cluster has by its slot. */
export function planOf(state: ClusterState): AddressPlan {
  return planAddresses(state.name, state.slot, state.nodes);
}
