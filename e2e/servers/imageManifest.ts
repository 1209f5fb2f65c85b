import { createHash } from 'node:crypto';

/** The part of an image's configuration that the rig sets (Docker Image Specification 1.2). */
export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly WorkingDir?: string;
  /** What the runtime sends instead of SIGTERM. */
  readonly StopSignal?: string;
}

/**
 * The JSON files of a `docker-archive:` with several images that share their layers.
 * @param layers tar files in the archive, lowest first, with the digest of their (uncompressed) content.
 * @returns file name to text, `manifest.json` among them.
 */
export function imageManifest(
  images: readonly { readonly name: string; readonly config: ImageConfig }[],
  layers: readonly { readonly file: string; readonly digest: string }[],
): Record<string, string> {
  const files: Record<string, string> = {};
  const manifest = images.map(({ name, config }) => {
    const text = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    });
    const file = `${createHash('sha256').update(text).digest('hex')}.json`;
    files[file] = text;
    return { Config: file, RepoTags: [name], Layers: layers.map((layer) => layer.file) };
  });
  return { ...files, 'manifest.json': JSON.stringify(manifest) };
}
