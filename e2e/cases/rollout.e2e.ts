import { beforeAll, expect, test } from 'vitest';
import type { Cluster } from '../cluster/index.ts';
import { operatorUnderTest } from './clusterUnderTest.ts';
import { measured } from './measured.ts';

let cluster: Cluster;

beforeAll(async () => {
  ({ cluster } = await operatorUnderTest());
});

test('a rolling restart under load: the protected Deployment loses nothing but what the kernel refuses in nftables mode, the plain one beside it more than 0.5 %', async ({
  signal,
}) => {
  const report = await measured(cluster, 'rollout', { servers: ['abrupt'], modes: ['new-connection'], signal });
  const rows = report.scenarios.flatMap((scenario) => scenario.rows);
  const row = (side: 'plain' | 'protected') => rows.find((candidate) => candidate.side === side);
  for (const { side, requests, rollouts } of rows) {
    expect(requests, side).toBeGreaterThanOrEqual(20_000);
    expect(rollouts.length, side).toBeGreaterThanOrEqual(1);
  }
  const kept = row('protected');
  expect(kept?.met, `protected lost ${kept?.lost}, ${kept?.kernelLosses} of them by the kernel`).toBe(true);
  expect(row('plain')?.lostPercent).toBeGreaterThan(0.5);
});
