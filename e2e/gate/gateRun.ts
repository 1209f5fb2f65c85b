import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, services } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { requireClientSources } from '../load/loadClient.ts';
import { kernelLosses, type ServerName, type Side } from '../load/lossReport.ts';
import type { ConnectionMode, LoadResult, TargetCount, TargetPlan } from '../load/plan.ts';
import { watchReadyEndpoints } from '../load/readyEndpoints.ts';
import { startLoad } from '../load/startLoad.ts';
import { countUntranslated } from '../load/untranslated.ts';
import { VoidRunError } from '../load/voidRun.ts';
import type { RanCommand } from './commands.ts';
import type { Operation } from './operations.ts';
import { type WatchedEnd, watchPods } from './podWatch.ts';
import { type Complaints, watchComplaints } from './quiet.ts';
import { type EndpointCheckStatus, rolloutStatus, type Stage, type StageOptions, setStage, strike } from './stage.ts';
import type { Workload } from './workload.ts';

/** The two sides of a run: without and with the gate. */
export const SIDES: readonly Side[] = ['plain', 'protected'];

/** One operation on a plain and a protected workload under load. */
export interface GateRunOptions {
  readonly name: string;
  readonly server: ServerName;
  readonly mode: ConnectionMode;
  /** `plain` and `protected`, of the same namespace. */
  readonly workloads: readonly Workload[];
  readonly stage: StageOptions;
  readonly operation: Operation;
  /** Per row. */
  readonly ratePerSecond: number;
  /** Per row. */
  readonly minimumRequests: number;
  /** Leave the namespace there to look at. */
  readonly keep: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** One side of a run. */
export interface GateRow extends TargetCount {
  readonly side: Side;
  /** How many of `lost` are the kernel's, see `kernelLosses`. */
  readonly kernelLosses: number;
  readonly untranslated: number;
  readonly minReadyEndpoints: number;
  readonly podEnds: readonly WatchedEnd[];
}

/** What a run showed. */
export interface GateResult {
  readonly name: string;
  readonly server: ServerName;
  readonly mode: ConnectionMode;
  readonly startedAtMs: number;
  readonly idleRequests: number;
  readonly operationStartedAtMs: number;
  /** The operation's commands have ended and everything is settled. */
  readonly operationEndedAtMs: number;
  readonly rows: readonly GateRow[];
  readonly commands: readonly RanCommand[];
  readonly complaints: Complaints;
  /** In words; empty where nothing was left behind. */
  readonly leftBehind: readonly string[];
  /** `status.endpointCheck` of the protected side, as it was at the end. */
  readonly endpointCheck: EndpointCheckStatus | undefined;
  readonly voidRuns: readonly string[];
}

/** Load after the operation: a late loss would show. */
const TAIL_MS = 3000;
/** How long the evidence in the status may lag behind the pods. */
const STATUS_LAG_MS = 5000;

/**
 * Puts the workloads up, under load, does the operation to both and counts what is lost. Once more where the rig itself
 * lost requests. Leaves nothing behind but on an error, or where it is asked to.
 * @throws PrerequisiteError on a cluster that load cannot be sent to; VoidRunError when the rig itself lost requests, also the second time.
 */
export async function runGate(cluster: Cluster, client: Client, options: GateRunOptions): Promise<GateResult> {
  requireClientSources(cluster);
  const voidRuns: string[] = [];
  for (;;) {
    const { name, server, mode, workloads, signal, onProgress } = options;
    onProgress(
      `${name}, ${server}, ${mode}: ${workloads.map((each) => `${each.replicas} ${each.name}`).join(' and ')}`,
    );
    const stage = await setStage(cluster, client, workloads, { ...options.stage, signal, onProgress });
    try {
      const result = { ...(await measure(stage, options)), voidRuns };
      if (!options.keep) await strike(stage);
      return result;
    } catch (error) {
      for (const node of cluster.nodes) await cluster.kubectl(['uncordon', node]);
      if (!(error instanceof VoidRunError) || voidRuns.push(error.message) > 1) throw error;
      onProgress(`${name}: run thrown away, once more: ${error.message}`);
    }
  }
}

async function measure(stage: Stage, options: GateRunOptions): Promise<Omit<GateResult, 'voidRuns'>> {
  const { cluster, client, namespace, signal } = stage;
  const { name, server, mode, ratePerSecond, minimumRequests } = options;
  const targets = await targetPlans(stage, mode, ratePerSecond);
  await cluster.flushConntrack(signal);
  const stop = new AbortController();
  const measuring = AbortSignal.any([signal, stop.signal]);
  const pods = await watchPods(client, namespace, measuring);
  const complaints = await watchComplaints(cluster, client, namespace, measuring);
  const minReadyEndpoints = await watchReadyEndpoints(client, namespace, measuring);
  const untranslated = await countUntranslated(cluster, signal);
  try {
    const load = startLoad(
      {
        targets,
        sources: cluster.clientSources,
        requestTimeoutMs: 5000,
        steadyMs: 3000,
        steadyLimitMs: 60_000,
        idleMs: 5000,
        minimumRequests,
        waitForFinish: true,
      },
      (argv, spawnOptions) => cluster.spawnIn('client', argv, spawnOptions),
      () => undefined,
      measuring,
    );
    await load.idlePassed;
    const before = await untranslated.read(signal);
    const operationStartedAtMs = Date.now();
    // A generator that dies ends the wait for the operation.
    await Promise.race([options.operation({ ...stage, signal: measuring }), load.result]);
    const operationEndedAtMs = Date.now();
    await sleep(TAIL_MS, undefined, { signal });
    load.finish();
    const result = await load.result;
    const after = await untranslated.read(signal);
    const rowOf = (count: TargetCount): GateRow => {
      const side = sideOf(count.name);
      const host = targets.find((target) => target.name === count.name)?.host ?? '';
      const dataPath = {
        proxyMode: cluster.proxyMode,
        untranslated: (after.get(host) ?? 0) - (before.get(host) ?? 0),
        minReadyEndpoints: minReadyEndpoints(side),
      };
      return {
        ...count,
        side,
        kernelLosses: kernelLosses(count.byClass, dataPath),
        untranslated: dataPath.untranslated,
        minReadyEndpoints: dataPath.minReadyEndpoints,
        podEnds: pods.ends.filter(({ app }) => app === side),
      };
    };
    const drained = pods.ends.filter(
      ({ app, wasReady, path }) => app === 'protected' && wasReady && path !== undefined,
    );
    const endpointCheck = await evidenceOf(
      stage,
      drained.map(({ pod }) => pod),
    );
    return {
      name,
      server,
      mode,
      startedAtMs: result.startedAtMs,
      idleRequests: idleRequests(result),
      operationStartedAtMs,
      operationEndedAtMs,
      rows: result.run.map(rowOf),
      commands: stage.commands.ran.filter(({ startedAtMs }) => startedAtMs >= operationStartedAtMs),
      complaints: await complaints.read(signal),
      leftBehind: pods.leftBehind(),
      endpointCheck,
    };
  } finally {
    stop.abort(new Error('the run is over'));
    await untranslated.remove();
  }
}

function idleRequests(result: LoadResult): number {
  return result.idle.reduce((sum, count) => sum + count.requests, 0);
}

function sideOf(rowName: string): Side {
  const side = SIDES.find((candidate) => rowName === candidate);
  if (side === undefined) throw new Error(`load row ${rowName} belongs to no workload`);
  return side;
}

/** The evidence in the status, once it speaks of each of these pods, or as it is a while later. */
async function evidenceOf(stage: Stage, drained: readonly string[]): Promise<EndpointCheckStatus | undefined> {
  const untilMs = Date.now() + STATUS_LAG_MS;
  for (;;) {
    const status = await rolloutStatus(stage.client, stage.namespace, 'protected', stage.signal);
    const told = new Set(status?.endpointCheck?.recent?.map(({ pod }) => pod));
    if (drained.every((pod) => told.has(pod)) || Date.now() > untilMs) return status?.endpointCheck;
    await sleep(500, undefined, { signal: stage.signal });
  }
}

/** One target per workload: its Service's address. */
export async function targetPlans(
  { client, namespace, workloads, signal }: Stage,
  mode: ConnectionMode,
  ratePerSecond: number,
): Promise<TargetPlan[]> {
  const targets: TargetPlan[] = [];
  for (const { name } of workloads) {
    const host = (await client.get(services, { namespace, name }, { signal })).spec?.clusterIP;
    if (host === undefined) throw new Error(`Service ${namespace}/${name} has no ClusterIP`);
    const address = { host, port: 80, path: '/' };
    targets.push({ name, ...address, mode, ratePerSecond, expectedBody: 'ok', podPrefix: `${name}-` });
  }
  return targets;
}
