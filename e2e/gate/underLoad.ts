import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/index.ts';
import { requireClientSources } from '../load/loadClient.ts';
import { kernelLosses } from '../load/lossReport.ts';
import type { LoadPlan, TargetCount } from '../load/plan.ts';
import { watchReadyEndpoints } from '../load/readyEndpoints.ts';
import { type RunningLoad, startLoad } from '../load/startLoad.ts';
import { countUntranslated } from '../load/untranslated.ts';
import { VoidRunError } from '../load/voidRun.ts';
import { targetPlans } from './gateRun.ts';
import type { Stage } from './stage.ts';

/** How the workloads of a stage are put under load. */
export interface LoadOptions {
  /** Where the requests come from, in turn; the node that they enter by is theirs. */
  readonly sources: readonly string[];
  /** Per row. */
  readonly ratePerSecond: number;
  /** Per row. */
  readonly minimumRequests: number;
}

/** What one workload lost. */
export interface LoadedRow extends TargetCount {
  /** How many of `lost` are the kernel's, see `kernelLosses`. */
  readonly kernelLosses: number;
}

/** Load after the operation: a late loss would show. */
const TAIL_MS = 3000;

/**
 * Does something to the workloads of a stage while each of their Services is asked, by new connections and in an open loop.
 * @returns a row per workload
 * @throws PrerequisiteError on a cluster that load cannot be sent to; VoidRunError when the rig itself lost requests, in the
 * idle stretch before the operation a second time
 */
export async function underLoad(
  stage: Stage,
  options: LoadOptions,
  operation: () => Promise<void>,
): Promise<LoadedRow[]> {
  const { cluster, client, namespace, signal } = stage;
  requireClientSources(cluster);
  const plan: LoadPlan = {
    targets: await targetPlans(stage, 'new-connection', options.ratePerSecond),
    sources: options.sources,
    requestTimeoutMs: 5000,
    steadyMs: 3000,
    steadyLimitMs: 60_000,
    idleMs: 5000,
    minimumRequests: options.minimumRequests,
    waitForFinish: true,
  };
  const stop = new AbortController();
  const measuring = AbortSignal.any([signal, stop.signal]);
  const minReadyEndpoints = await watchReadyEndpoints(client, namespace, measuring);
  const untranslated = await countUntranslated(cluster, signal);
  try {
    const load = await startIdle(stage, plan, measuring);
    const before = await untranslated.read(signal);
    // A generator that dies ends the wait for the operation.
    await Promise.race([operation(), load.result]);
    await sleep(TAIL_MS, undefined, { signal });
    load.finish();
    const { run } = await load.result;
    const after = await untranslated.read(signal);
    return run.map((count) => {
      const host = plan.targets.find(({ name }) => name === count.name)?.host ?? '';
      const dataPath = {
        proxyMode: cluster.proxyMode,
        untranslated: (after.get(host) ?? 0) - (before.get(host) ?? 0),
        minReadyEndpoints: minReadyEndpoints(count.name),
      };
      return { ...count, kernelLosses: kernelLosses(count.byClass, dataPath) };
    });
  } finally {
    stop.abort(new Error('the run is over'));
    await untranslated.remove();
  }
}

/** A load whose idle stretch has passed; once more where that lost something, for nothing was done by then. */
async function startIdle({ cluster, onProgress }: Stage, plan: LoadPlan, signal: AbortSignal): Promise<RunningLoad> {
  for (let attempt = 1; ; attempt++) {
    await cluster.flushConntrack(signal);
    const load = startLoad(
      plan,
      (argv, spawnOptions) => cluster.spawnIn('client', argv, spawnOptions),
      () => undefined,
      signal,
    );
    try {
      await load.idlePassed;
      return load;
    } catch (error) {
      if (!(error instanceof VoidRunError) || attempt === 2) throw error;
      onProgress(`run thrown away before anything was done, once more: ${error.message}`);
    }
  }
}

/** The client's addresses that enter the cluster by one node: those of its interface to that node. */
export async function sourcesThrough(cluster: Cluster, node: string): Promise<string[]> {
  requireClientSources(cluster);
  const { stdout } = await cluster.execIn('client', ['ip', '-j', 'address', 'show', 'dev', node], { check: true });
  const [link] = JSON.parse(stdout) as readonly { readonly addr_info: readonly { readonly local: string }[] }[];
  const own = new Set(link?.addr_info.map(({ local }) => local));
  const sources = cluster.clientSources.filter((source) => own.has(source));
  if (sources.length === 0) throw new Error(`no address of the client enters cluster ${cluster.name} by ${node}`);
  return sources;
}
