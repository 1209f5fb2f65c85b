import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, ensureCluster } from '../e2e/cluster/index.ts';
import { BudgetWatch, podDisruptionBudgets } from '../e2e/gate/budgetWatch.ts';
import { followObjects } from '../e2e/gate/followObjects.ts';
import { keepLogs } from '../e2e/gate/keepGateEvidence.ts';
import { watchPods } from '../e2e/gate/podWatch.ts';
import { seeded } from '../e2e/gate/random.ts';
import { rigClient } from '../e2e/gate/rigClient.ts';
import { type Stage, setStage, strike } from '../e2e/gate/stage.ts';
import type { Workload } from '../e2e/gate/workload.ts';
import { installOperator } from '../e2e/install/index.ts';
import { requireLoadProvider } from '../e2e/load/loadClient.ts';
import { kernelLosses } from '../e2e/load/lossReport.ts';
import type { ConnectionMode, TargetPlan } from '../e2e/load/plan.ts';
import { watchReadyEndpoints } from '../e2e/load/readyEndpoints.ts';
import { startLoad } from '../e2e/load/startLoad.ts';
import { countUntranslated } from '../e2e/load/untranslated.ts';
import { ensureServerImages } from '../e2e/servers/images.ts';
import { pods, services } from '../src/kube/index.ts';
import { type RanOperation, runOperations } from './soakLoop.ts';
import { type SoakReport, type SoakRow, soakReport, soakTable } from './soakReport.ts';

