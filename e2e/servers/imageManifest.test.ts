import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { imageManifest } from './imageManifest.ts';

it('several images share their layers, each under its own name, and every configuration is named by its digest', () => {
  const layers = [
    { file: 'a.tar', digest: 'sha256:aa' },
    { file: 'b.tar', digest: 'sha256:bb' },
  ];
  const files = imageManifest(
    [
      { name: 'localhost/one:1', config: { Entrypoint: ['/one'] } },
      { name: 'localhost/two:1', config: { Entrypoint: ['/two'], StopSignal: 'SIGQUIT' } },
    ],
    layers,
  );
  const manifest = JSON.parse(files['manifest.json'] ?? '[]') as {
    Config: string;
    RepoTags: string[];
    Layers: string[];
  }[];
  expect(manifest.map((image) => image.RepoTags)).toEqual([['localhost/one:1'], ['localhost/two:1']]);
  for (const image of manifest) {
    expect(image.Layers).toEqual(['a.tar', 'b.tar']);
    const text = files[image.Config] ?? '';
    expect(image.Config).toBe(`${createHash('sha256').update(text).digest('hex')}.json`);
    expect(JSON.parse(text)).toMatchObject({
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: ['sha256:aa', 'sha256:bb'] },
    });
  }
  expect(JSON.parse(files[manifest[1]?.Config ?? ''] ?? '{}')).toMatchObject({ config: { StopSignal: 'SIGQUIT' } });
});
