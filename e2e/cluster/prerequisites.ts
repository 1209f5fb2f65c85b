import { accessSync, chmodSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PrerequisiteError } from './cluster.ts';
import { runCommand } from './command.ts';
import { withLock } from './exclusiveLock.ts';

/** A program and the Debian package that has it. */
interface SystemProgram {
  program: string;
  debianPackage: string;
}

/** Programs that the parts of the test cluster call, by part. */
export const systemPrograms = {
  controlPlane: [{ program: 'etcd', debianPackage: 'etcd-server' }],
  nodes: [
    { program: 'etcd', debianPackage: 'etcd-server' },
    { program: 'containerd', debianPackage: 'containerd' },
    { program: 'ctr', debianPackage: 'containerd' },
    { program: 'runc', debianPackage: 'runc' },
    { program: '/usr/lib/cni/bridge', debianPackage: 'containernetworking-plugins' },
    { program: 'ip', debianPackage: 'iproute2' },
    { program: 'nft', debianPackage: 'nftables' },
    { program: 'iptables', debianPackage: 'iptables' },
    { program: 'conntrack', debianPackage: 'conntrack' },
    { program: '/bin/busybox', debianPackage: 'busybox-static' },
  ],
  images: [
    { program: 'buildah', debianPackage: 'buildah' },
    { program: 'mmdebstrap', debianPackage: 'mmdebstrap' },
  ],
} as const satisfies Record<string, readonly SystemProgram[]>;

/** Debian puts administrators' programs where an ordinary PATH does not look. */
const searchPath = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Absolute path of a program, undefined where it is not installed. */
export function findProgram(program: string): string | undefined {
  const candidates = program.startsWith('/') ? [program] : searchPath.map((folder) => join(folder, program));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Makes sure that programs are there, with apt-get where some are missing.
 * @throws PrerequisiteError that names what is missing and what to do
 */
export async function requirePrograms(
  wanted: readonly SystemProgram[],
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const missing = wanted.filter((each) => findProgram(each.program) === undefined);
  if (missing.length === 0) return;
  const packages = packagesOf(missing);
  const reason = aptUnusableBecause();
  if (reason !== undefined) throw missingPrograms(missing, reason);
  await withLock('/run/graceful-rollout-apt.lock', { signal }, () => install(packages, onProgress, signal));
  const still = missing.filter((each) => findProgram(each.program) === undefined);
  if (still.length > 0) {
    throw new PrerequisiteError(
      `Still missing after installing ${packages.join(', ')}: ${still.map((each) => each.program).join(', ')}.`,
      'Install them by hand and put them in PATH.',
    );
  }
}

/** Why nothing can be installed here; undefined where it can. */
export function aptUnusableBecause(
  machine: { root: boolean; hasApt: boolean } = {
    root: process.getuid?.() === 0,
    hasApt: findProgram('apt-get') !== undefined,
  },
): string | undefined {
  if (!machine.root) return 'this needs root';
  return machine.hasApt ? undefined : 'there is no apt-get';
}

/** The error for programs that are missing and cannot be installed. */
export function missingPrograms(missing: readonly SystemProgram[], reason: string): PrerequisiteError {
  return new PrerequisiteError(
    `Missing: ${missing.map((each) => each.program).join(', ')}; cannot install them: ${reason}.`,
    `Install them yourself (Debian: apt-get install ${packagesOf(missing).join(' ')}) and run this again.`,
  );
}

function packagesOf(programs: readonly SystemProgram[]): string[] {
  return [...new Set(programs.map((each) => each.debianPackage))];
}

async function install(packages: readonly string[], onProgress: (line: string) => void, signal?: AbortSignal) {
  onProgress(`installing ${packages.join(', ')} with apt-get`);
  const options = { check: true, signal, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  // Debian starts services on installation; neither a host etcd nor a host containerd is wanted.
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    await runCommand(['apt-get', 'update', '-q'], options);
    await runCommand(['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...packages], options);
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/**
 * Checks what the local provider needs and cannot install.
 * @throws PrerequisiteError that says what is missing and what to do
 */
export function requireRootLinux(
  machine: { platform: string; root: boolean } = { platform: process.platform, root: process.getuid?.() === 0 },
): void {
  const remedy = 'Run it as root on Linux, or install Docker or Podman and use `--provider kind`.';
  if (machine.platform !== 'linux') {
    throw new PrerequisiteError(`The local test cluster needs Linux; this is ${machine.platform}.`, remedy);
  }
  if (!machine.root) {
    throw new PrerequisiteError('The local test cluster needs root: it makes network namespaces and cgroups.', remedy);
  }
}
