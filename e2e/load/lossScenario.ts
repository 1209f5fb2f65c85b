import { setTimeout as sleep } from 'node:timers/promises';
import type { GracefulRollout } from '../../src/api/index.ts';
import { type Client, deployments, gracefulRollouts, pods, services, typed } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { type FollowedRollout, followRollout } from './followRollout.ts';
import { lossManifests } from './lossManifests.ts';
import {
  type DataPath,
  type LossRow,
  type LossScenarioResult,
  lossRow,
  type ServerName,
  type Side,
} from './lossReport.ts';
import type { ConnectionMode, LoadResult, ProgressRow, TargetPlan } from './plan.ts';
import { watchReadyEndpoints } from './readyEndpoints.ts';
import { startLoad } from './startLoad.ts';
import { countUntranslated, type UntranslatedCounter } from './untranslated.ts';
import { VoidRunError } from './voidRun.ts';

/** How one server is measured. */
export interface LossScenarioOptions {
  readonly server: ServerName;
  /** Image of the server, loaded into every node. */
  readonly image: string;
  readonly modes: readonly ConnectionMode[];
  readonly ratePerSecond: number;
  readonly minimumRequests: number;
  /** Rolling restarts of both Deployments within the load. */
  readonly rollouts: number;
  readonly replicas: number;
  /** Leave the namespace there to look at. */
  readonly keep: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

const SIDES: readonly Side[] = ['plain', 'protected'];
const READY_LIMIT_MS = 180_000;
const ROLLOUT_LIMIT_MS = 300_000;
/** Load after the last rollout: a late loss would show. */
const TAIL_MS = 3000;
/** One repetition: a rig that loses requests twice while nothing is changed is broken. */
const ATTEMPTS = 2;

/**
 * Puts a plain and a protected Deployment of one server under the same load at the same time, restarts both and counts
 * what is lost; one way to connect after the other (all at once is more than two CPUs can do beside a rollout). The
 * operator is installed, the image loaded. Leaves nothing behind but on an error, or where it is asked to.
 * @throws VoidRunError when the rig itself lost requests, also the second time.
 */
export async function runLossScenario(
  cluster: Cluster,
  client: Client,
  options: LossScenarioOptions,
): Promise<LossScenarioResult[]> {
  const { server, signal, onProgress } = options;
  const { namespace, ...manifests } = lossManifests(server, options.image, options.replicas);
  onProgress(`${server}: a plain and a protected Deployment of ${options.replicas} replicas each`);
  await applyObjects(cluster, manifests.foundations, signal);
  await untilObserved(client, namespace, signal);
  await applyObjects(cluster, manifests.deployments, signal);
  const sinceMs = Date.now();
  await Promise.all(SIDES.map((side) => followRollout(client, namespace, side, sinceMs, READY_LIMIT_MS, signal)));
  const ready = ['wait', '-n', namespace, 'gr/protected', '--for=condition=Ready', '--timeout=60s'];
  await cluster.kubectl(ready, { check: true, signal });
  await assertContract(client, namespace, signal);

  const results: LossScenarioResult[] = [];
  for (const mode of options.modes) results.push(await measureTwice(cluster, client, namespace, mode, options));
  if (!options.keep) {
    await cluster.kubectl(['delete', 'namespace', namespace, '--timeout=120s'], { check: true, signal });
  }
  return results;
}

/** Measures; once more where the rig lost requests. */
async function measureTwice(
  cluster: Cluster,
  client: Client,
  namespace: string,
  mode: ConnectionMode,
  options: LossScenarioOptions,
): Promise<LossScenarioResult> {
  const voidRuns: string[] = [];
  for (;;) {
    try {
      const result = await measure(cluster, client, namespace, mode, options);
      return { server: options.server, mode, voidRuns, ...result };
    } catch (error) {
      if (!(error instanceof VoidRunError) || voidRuns.push(error.message) >= ATTEMPTS) throw error;
      options.onProgress(`${options.server}: run thrown away, once more: ${error.message}`);
    }
  }
}

async function measure(
  cluster: Cluster,
  client: Client,
  namespace: string,
  mode: ConnectionMode,
  options: LossScenarioOptions,
): Promise<Omit<LossScenarioResult, 'server' | 'mode' | 'voidRuns'>> {
  const { server, signal, onProgress } = options;
  const targets = await targetPlans(client, namespace, mode, options);
  await cluster.flushConntrack(signal);
  onProgress(`${server}, ${mode}: ${targets.length} x ${options.ratePerSecond} requests/s, first with nothing changed`);
  const stop = new AbortController();
  const whileMeasuring = AbortSignal.any([signal, stop.signal]);
  const minReadyEndpoints = await watchReadyEndpoints(client, namespace, whileMeasuring);
  let latest: readonly ProgressRow[] = [];
  const load = startLoad(
    {
      targets,
      sources: cluster.clientSources,
      requestTimeoutMs: 5000,
      steadyMs: 3000,
      steadyLimitMs: 60_000,
      idleMs: 5000,
      minimumRequests: options.minimumRequests,
      waitForFinish: true,
    },
    (argv, spawnOptions) => cluster.spawnIn('client', argv, spawnOptions),
    (event) => {
      if (event.type === 'progress') latest = event.rows;
    },
    whileMeasuring,
  );
  const followed: Record<Side, FollowedRollout[]> = { plain: [], protected: [] };
  let untranslated: UntranslatedCounter | undefined;
  try {
    untranslated = await countUntranslated(cluster, signal);
    await load.idlePassed;
    const before = await untranslated.read(signal);
    for (let number = 1; number <= options.rollouts; number++) {
      onProgress(`${server}, ${mode}: rolling restart ${number} of ${options.rollouts} ${soFar(latest)}`);
      const startedAtMs = Date.now();
      const restart = ['rollout', 'restart', '-n', namespace, ...SIDES.map((side) => `deployment/${side}`)];
      await cluster.kubectl(restart, { check: true, signal });
      await Promise.race([
        Promise.all(
          SIDES.map(async (side) => {
            const seen = await followRollout(client, namespace, side, startedAtMs, ROLLOUT_LIMIT_MS, whileMeasuring);
            followed[side].push(seen);
          }),
        ),
        load.result,
      ]);
    }
    onProgress(
      `${server}, ${mode}: rollouts done, load goes on to ${options.minimumRequests} requests per row ${soFar(latest)}`,
    );
    await Promise.race([sleep(TAIL_MS, undefined, { signal: whileMeasuring }), load.result]);
    load.finish();
    const result = await load.result;
    const after = await untranslated.read(signal);
    const dataPathOf = (name: string): DataPath => {
      const { host = '' } = targets.find((target) => target.name === name) ?? {};
      return {
        proxyMode: cluster.proxyMode,
        untranslated: (after.get(host) ?? 0) - (before.get(host) ?? 0),
        minReadyEndpoints: minReadyEndpoints(name),
      };
    };
    return {
      startedAtMs: result.startedAtMs,
      idleEndedAtMs: result.idleEndedAtMs,
      finishedAtMs: result.finishedAtMs,
      idleRequests: result.idle.reduce((sum, count) => sum + count.requests, 0),
      rows: toRows(server, result, followed, dataPathOf),
    };
  } finally {
    stop.abort(new Error('the scenario is over'));
    await untranslated?.remove();
  }
}

function toRows(
  server: ServerName,
  result: LoadResult,
  followed: Record<Side, FollowedRollout[]>,
  dataPathOf: (rowName: string) => DataPath,
): LossRow[] {
  return result.run.map((count) => {
    const side = sideOf(count.name);
    const rollouts = followed[side].map((seen) => seen.times);
    return lossRow(
      server,
      side,
      count,
      rollouts,
      followed[side].flatMap((seen) => seen.podEnds),
      dataPathOf(count.name),
    );
  });
}

function sideOf(rowName: string): Side {
  const side = SIDES.find((candidate) => rowName === candidate);
  if (side === undefined) throw new Error(`load row ${rowName} belongs to no Deployment`);
  return side;
}

function soFar(rows: readonly ProgressRow[]): string {
  return rows.length === 0 ? '' : `(lost so far: ${rows.map((row) => `${row.name} ${row.lost}`).join(', ')})`;
}

async function targetPlans(
  client: Client,
  namespace: string,
  mode: ConnectionMode,
  { ratePerSecond, signal }: LossScenarioOptions,
): Promise<TargetPlan[]> {
  const targets: TargetPlan[] = [];
  for (const side of SIDES) {
    const service = await client.get(services, { namespace, name: side }, { signal });
    const host = service.spec?.clusterIP;
    if (host === undefined) throw new Error(`Service ${namespace}/${side} has no ClusterIP`);
    const address = { host, port: 80, path: '/' };
    targets.push({ name: side, ...address, mode, ratePerSecond, expectedBody: 'ok', podPrefix: `${side}-` });
  }
  return targets;
}

async function applyObjects(cluster: Cluster, items: readonly unknown[], signal: AbortSignal): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await cluster.kubectl(['apply', '-f', '-'], { input, check: true, signal });
}

