import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { outputOf } from '../cluster/command.ts';
import { withLock } from '../cluster/exclusiveLock.ts';
import { cacheFolder } from '../cluster/folders.ts';
import { type Cluster, loadImagesOnce } from '../cluster/index.ts';
import { requirePrograms, systemPrograms } from '../cluster/prerequisites.ts';
import { SERVER_NAMES, type ServerName } from '../load/lossReport.ts';
import { type ImageConfig, imageManifest } from './imageManifest.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NODE_FILES = ['httpServer.ts', 'abrupt.ts', 'draining.ts'];
const NGINX_FILES = ['nginx.conf', 'passwd', 'group'];
/** Raise it when the way of building changes. */
const FORMAT = '2';

/** What each image runs. nginx is stopped by SIGQUIT as in the official image: its graceful stop. */
const CONFIGS: Readonly<Record<ServerName, ImageConfig>> = {
  abrupt: { Entrypoint: ['/usr/bin/node', '/app/abrupt.js'], WorkingDir: '/app' },
  draining: { Entrypoint: ['/usr/bin/node', '/app/draining.js'], WorkingDir: '/app' },
  nginx: { Entrypoint: ['/usr/sbin/nginx', '-g', 'daemon off;'], StopSignal: 'SIGQUIT' },
};

/**
 * Builds the servers' images if they are not in the cache and loads them into every node. They share two layers:
 * Debian's libc and nginx packages, and this very Node with the servers' files.
 * @returns the name of each server's image.
 * @throws PrerequisiteError where Debian packages cannot be had.
 */
export async function ensureServerImages(
  cluster: Cluster,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<Readonly<Record<ServerName, string>>> {
  const tag = await contentTag();
  const folder = join(cacheFolder(), 'images');
  const archive = join(folder, `load-servers-${tag}.tar`);
  const names = imageNames(tag);
  await mkdir(folder, { recursive: true });
  await withLock(join(folder, 'load-servers.lock'), { signal }, async () => {
    if (existsSync(archive)) return;
    onProgress("building the images of the servers under load (Debian's nginx, Node): about 15 s");
    await requirePrograms(systemPrograms.images, onProgress, signal);
    await buildArchive(folder, archive, names, signal);
  });
  onProgress('loading the images of the servers into the nodes, where they are not there yet');
  await loadImagesOnce(cluster, archive, Object.values(names), signal);
  return names;
}

function imageNames(tag: string): Readonly<Record<ServerName, string>> {
  const name = (server: ServerName): string => `localhost/graceful-rollout-load-${server}:${tag}`;
  return { abrupt: name('abrupt'), draining: name('draining'), nginx: name('nginx') };
}

/** Changes with everything that goes into the images but Debian's packages. */
async function contentTag(): Promise<string> {
  const hash = createHash('sha256').update(
    `${FORMAT}\n${process.version}\n${process.arch}\n${JSON.stringify(CONFIGS)}\n`,
  );
  for (const file of [...NODE_FILES, ...NGINX_FILES.map((name) => join('nginx', name))]) {
    hash.update(await readFile(join(HERE, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

async function buildArchive(
  folder: string,
  archive: string,
  names: Readonly<Record<ServerName, string>>,
  signal: AbortSignal,
): Promise<void> {
  const work = await mkdtemp(join(folder, 'load-servers-'));
  try {
    const packages = join(work, 'packages.tar');
    const include = '--include=libc6,libstdc++6,nginx';
    await outputOf(['mmdebstrap', '--variant=extract', include, await debianSuite(), packages], { signal });
    const root = join(work, 'root');
    for (const path of ['usr/bin', 'app', 'etc/nginx', 'run/nginx', 'tmp'])
      await mkdir(join(root, path), { recursive: true });
    await copyFile(process.execPath, join(root, 'usr/bin/node'));
    await chmod(join(root, 'usr/bin/node'), 0o755);
    // Stripped here, once, instead of at every start of a pod.
    for (const file of NODE_FILES) {
      const stripped = stripTypeScriptTypes(await readFile(join(HERE, file), 'utf8')).replaceAll(".ts';", ".js';");
      await writeFile(join(root, 'app', file.replace(/ts$/, 'js')), stripped);
    }
    await writeFile(join(root, 'app/package.json'), '{ "type": "module" }\n');
    await copyFile(join(HERE, 'nginx/nginx.conf'), join(root, 'etc/nginx/nginx.conf'));
    for (const file of ['passwd', 'group']) await copyFile(join(HERE, 'nginx', file), join(root, 'etc', file));
    const servers = join(work, 'servers.tar');
    const tar = ['tar', '--owner=0', '--group=0', '--mtime=@0', '--sort=name'];
    await outputOf([...tar, '-C', root, '-cf', servers, 'usr', 'app', 'etc', 'run', 'tmp'], { signal });

    const layers = [
      { file: 'packages.tar', digest: await digestOf(packages) },
      { file: 'servers.tar', digest: await digestOf(servers) },
    ];
    const images = SERVER_NAMES.map((server) => ({ name: names[server], config: CONFIGS[server] }));
    const files = imageManifest(images, layers);
    for (const [file, text] of Object.entries(files)) await writeFile(join(work, file), text);
    const members = [...Object.keys(files), ...layers.map((layer) => layer.file)];
    await outputOf(['tar', '-C', work, '-cf', join(work, 'images.tar'), ...members], { signal });
    await rename(join(work, 'images.tar'), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function debianSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const suite = /^VERSION_CODENAME=(\S+)$/m.exec(release)?.[1];
  if (suite === undefined || !/^ID=debian$/m.test(release)) {
    throw new PrerequisiteError(
      'The servers under load are made of Debian packages, and this is not Debian.',
      'Run this on Debian, for instance in a virtual machine.',
    );
  }
  return suite;
}
