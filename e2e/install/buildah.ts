import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../cluster/command.ts';
import { cacheFolder } from '../cluster/folders.ts';

/** f_type of an overlay file system (linux/magic.h), on which another overlay cannot be laid. */
const overlayFileSystem = 0x79_4c_76_30;

/**
 * Runs buildah on a store of its own in the cache, without a container runtime: RUN steps are chroots.
 * @returns what it prints
 */
export function buildah(
  args: readonly string[],
  options: { cwd?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const folder = join(cacheFolder(), 'buildah');
  mkdirSync(folder, { recursive: true });
  const driver = statfsSync(folder).type === overlayFileSystem ? 'vfs' : 'overlay';
  const places = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--storage-driver', driver];
  return outputOf(['buildah', ...places, ...args], { ...options, env: { BUILDAH_ISOLATION: 'chroot' } });
}
