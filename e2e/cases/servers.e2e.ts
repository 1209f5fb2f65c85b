import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/index.ts';
import { keepEvidence } from '../load/keepEvidence.ts';
import { SERVER_NAMES } from '../load/lossReport.ts';
import { lossTable } from '../load/lossTable.ts';
import { measureLoss } from '../load/measureLoss.ts';
import { onProgress, operatorUnderTest } from './clusterUnderTest.ts';

let cluster: Cluster;

beforeAll(async () => {
  ({ cluster } = await operatorUnderTest());
});

describe.each(SERVER_NAMES)('%s', (server) => {
  test('every row shows what it must, on new and on kept connections', async ({ signal }) => {
    const report = await measureLoss(cluster, { servers: [server], onProgress, signal });
    const evidence = await keepEvidence(cluster, report, path.resolve(`.tmp/e2e/${server}`));
    process.stderr.write(`\n${lossTable(report)}\n\nwhen and where: ${evidence.data}\n`);
    const rows = report.scenarios.flatMap((scenario) => scenario.rows);
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const name = `${row.side} ${row.mode}`;
      expect(row.requests, name).toBeGreaterThanOrEqual(20_000);
      expect(row.rollouts.length, name).toBe(2);
      expect(
        row.met,
        `${name} must show: ${row.expectation}; it lost ${row.lost}: ${JSON.stringify(row.byClass)}`,
      ).toBe(true);
    }
    const protectedNew = rows.find((row) => row.side === 'protected' && row.mode === 'new-connection');
    expect(protectedNew?.lost).toBe(0);
  });
});
