import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/index.ts';
import type { LossReport } from './lossReport.ts';
import { lossTable } from './lossTable.ts';
import { lossTimeline } from './lossTimeline.ts';

/** Where {@link keepEvidence} wrote what. */
export interface EvidenceFiles {
  readonly picture: string;
  readonly table: string;
  readonly data: string;
  /** One per node: with it a loss can be explained. */
  readonly proxyLogs: readonly string[];
}

/** Writes the picture, the table, the data and every node's kube-proxy log into a folder, which is made if need be. */
export async function keepEvidence(cluster: Cluster, report: LossReport, folder: string): Promise<EvidenceFiles> {
  await mkdir(folder, { recursive: true });
  const picture = join(folder, 'timeline.svg');
  const table = join(folder, 'table.txt');
  const data = join(folder, 'loss.json');
  await writeFile(picture, lossTimeline(report));
  await writeFile(table, `${lossTable(report)}\n`);
  await writeFile(data, `${JSON.stringify(report)}\n`);
  const proxyLogs: string[] = [];
  if (cluster.provider === 'local') {
    for (const node of cluster.nodes) {
      const copy = join(folder, `kube-proxy-${node}.log`);
      await copyFile(cluster.componentLog(`${node}/kube-proxy`), copy);
      proxyLogs.push(copy);
    }
  }
  return { picture, table, data, proxyLogs };
}
