import type { Cluster } from './cluster.ts';

/** Loads an archive unless every node says that it has all of its images; their tags must change with what is in them. */
export async function loadImagesOnce(
  cluster: Cluster,
  archive: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const abort = signal === undefined ? {} : { signal };
  const { stdout } = await cluster.kubectl(['get', 'nodes', '--output=json'], { ...abort, check: true });
  const { items } = JSON.parse(stdout) as { items: { status: { images?: { names?: string[] }[] } }[] };
  const present = items.every(({ status }) => {
    const there = new Set(status.images?.flatMap((image) => image.names ?? []));
    return names.every((name) => there.has(name));
  });
  if (!present) await cluster.loadImage(archive, signal);
}
