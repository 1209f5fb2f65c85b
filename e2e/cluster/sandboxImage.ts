import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { outputOf } from './command.ts';
import { cacheFolder } from './folders.ts';
import { sandboxImage } from './nodeConfiguration.ts';

/** Holds a pod's namespaces until it is told to end; collects orphans where pods share process namespaces. */
const holdOn = "trap 'exit 0' TERM INT; while :; do /bin/busybox sleep 3600 & wait $!; done";

/**
 * A `docker-archive:` of the image that every pod's sandbox runs, made of the static busybox. In the cache; made in well
 * under a second at first use.
 */
export async function sandboxImageArchive(): Promise<string> {
  const archive = join(cacheFolder(), 'images', 'sandbox-1.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(join(cacheFolder(), 'images'), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), 'images', 'sandbox-'));
  try {
    const root = join(work, 'root');
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(root, 'bin', 'busybox'));
    chmodSync(join(root, 'bin', 'busybox'), 0o755);
    const layer = join(work, 'layer.tar');
    await outputOf(['tar', '-C', root, '--owner=0', '--group=0', '--mtime=@0', '-cf', layer, 'bin']);
    const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const config = {
      architecture,
      os: 'linux',
      config: { Entrypoint: ['/bin/busybox', 'sh', '-c', holdOn], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    };
    writeFileSync(join(work, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [sandboxImage], Layers: ['layer.tar'] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    await outputOf(['tar', '-C', work, '-cf', join(work, 'image.tar'), 'manifest.json', 'config.json', 'layer.tar']);
    renameSync(join(work, 'image.tar'), archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return archive;
}