/** Waits until the operator has looked at the GracefulRollout: from then on one apply of its target is one rollout. */
async function untilObserved(client: Client, namespace: string, signal: AbortSignal): Promise<void> {
  const resource = typed<GracefulRollout>(gracefulRollouts);
  const limit = Date.now() + READY_LIMIT_MS;
  for (;;) {
    const rollout = await client.get(resource, { namespace, name: 'protected' }, { signal });
    if (rollout.status?.observedGeneration !== undefined) return;
    if (Date.now() > limit) {
      throw new Error(
        `GracefulRollout ${namespace}/protected has no status after ${READY_LIMIT_MS} ms: is the operator running? kubectl get pods -A`,
      );
    }
    await sleep(200, undefined, { signal });
  }
}

/** The rig measures pods that carry the contract beside pods that do not: both must be so. */
async function assertContract(client: Client, namespace: string, signal: AbortSignal): Promise<void> {
  const plain = await client.get(deployments, { namespace, name: 'plain' }, { signal });
  if (plain.spec.template.spec.containers.some((container) => container.lifecycle !== undefined)) {
    throw new Error(`Deployment ${namespace}/plain has a lifecycle hook that nobody wrote: it is no longer plain`);
  }
  const { items } = await client.list(pods, { namespace, labelSelector: 'app=protected', signal });
  if (items.length === 0) throw new Error(`Deployment ${namespace}/protected has no pods`);
  for (const pod of items) {
    const sleepSeconds = pod.spec.containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0;
    const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? 0;
    if (sleepSeconds < 5 || graceSeconds < 35) {
      throw new Error(
        `Pod ${namespace}/${pod.metadata.name} does not carry the contract: preStop sleep ${sleepSeconds} s (5), grace ${graceSeconds} s (35); ` +
          `see kubectl -n ${namespace} describe gr protected`,
      );
    }
  }
}
