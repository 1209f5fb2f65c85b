import { expect, test } from 'vitest';
import type { Cluster } from '../cluster/index.ts';
import { PrerequisiteError } from '../cluster/index.ts';
import { requireClientSources, requireLoadProvider } from './loadClient.ts';
import { measureLoss } from './measureLoss.ts';

test('load needs the local provider, and is told so before a cluster is brought up', () => {
  expect(() => requireLoadProvider('kind')).toThrow(PrerequisiteError);
  expect(() => requireLoadProvider('kind')).toThrow(/^This needs the local provider[^]*\nRun this as root on Linux/);
  expect(() => requireLoadProvider('local')).not.toThrow();
});

test('a cluster without client addresses is refused by name', () => {
  expect(() => requireClientSources({ name: 'x', clientSources: [] })).toThrow(/^Cluster x has no addresses/);
  expect(() => requireClientSources({ name: 'x', clientSources: ['10.200.193.1'] })).not.toThrow();
});

test('the loss is not measured on a cluster without client addresses, and no image is built for it', async () => {
  const onProgress = (line: string): never => expect.fail(`began with: ${line}`);
  const cluster = { name: 'x', clientSources: [] as readonly string[] } as Cluster;
  const run = measureLoss(cluster, { onProgress, signal: new AbortController().signal });
  await expect(run).rejects.toThrow(PrerequisiteError);
});
