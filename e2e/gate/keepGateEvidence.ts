import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/index.ts';
import { defaultNamespace } from '../install/chart.ts';
import type { GateResult } from './gateRun.ts';
import { gateTable } from './gateTable.ts';

/** Writes the data of a run, every node's kube-proxy log and the operator's log into a folder. @returns the data's file */
export async function keepGateEvidence(cluster: Cluster, result: GateResult, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const data = join(folder, 'gate.json');
  await writeFile(data, `${JSON.stringify(result)}\n`);
  await writeFile(join(folder, 'table.txt'), `${gateTable([result])}\n`);
  await keepLogs(cluster, folder, result.startedAtMs);
  return data;
}

/** Writes the operator's log since a time, and the logs of every node's kube-proxy and of the controller manager, into a folder. */
export async function keepLogs(cluster: Cluster, folder: string, sinceMs: number): Promise<void> {
  const operator = await cluster.kubectl([
    ...['logs', `--namespace=${defaultNamespace}`, '--selector=app.kubernetes.io/name=graceful-rollout'],
    ...['--tail=-1', '--prefix', `--since-time=${new Date(sinceMs).toISOString()}`],
  ]);
  await writeFile(join(folder, 'operator.log'), operator.stdout);
  if (cluster.provider !== 'local') return;
  for (const node of cluster.nodes) {
    await copyFile(cluster.componentLog(`${node}/kube-proxy`), join(folder, `kube-proxy-${node}.log`));
  }
  await copyFile(cluster.componentLog('kube-controller-manager'), join(folder, 'kube-controller-manager.log'));
}