/** How the soak is called. */
export interface SoakOptions {
  /** All rows together, at least. */
  readonly requests: number;
  /** All rows together. */
  readonly ratePerSecond: number;
  /** Of the operations' order. */
  readonly seed: number;
  /** `gate`: nothing but the gate keeps requests (no preStop sleep); `plain`: no GracefulRollout, to see the rig lose. */
  readonly side: 'gate' | 'plain';
  readonly json: boolean;
  /** Leave the cluster there to look at. */
  readonly keep: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How the clients of each workload connect, and its share of the requests. */
const LOAD: Readonly<Record<string, { readonly mode: ConnectionMode; readonly share: number }>> = {
  web: { mode: 'new-connection', share: 0.35 },
  kept: { mode: 'keep-alive', share: 0.35 },
  single: { mode: 'new-connection', share: 0.3 },
};
const namespace = 'gate-soak';
const TAIL_MS = 3000;
/** Source ports that one address has, see `SourcePorts`; some stay for the probes before the load. */
const PORTS_PER_SOURCE = 50_000;

/**
 * `npm run bench -- soak`: continuous random rollouts, scalings, deletes, evictions and drains on three workers under
 * load, seen by watches of its own. @returns whether nothing was lost, left behind, or evicted against a budget.
 * @throws VoidRunError where the rig itself loses requests in the idle stretch.
 */
export async function run(options: SoakOptions): Promise<boolean> {
  const { signal, onProgress, json } = options;
  requireLoadProvider();
  const cluster = await ensureCluster({ name: 'soak', nodes: 3, onProgress, signal });
  try {
    if (options.side === 'gate') await installOperator(cluster, { onProgress, signal });
    const client = await rigClient(cluster, signal);
    try {
      const images = await ensureServerImages(cluster, onProgress, signal);
      const workloads = workloadsOf(options.side, images);
      const stage = await setStage(cluster, client, workloads, { signal, onProgress });
      const report = await soak(stage, options);
      const folder = resolve('.tmp/soak');
      await mkdir(folder, { recursive: true });
      const file = join(folder, `soak-${options.seed}.json`);
      await writeFile(file, `${JSON.stringify(report)}\n`);
      console.log(json ? JSON.stringify(report, null, 2) : `${soakTable(report)}\n\ndata: ${file}`);
      if (!report.ok) await keepLogs(cluster, folder, report.startedAtMs);
      await strike(stage);
      return report.ok;
    } finally {
      await client.close();
    }
  } finally {
    if (!options.keep) await cluster.down();
  }
}

function workloadsOf(side: SoakOptions['side'], images: Readonly<Record<'abrupt' | 'draining', string>>): Workload[] {
  const gate = side === 'gate' ? { rollout: { termination: { preStopSleepSeconds: 0 } } } : {};
  const abrupt = { namespace, server: 'abrupt', image: images.abrupt, ...gate } as const;
  const draining = { namespace, server: 'draining', image: images.draining, ...gate } as const;
  // Plain Kubernetes could never evict the only pod of a budget that asks for one.
  const budget = side === 'gate' ? { minAvailable: 1 } : {};
  return [
    { ...abrupt, name: 'web', replicas: 4 },
    { ...draining, name: 'kept', replicas: 4, minAvailable: 3 },
    { ...abrupt, name: 'single', replicas: 1, startUpSeconds: 3, ...budget },
  ];
}

async function soak(stage: Stage, options: SoakOptions): Promise<SoakReport> {
  const { cluster, client } = stage;
  const { onProgress, requests, seed } = options;
  const targets = await targetsOf(stage, options.ratePerSecond);
  assertEnoughPorts(cluster, requests);
  await cluster.flushConntrack(stage.signal);
  const stop = new AbortController();
  const signal = AbortSignal.any([stage.signal, stop.signal]);
  const watcher = await rigClient(cluster, signal);
  const untranslated = await countUntranslated(cluster, signal);
  try {
    const watch = await watchPods(watcher, namespace, signal);
    const budgets = new BudgetWatch();
    const seen = await Promise.all([
      followObjects(watcher, podDisruptionBudgets, namespace, signal, budgets.noteBudget),
      followObjects(watcher, pods, namespace, signal, budgets.notePod),
    ]);
    const minReady = await watchReadyEndpoints(client, namespace, signal);
    let sent = 0;
    const load = startLoad(
      {
        targets,
        sources: cluster.clientSources,
        requestTimeoutMs: 5000,
        steadyMs: 3000,
        steadyLimitMs: 60_000,
        idleMs: 10_000,
        minimumRequests: 0,
        waitForFinish: true,
      },
      (argv, spawnOptions) => cluster.spawnIn('client', argv, spawnOptions),
      (event) => {
        if (event.type === 'progress') sent = event.rows.reduce((sum, row) => sum + row.requests, 0);
      },
      signal,
    );
    await load.idlePassed;
    const before = await untranslated.read(signal);
    const operations: RanOperation[] = [];
    const onRan = (operation: RanOperation): void => {
      operations.push(operation);
      const seconds = ((operation.endedAtMs - operation.startedAtMs) / 1000).toFixed(1);
      onProgress(`${sent} of ${requests} requests: ${operation.name}, ${seconds} s`);
      for (const problem of operation.problems) onProgress(`  ${problem}`);
    };
    // A watch that is refused or a generator that dies ends the soak: nothing goes unseen.
    const blind = Promise.all(seen.map(({ ended }) => ended)).then(() => undefined);
    await Promise.race([
      runOperations({ ...stage, signal }, seeded(seed), () => sent >= requests, onRan),
      load.result.then(() => undefined),
      blind,
    ]);
    await sleep(TAIL_MS, undefined, { signal });
    load.finish();
    const result = await load.result;
    const after = await untranslated.read(stage.signal);
    const rows = result.run.map((count): SoakRow => {
      const host = targets.find(({ name }) => name === count.name)?.host ?? '';
      const dataPath = {
        proxyMode: cluster.proxyMode,
        untranslated: (after.get(host) ?? 0) - (before.get(host) ?? 0),
        minReadyEndpoints: minReady(count.name),
      };
      return { ...count, kernelLosses: kernelLosses(count.byClass, dataPath) };
    });
    return soakReport({
      kubernetes: cluster.kubernetes,
      proxyMode: cluster.proxyMode,
      nodes: cluster.nodes.length,
      side: options.side,
      seed,
      startedAtMs: result.startedAtMs,
      finishedAtMs: result.finishedAtMs,
      rows,
      operations,
      ends: watch.ends,
      leftBehind: watch.leftBehind(),
      budgetedEvictions: budgets.evictions,
      budgetViolations: budgets.violations,
    });
  } finally {
    stop.abort(new Error('the soak is over'));
    await untranslated.remove();
    await watcher.close();
  }
}

async function targetsOf({ client, workloads, signal }: Stage, ratePerSecond: number): Promise<TargetPlan[]> {
  return Promise.all(
    workloads.map(async ({ name }): Promise<TargetPlan> => {
      const host = (await client.get(services, { namespace, name }, { signal })).spec?.clusterIP;
      const load = LOAD[name];
      if (host === undefined || load === undefined) throw new Error(`no address or no load for Service ${name}`);
      const { mode, share } = load;
      const row = { name, mode, ratePerSecond: ratePerSecond * share };
      return { ...row, host, port: 80, path: '/', expectedBody: 'ok', podPrefix: `${name}-` };
    }),
  );
}

/** A pair of source address and port that comes again may meet what conntrack remembers of its predecessor. */
function assertEnoughPorts({ clientSources }: Cluster, requests: number): void {
  const fresh = Object.values(LOAD).filter(({ mode }) => mode === 'new-connection');
  const share = fresh.reduce((sum, each) => sum + each.share, 0);
  const most = Math.floor((clientSources.length * PORTS_PER_SOURCE) / share);
  if (requests > most)
    throw new RangeError(`--requests ${requests}: source ports last for ${most}; run it again instead`);
}
