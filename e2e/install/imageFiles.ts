import { outputOf } from '../cluster/command.ts';

/** What of a `docker-archive:` file's manifest is read here. */
type Manifest = readonly { readonly Layers: readonly string[] }[];

/** Paths of all files in all layers of a `docker-archive:` file, without a leading slash; folders end with one. */
export async function imageFiles(archive: string): Promise<readonly string[]> {
  const manifest = JSON.parse(await outputOf(['tar', '-xOf', archive, 'manifest.json'], {})) as Manifest;
  const files = new Set<string>();
  for (const layer of manifest.flatMap(({ Layers }) => Layers)) {
    const list = await outputOf(['sh', '-c', 'tar -xOf "$1" "$2" | tar -tf -', 'sh', archive, layer], {});
    for (const file of list.trim().split('\n')) files.add(file.replace(/^\.?\//, ''));
  }
  return [...files];
}
