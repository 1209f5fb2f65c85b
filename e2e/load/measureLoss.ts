import { createClient, loadKubeConfig } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { ensureServerImages } from '../servers/images.ts';
import { requireClientSources } from './loadClient.ts';
import { type LossReport, type LossScenarioResult, NOTE, SERVER_NAMES, type ServerName } from './lossReport.ts';
import { runLossScenario } from './lossScenario.ts';
import type { ConnectionMode } from './plan.ts';

/** What is measured. Every field has a default: all servers, both ways to connect, 500 requests/s per row, 20,000 per row. */
export interface MeasureLossOptions {
  readonly servers?: readonly ServerName[];
  readonly modes?: readonly ConnectionMode[];
  /** Per row. */
  readonly ratePerSecond?: number;
  /** Per row. */
  readonly minimumRequests?: number;
  /** Rolling restarts of every Deployment within its load. */
  readonly rollouts?: number;
  readonly replicas?: number;
  /** Leave the last server's namespace there to look at. */
  readonly keepLast?: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Measures what rolling restarts lose, one server after the other, on a cluster with the operator installed. Plain and
 * protected run at the same time.
 * @throws PrerequisiteError on a cluster that load cannot be sent to; VoidRunError when the rig itself loses requests; Error when a rollout does not come to its end.
 */
export async function measureLoss(cluster: Cluster, options: MeasureLossOptions): Promise<LossReport> {
  requireClientSources(cluster);
  const { signal, onProgress } = options;
  const servers = options.servers ?? SERVER_NAMES;
  const images = await ensureServerImages(cluster, onProgress, signal);
  const client = createClient({
    connection: await loadKubeConfig({ path: cluster.kubeconfigPath }, signal),
    userAgent: 'graceful-rollout-load-rig',
    fieldManager: 'graceful-rollout-load-rig',
  });
  const measuredAt = new Date().toISOString();
  const scenarios: LossScenarioResult[] = [];
  try {
    for (const server of servers) {
      const measured = await runLossScenario(cluster, client, {
        server,
        image: images[server],
        modes: options.modes ?? ['new-connection', 'keep-alive'],
        ratePerSecond: options.ratePerSecond ?? 500,
        minimumRequests: options.minimumRequests ?? 20_000,
        rollouts: options.rollouts ?? 2,
        replicas: options.replicas ?? 4,
        keep: options.keepLast === true && server === servers.at(-1),
        onProgress,
        signal,
      });
      scenarios.push(...measured);
    }
  } finally {
    await client.close();
  }
  return {
    kubernetes: cluster.kubernetes,
    proxyMode: cluster.proxyMode,
    provider: cluster.provider,
    nodes: cluster.nodes.length,
    measuredAt,
    note: NOTE,
    scenarios,
    met: scenarios.every((scenario) => scenario.rows.every((row) => row.met)),
  };
}
