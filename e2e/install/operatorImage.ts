import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../cluster/command.ts';
import { withLock } from '../cluster/exclusiveLock.ts';
import { cacheFolder } from '../cluster/folders.ts';
import { findProgram, requirePrograms, systemPrograms } from '../cluster/prerequisites.ts';
import { buildah } from './buildah.ts';
import { builderImage } from './builderImage.ts';
import { imageFingerprint } from './imageInputs.ts';

/** The repository's root: the build context. */
const root = join(import.meta.dirname, '../..');
const repository = 'localhost/graceful-rollout';
/** Archives of earlier states of the source that are kept: going back and forth between two branches is common. */
const keptArchives = 3;

/** An image of the operator as a `docker-archive:` file. */
export interface OperatorImage {
  readonly archive: string;
  readonly repository: string;
  readonly tag: string;
}

/** How the image is to be built. */
export interface OperatorImageOptions {
  /** `docker` or `podman` where the machine has one and the nodes come from it; default: buildah. */
  readonly engine?: 'buildah' | 'docker' | 'podman';
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Builds the operator's image from this source with the repository's Dockerfile, or returns the one that was built from
 * the same inputs.
 * @throws PrerequisiteError where buildah or mmdebstrap is missing and cannot be installed
 */
export async function operatorImage(options: OperatorImageOptions = {}): Promise<OperatorImage> {
  const { engine = 'buildah', signal } = options;
  const onProgress = options.onProgress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const tag = imageFingerprint(root, [engine, process.versions.node]);
  const folder = join(cacheFolder(), 'operator-images');
  const archive = join(folder, `${tag}.tar`);
  const built = { archive, repository, tag };
  if (existsSync(archive)) return built;
  mkdirSync(folder, { recursive: true });
  const onWait = (pid: number): void => onProgress(`waiting for process ${pid}, which builds the operator's image`);
  return withLock(join(folder, 'build.lock'), { signal, onWait }, async () => {
    if (existsSync(archive)) return built;
    const startedMs = Date.now();
    onProgress("building the operator's image (about 30 s, 5 s where only the source has changed)");
    await build(engine, `${repository}:${tag}`, `${archive}.part`, onProgress, signal);
    renameSync(`${archive}.part`, archive);
    removeOldArchives(folder);
    onProgress(`built ${repository}:${tag} in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`);
    return built;
  });
}

async function build(
  engine: 'buildah' | 'docker' | 'podman',
  image: string,
  archive: string,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const abort = signal === undefined ? {} : { signal };
  rmSync(archive, { force: true });
  if (engine !== 'buildah') {
    await outputOf([engine, 'build', ...trustArguments(), '--tag', image, root], abort);
    await outputOf([engine, 'save', '--output', archive, image], abort);
    return;
  }
  await requirePrograms(systemPrograms.images, onProgress, signal);
  const builder = await builderImage(onProgress, signal);
  // The first stage has a name, so that its layers stay: `npm ci` runs again only when the lock file has changed.
  const args = ['build', '--layers', '--build-arg', `BUILDER_IMAGE=${builder}`, ...trustArguments()];
  await buildah([...args, '--target', 'build', '--tag', `${repository}-stage`, root], abort);
  await buildah([...args, '--tag', repository, root], abort);
  await buildah(['push', '--quiet', repository, `docker-archive:${archive}:${image}`], abort);
  // What earlier builds left: containers of those that failed, images that have no name any more.
  await buildah(['rm', '--all'], abort);
  await buildah(['rmi', '--prune'], abort);
}

/** npm inside the build trusts what npm outside trusts; the bundle is mounted for that one step only. */
function trustArguments(env: NodeJS.ProcessEnv = process.env): string[] {
  const bundle = [env['NODE_EXTRA_CA_CERTS'], env['npm_config_cafile']].find(
    (path) => path !== undefined && path !== '' && existsSync(path),
  );
  return bundle === undefined ? [] : ['--secret', `id=ca,src=${bundle}`];
}

function removeOldArchives(folder: string): void {
  const archives = readdirSync(folder)
    .filter((name) => name.endsWith('.tar'))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const archive of archives.slice(keptArchives)) rmSync(archive, { force: true });
}

/** The engine that makes images where nodes are containers. */
export function containerEngine(): 'docker' | 'podman' {
  return findProgram('docker') !== undefined ? 'docker' : 'podman';
}
