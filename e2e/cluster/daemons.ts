import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupProcsFile } from './cgroups.ts';
import type { ClusterPaths } from './clusterState.ts';
import { identify, isAlive, type ProcessIdentity, signalProcess } from './processIdentity.ts';

/** A server process of a cluster; it outlives the command that starts it. */
export interface DaemonSpec {
  /** For example `kube-apiserver` or `node-1/kubelet`. */
  name: string;
  argv: readonly string[];
  /** Its network namespace. */
  namespace: string;
  /** Daemon whose mount namespace it shares. */
  mountsOf?: string;
}

interface DaemonRecord {
  spec: DaemonSpec;
  identity: ProcessIdentity;
}

/** Log of a daemon: `logs/node-1/kubelet.log`. */
export function daemonLog(paths: ClusterPaths, name: string): string {
  return join(paths.logs, `${name}.log`);
}

function recordFile(paths: ClusterPaths, name: string): string {
  return join(paths.daemons, `${name.replaceAll('/', '@')}.json`);
}

/** Names of the daemons that were started, running or not. */
export function daemonNames(paths: ClusterPaths): string[] {
  if (!existsSync(paths.daemons)) return [];
  return readdirSync(paths.daemons)
    .map((file) => basename(file, '.json').replaceAll('@', '/'))
    .sort();
}

function readRecord(paths: ClusterPaths, name: string): DaemonRecord {
  const file = recordFile(paths, name);
  if (!existsSync(file)) {
    throw new Error(`this cluster has no component ${name}; it has ${daemonNames(paths).join(', ')}`);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as DaemonRecord;
}

/** Whether the process that was started under this name still lives. */
export function daemonIsRunning(paths: ClusterPaths, name: string): boolean {
  return isAlive(readRecord(paths, name).identity);
}

/**
 * Number of a daemon's process.
 * @throws Error where it has ended: its number may be another process's by now
 */
export function daemonPid(paths: ClusterPaths, name: string): number {
  assertDaemon(paths, name);
  return readRecord(paths, name).identity.pid;
}

/** Starts a daemon in its namespaces and in the cluster's cgroup, and writes down which process it is. */
export function startDaemon(paths: ClusterPaths, spec: DaemonSpec): void {
  const logFile = daemonLog(paths, spec.name);
  mkdirSync(dirname(logFile), { recursive: true });
  mkdirSync(paths.daemons, { recursive: true });
  const mounts = spec.mountsOf === undefined ? [] : [`--mount=/proc/${daemonPid(paths, spec.mountsOf)}/ns/mnt`];
  const procs = cgroupProcsFile(`${paths.cgroup}/daemons`);
  const log = openSync(logFile, 'a');
  // The shell, nsenter and the daemon are one process after another under one number. `ip netns exec` would hide cgroups.
  const child = spawn(
    'sh',
    [
      '-c',
      'echo $$ > "$0" && exec "$@"',
      procs,
      'nsenter',
      `--net=/run/netns/${spec.namespace}`,
      ...mounts,
      ...spec.argv,
    ],
    { detached: true, stdio: ['ignore', log, log], cwd: '/' },
  );
  closeSync(log);
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error(`cannot start ${spec.name}: see ${logFile}`);
  const record: DaemonRecord = { spec, identity };
  writeFileSync(recordFile(paths, spec.name), JSON.stringify(record), { mode: 0o600 });
}

/** @throws Error with the end of its log where the daemon has ended */
export function assertDaemon(paths: ClusterPaths, name: string): void {
  if (daemonIsRunning(paths, name)) return;
  const logFile = daemonLog(paths, name);
  const said = readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
  throw new Error(`${name} has ended; the end of ${logFile}:\n${said}`);
}

/** Ends a daemon and waits until it is gone. */
export async function stopDaemon(paths: ClusterPaths, name: string, signalName: NodeJS.Signals): Promise<void> {
  const { identity } = readRecord(paths, name);
  signalProcess(identity, signalName);
  const untilMs = Date.now() + 30_000;
  while (isAlive(identity)) {
    if (Date.now() > untilMs) throw new Error(`${name} (process ${identity.pid}) still runs 30 s after ${signalName}`);
    await sleep(20);
  }
}

/** Starts a stopped daemon again as it was. Harmless where it runs. */
export function restartDaemon(paths: ClusterPaths, name: string): void {
  if (!daemonIsRunning(paths, name)) startDaemon(paths, readRecord(paths, name).spec);
}
