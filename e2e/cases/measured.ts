import path from 'node:path';
import type { Cluster } from '../cluster/index.ts';
import { keepEvidence } from '../load/keepEvidence.ts';
import type { LossReport, ServerName } from '../load/lossReport.ts';
import { lossTable } from '../load/lossTable.ts';
import { measureLoss } from '../load/measureLoss.ts';
import type { ConnectionMode } from '../load/plan.ts';
import { onProgress } from './clusterUnderTest.ts';

/** What is lost once in a while for a reason that is not known yet: single refused connections, see docs/results. */
const strayRequests = 2;

/**
 * One measurement with its table printed and its evidence kept. A run in which rows miss what they must show by no more
 * than {@link strayRequests} requests is kept as `<name>-stray` and repeated once, so that an open question about one
 * request in 20,000 is collected and does not stop everything else; anything more is the result.
 */
export async function measured(
  cluster: Cluster,
  name: string,
  options: {
    readonly servers: readonly ServerName[];
    readonly modes?: readonly ConnectionMode[];
    readonly signal: AbortSignal;
  },
): Promise<LossReport> {
  const report = await once(cluster, name, options);
  const missed = report.scenarios.flatMap(({ rows }) => rows.filter(({ met }) => !met));
  const stray = missed.every(({ side, lost }) => side === 'protected' && lost <= strayRequests);
  if (missed.length === 0 || !stray) return report;
  const lost = missed.map(({ server, mode, byClass }) => `${server} ${mode}: ${JSON.stringify(byClass)}`).join('; ');
  onProgress(`STRAY LOSS, measured once more: ${lost}`);
  await keepEvidence(cluster, report, path.resolve(`.tmp/e2e/${name}-stray`));
  return once(cluster, name, options);
}

async function once(cluster: Cluster, name: string, options: Parameters<typeof measured>[2]): Promise<LossReport> {
  const report = await measureLoss(cluster, { ...options, onProgress });
  const evidence = await keepEvidence(cluster, report, path.resolve(`.tmp/e2e/${name}`));
  process.stderr.write(`\n${lossTable(report)}\n\nwhen and where: ${evidence.data}\n`);
  return report;
}
