import path from 'node:path';
import type { Cluster } from '../cluster/index.ts';
import { keepEvidence } from '../load/keepEvidence.ts';
import type { LossReport, ServerName } from '../load/lossReport.ts';
import { lossTable } from '../load/lossTable.ts';
import { measureLoss } from '../load/measureLoss.ts';
import type { ConnectionMode } from '../load/plan.ts';
import { onProgress } from './clusterUnderTest.ts';

/** One measurement with its table printed and its evidence kept under `.tmp/e2e/<name>`. */
export async function measured(
  cluster: Cluster,
  name: string,
  options: {
    readonly servers: readonly ServerName[];
    readonly modes?: readonly ConnectionMode[];
    readonly minimumRequests?: number;
    readonly rollouts?: number;
    readonly signal: AbortSignal;
  },
): Promise<LossReport> {
  const report = await measureLoss(cluster, { ...options, onProgress });
  const evidence = await keepEvidence(cluster, report, path.resolve(`.tmp/e2e/${name}`));
  process.stderr.write(`\n${lossTable(report)}\n\nwhen and where: ${evidence.data}\n`);
  return report;
}
