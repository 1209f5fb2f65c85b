import { beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/index.ts';
import { SERVER_NAMES } from '../load/lossReport.ts';
import type { ConnectionMode } from '../load/plan.ts';
import { operatorUnderTest } from './clusterUnderTest.ts';
import { measured } from './measured.ts';

/** Requests per row and rolling restarts: fewer where the 20,000 requests that count are measured elsewhere. */
const minimumRequests = Number(process.env['LOSS_REQUESTS'] ?? 20_000);
const rollouts = Number(process.env['LOSS_ROLLOUTS'] ?? 2);
/** Servers that kept connections are measured of too: of the others they are only shown, and nothing is expected. */
const keptOf: readonly string[] = (process.env['LOSS_KEPT_OF'] ?? SERVER_NAMES.join()).split(',');

let cluster: Cluster;

beforeAll(async () => {
  ({ cluster } = await operatorUnderTest());
});

describe.each(SERVER_NAMES)('%s', (server) => {
  test('every row shows what it must, on new and on kept connections', async ({ signal }) => {
    const modes: readonly ConnectionMode[] = keptOf.includes(server)
      ? ['new-connection', 'keep-alive']
      : ['new-connection'];
    const report = await measured(cluster, server, { servers: [server], modes, minimumRequests, rollouts, signal });
    const rows = report.scenarios.flatMap((scenario) => scenario.rows);
    expect(rows).toHaveLength(2 * modes.length);
    for (const row of rows) {
      const name = `${row.side} ${row.mode}`;
      expect(row.requests, name).toBeGreaterThanOrEqual(minimumRequests);
      expect(row.rollouts.length, name).toBe(rollouts);
      expect(
        row.met,
        `${name} must show: ${row.expectation}; it lost ${row.lost}, ${row.kernelLosses} of them by the kernel: ${JSON.stringify(row.byClass)}`,
      ).toBe(true);
    }
  });
});
