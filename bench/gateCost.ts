import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCluster } from '../e2e/cluster/index.ts';
import { rigClient } from '../e2e/gate/rigClient.ts';
import { type RolloutStatus, rolloutStatus, type Stage, setStage, strike, untilSettled } from '../e2e/gate/stage.ts';
import { timed } from '../e2e/gate/timed.ts';
import { deploymentOf, foundationsOf, type Workload } from '../e2e/gate/workload.ts';
import { installOperator } from '../e2e/install/index.ts';
import { ensureServerImages } from '../e2e/servers/images.ts';
import type { KubeObject } from '../src/api/kubernetes.ts';
import { deployments } from '../src/kube/index.ts';
import { difference, readApiCounts } from './apiServerMetrics.ts';
import { type CostMeasurement, costReport, costTable, type StageTimes, stageTimes } from './gateCostReport.ts';

/** How the bench is called. */
export interface GateCostOptions {
  readonly json: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

const REPLICAS = [4, 20] as const;
const ROLLOUTS = 3;
const namespace = 'gate-cost';
/** What controllers still write when the last pod is gone. */
const AFTERMATH_MS = 2000;

/**
 * `npm run bench -- gate-cost`: what the gate costs the control plane, rollouts of a gated Deployment and of a plain one with
 * the same template and strategy in turn, without load.
 */
export async function run({ json, onProgress, signal }: GateCostOptions): Promise<void> {
  const cluster = await ensureCluster({ onProgress, signal });
  await installOperator(cluster, { onProgress, signal });
  const client = await rigClient(cluster, signal);
  try {
    // nginx starts at once and weighs little: twenty of another would measure this machine's CPUs.
    const { nginx: image } = await ensureServerImages(cluster, onProgress, signal);
    const measurements: CostMeasurement[] = [];
    const stages: StageTimes[] = [];
    for (const replicas of REPLICAS) {
      const gated: Workload = { namespace, name: 'gated', server: 'nginx', image, replicas, rollout: {} };
      const stage = await setStage(cluster, client, [gated], { signal, onProgress });
      const both = await addTwin(stage, gated);
      for (let number = 1; number <= ROLLOUTS; number++) {
        for (const workload of both.workloads) {
          onProgress(`${replicas} replicas, rollout ${number} of ${ROLLOUTS}: ${workload.name}`);
          measurements.push(await measure(both, workload));
        }
      }
      stages.push(...stageTimes(replicas, recentOf(await rolloutStatus(client, namespace, gated.name, signal))));
      await strike(both);
    }
    const report = costReport({ kubernetes: cluster.kubernetes, nodes: cluster.nodes.length, measurements, stages });
    console.log(json ? JSON.stringify(report, null, 2) : costTable(report));
  } finally {
    await client.close();
  }
}

/** A plain Deployment with the template and the strategy that the contract has brought into the gated one. */
async function addTwin(stage: Stage, gated: Workload): Promise<Stage> {
  const { client, commands, signal } = stage;
  const { spec } = await client.get(deployments, { namespace, name: gated.name }, { signal });
  const { rollout: _rollout, ...twin } = { ...gated, name: 'plain' };
  const labels = { app: twin.name };
  const template = { ...spec.template, metadata: { labels } };
  const manifest: KubeObject & { readonly spec: object } = {
    ...deploymentOf(twin),
    spec: { ...spec, selector: { matchLabels: labels }, template },
  };
  await commands.apply([...foundationsOf(twin), manifest]);
  const both = { ...stage, workloads: [twin, gated] };
  await untilSettled(both, 240_000);
  return both;
}

async function measure(stage: Stage, workload: Workload): Promise<CostMeasurement> {
  const { client, commands, signal } = stage;
  const name = ['-n', namespace, `deployment/${workload.name}`];
  const before = await readApiCounts(client, signal);
  let statusMs = 0;
  const goneMs = await timed(async () => {
    statusMs = await timed(async () => {
      await commands.must(['rollout', 'restart', ...name]);
      await commands.must(['rollout', 'status', ...name, '--timeout=300s']);
    });
    await untilSettled(stage, 300_000);
  });
  await sleep(AFTERMATH_MS, undefined, { signal });
  const counts = difference(before, await readApiCounts(client, signal));
  return {
    side: workload.rollout === undefined ? 'plain' : 'gated',
    replicas: workload.replicas,
    statusMs,
    goneMs,
    requests: Object.fromEntries(counts.requests),
    webhooks: Object.fromEntries(counts.webhooks),
  };
}

function recentOf(status: RolloutStatus | undefined): readonly Readonly<Record<string, unknown>>[] {
  return status?.endpointCheck?.recent ?? [];
}
