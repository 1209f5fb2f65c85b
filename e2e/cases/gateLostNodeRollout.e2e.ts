import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployments } from '../../src/kube/index.ts';
import { classesText } from '../gate/gateTable.ts';
import { gateRig, minimumRequests } from '../gate/gateTests.ts';
import { keepLogs } from '../gate/keepGateEvidence.ts';
import { type PodWatch, type WatchedEnd, watchPods } from '../gate/podWatch.ts';
import { type Complaints, watchComplaints } from '../gate/quiet.ts';
import { type EndpointCheckStatus, type Stage, setStage, strike, untilSettled } from '../gate/stage.ts';
import { aPodOf, until } from '../gate/timed.ts';
import { eventsAbout, operatorCount, recordsOf } from '../gate/told.ts';
import { type LoadedRow, sourcesThrough, underLoad } from '../gate/underLoad.ts';
import type { Workload } from '../gate/workload.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * A node is lost in the middle of a rollout: its kubelet and its kube-proxy stop. Its containers go on, and nobody ends a pod
 * there until they are back. The load enters by the other node. No pod has a preStop sleep: what keeps requests is the gate alone.
 */
const rig = gateRig();
const signal = new AbortController().signal;
const watching = new AbortController();
const namespace = 'gate-lost-rollout';
const SIDES = ['plain', 'protected'] as const;
const REPLICAS = 6;
/** Until the control plane sees that the node is lost, has its pods deleted, and new ones are Ready elsewhere. */
const OUTAGE_LIMIT_MS = 180_000;
/** A proxy that does not confirm is waited for so long; and so long in later rounds, until it shows life (decision 8). */
const SILENT_MS = 20_000;
const STILL_SILENT_MS = 2000;
/** Quiet time where not every proxy confirmed. */
const QUIET_MS = 5000;
/** What the API server, the caches and a machine under load take besides. */
const SLACK_MS = 3000;
/** The server exits at once on SIGTERM; the kubelet takes a while to say so. Well below the grace period. */
const END_MS = 10_000;
const SILENT_NODES = 'graceful_rollout_barrier_silent_nodes';
const PARTIAL_ROUNDS = ['graceful_rollout_barrier_rounds_total', 'evidence="PartialBarrier"'] as const;

type Records = NonNullable<EndpointCheckStatus['recent']>;

/** What was seen while the node was lost. */
interface Outage {
  readonly rows: readonly LoadedRow[];
  /** The protected pods that the gate has led out on the node that lives, and their records. */
  readonly drained: readonly WatchedEnd[];
  readonly records: Records;
  /** The protected pods that are terminating on the lost node. */
  readonly terminating: readonly string[];
  readonly silentNodes: number;
  readonly partialRounds: number;
}

let stage: Stage;
let living: string;
let dead: string;
let watch: PodWatch;
let lostAtMs: number;
const rolledOutAtMs = new Map<string, number>();
let outage: Outage;
let complaints: Complaints;
/** Of a pod that a person deleted when the node was back. */
let afterwards: Records;
const stopped: string[] = [];

/** Those of `texts` that do not speak of the plain side. */
const own = (texts: readonly string[]): string[] => texts.filter((text) => !/\bplain(-|\b)/.test(text));
const namesOf = (ends: readonly WatchedEnd[]): string[] => ends.map(({ pod }) => pod);
const drainedOn = (node: string): WatchedEnd[] =>
  watch.ends.filter((end) => end.app === 'protected' && end.node === node && end.path !== undefined);
const protectedOn = (node: string) =>
  watch.present.filter(({ metadata, spec }) => spec.nodeName === node && metadata.name?.startsWith('protected-'));

/** What is left behind on a node, of the protected side. */
function leftOn(node: string): string[] {
  const names = protectedOn(node).map(({ metadata }) => metadata.name ?? '');
  return watch.leftBehind().filter((text) => names.some((name) => text.startsWith(`Pod ${name}: `)));
}

/** Every replica comes from the newest template and is available, and no ReplicaSet has another. */
async function isRolledOut(name: string): Promise<boolean> {
  const { metadata, spec, status = {} } = await stage.client.get(deployments, { namespace, name }, { signal });
  const { observedGeneration = 0, updatedReplicas, availableReplicas, replicas } = status;
  const all = [updatedReplicas, availableReplicas, replicas].every((count) => count === spec.replicas);
  return all && observedGeneration >= (metadata.generation ?? 0);
}

/** Begins the rollouts, loses the node as soon as the gate has isolated a pod, and waits until both sides are rolled out elsewhere. */
async function loseInMidRollout(): Promise<void> {
  const { cluster, commands } = stage;
  await commands.must(['rollout', 'restart', '-n', namespace, ...SIDES.map((side) => `deployment/${side}`)]);
  await until('no protected pod was isolated', 60_000, signal, () =>
    [living, dead].some((node) => protectedOn(node).some(({ metadata }) => metadata.labels?.['app'] === undefined)),
  );
  for (const component of [`${dead}/kube-proxy`, `${dead}/kubelet`]) {
    stopped.push(component);
    await cluster.stopComponent(component);
  }
  lostAtMs = Date.now();
  await until(`the rollouts do not end without ${dead}`, OUTAGE_LIMIT_MS, signal, async () => {
    for (const side of SIDES) {
      if (!rolledOutAtMs.has(side) && (await isRolledOut(side))) rolledOutAtMs.set(side, Date.now());
    }
    return rolledOutAtMs.size === SIDES.length;
  });
  const limitMs = SILENT_MS + STILL_SILENT_MS + QUIET_MS + SLACK_MS;
  await until(`pods are left behind on ${living}`, limitMs, signal, () => leftOn(living).length === 0);
}

async function bringBack(): Promise<void> {
  for (const component of stopped.splice(0)) await stage.cluster.startComponent(component);
  const problems = async () => (await stage.cluster.problems()).length;
  await until(`${dead} does not come back`, 90_000, signal, async () => (await problems()) === 0);
}

beforeAll(async () => {
  const { nodes } = rig.cluster();
  [living = '', dead = ''] = [nodes[0], nodes.at(-1)];
  const shared = { namespace, server: 'abrupt', image: rig.image('abrupt'), replicas: REPLICAS } as const;
  const lost = { tolerateLostNodeSeconds: 5 };
  const termination = { preStopSleepSeconds: 0, drainSeconds: 30 };
  const workloads: Workload[] = [
    { ...shared, ...lost, name: 'plain' },
    { ...shared, ...lost, name: 'protected', rollout: { termination } },
  ];
  stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
  const { cluster, client, commands } = stage;
  watch = await watchPods(client, namespace, watching.signal);
  const complaining = await watchComplaints(cluster, client, namespace, watching.signal);
  const partialBefore = await operatorCount(cluster, ...PARTIAL_ROUNDS);
  const startedAtMs = Date.now();
  const load = { sources: await sourcesThrough(cluster, living), ratePerSecond: 250, minimumRequests };
  const rows = await underLoad(stage, load, loseInMidRollout);

  const drained = drainedOn(living);
  const { records } = await recordsOf(stage, 'protected', namesOf(drained));
  outage = {
    rows,
    drained,
    records,
    terminating: protectedOn(dead)
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name ?? ''),
    silentNodes: await operatorCount(cluster, SILENT_NODES),
    partialRounds: (await operatorCount(cluster, ...PARTIAL_ROUNDS)) - partialBefore,
  };
  for (const [side, atMs] of rolledOutAtMs) onProgress(`${side}: rolled out ${atMs - lostAtMs} ms after the loss`);
  for (const { name, requests, lost: count, byClass, latency } of rows) {
    onProgress(`${name}: ${count} of ${requests} lost (${classesText(byClass)}); at most ${latency.maxMs} ms`);
  }

  await bringBack();
  await untilSettled(stage, 120_000);
  complaints = await complaining.read(signal);
  const pod = await aPodOf(stage, 'protected');
  await commands.must(['delete', 'pod', '-n', namespace, pod]);
  await untilSettled(stage, 120_000);
  afterwards = (await recordsOf(stage, 'protected', [pod])).records;
  const folder = path.resolve('.tmp/e2e/gate/lost-node-rollout');
  await mkdir(folder, { recursive: true });
  const seen = { lostAtMs, rolledOut: [...rolledOutAtMs], outage, ends: watch.ends, complaints, afterwards };
  await writeFile(path.join(folder, 'gate.json'), `${JSON.stringify(seen)}\n`);
  await keepLogs(cluster, folder, startedAtMs);
});

afterAll(async () => {
  watching.abort();
  await bringBack();
  await strike(stage);
});

test('the rollout goes on elsewhere, no later than that of the plain Deployment by more than one wait for a silent proxy', () => {
  const [plain = Number.NaN, kept = Number.NaN] = SIDES.map((side) => rolledOutAtMs.get(side));
  expect(kept - plain).toBeLessThan(SILENT_MS + QUIET_MS + SLACK_MS);
});

test('through the node that lives the protected side loses nothing but what the kernel refuses in nftables mode', () => {
  const [plain, kept] = SIDES.map((side) => outage.rows.find(({ name }) => name === side));
  for (const row of [plain, kept]) expect(row?.requests, row?.name).toBeGreaterThanOrEqual(minimumRequests);
  expect(kept?.lost, `protected: ${classesText(kept?.byClass ?? {})}`).toBe(kept?.kernelLosses);
  expect(plain?.lost).toBeGreaterThanOrEqual(10);
});

test('a pod that is isolated meanwhile waits for the silent proxy as long as documented, and its record names the node', () => {
  const meanwhile = outage.records.filter(({ isolatedAt = '' }) => Date.parse(isolatedAt) >= lostAtMs);
  expect(meanwhile.length, 'pods that were isolated while the node was lost').toBeGreaterThan(0);
  for (const record of meanwhile) {
    const { pod, isolatedAt = '', proxiesCleanAt = '' } = record;
    expect(record).toMatchObject({
      node: living,
      path: 'ScaleDown',
      outcome: 'Verified',
      proxiesEvidence: 'PartialBarrier',
      proxiesConfirmed: 1,
      proxiesSilent: [dead],
    });
    expect(record, pod).not.toHaveProperty('violation');
    const waitedMs = Date.parse(proxiesCleanAt) - Date.parse(isolatedAt);
    const quietMs = (outage.drained.find((end) => end.pod === pod)?.terminatingAtMs ?? 0) - Date.parse(proxiesCleanAt);
    onProgress(`${pod}: waited ${waitedMs} ms for the proxies, ${quietMs} ms of quiet time`);
    // One that is isolated during a round waits for the next one, in which the node was silent before.
    expect(waitedMs, pod).toBeLessThan(SILENT_MS + STILL_SILENT_MS + SLACK_MS);
    expect(quietMs, pod).toBeGreaterThanOrEqual(QUIET_MS - 100);
    expect(quietMs, pod).toBeLessThan(QUIET_MS + SLACK_MS);
  }
});

test('it is counted, and people are told of the node by one event', async () => {
  expect(outage.silentNodes).toBe(1);
  expect(outage.partialRounds).toBeGreaterThan(0);
  const [told, ...others] = await eventsAbout(stage, 'protected', 'ProxySilent');
  expect(others).toEqual([]);
  expect(told).toMatchObject({ type: 'Warning', note: expect.stringContaining(`proxies of ${dead} do not`) as string });
});

test('every pod that was let go has ended: on the node that lives at once, on the lost one when it is back', async () => {
  for (const { pod, isolatedAtMs, terminatingAtMs = Number.NaN, goneAtMs } of outage.drained) {
    expect(isolatedAtMs, pod).toBeLessThan(terminatingAtMs);
    expect(goneAtMs - terminatingAtMs, pod).toBeLessThan(END_MS);
  }
  const gone = new Set(namesOf(watch.ends));
  onProgress(`terminating on ${dead} while it was lost: ${outage.terminating.length}`);
  expect(outage.terminating.length).toBeGreaterThan(0);
  expect(outage.terminating.filter((pod) => !gone.has(pod))).toEqual([]);
  const ofDead = drainedOn(dead);
  const { records } = await recordsOf(stage, 'protected', namesOf(ofDead));
  for (const record of records) {
    onProgress(`${record.pod}, on ${dead}: ${JSON.stringify(record)}`);
    expect(record, record.pod).not.toHaveProperty('violation');
  }
  expect(own(watch.leftBehind())).toEqual([]);
});

test('nobody complains of anything but the proxy', () => {
  const { operatorWarnings, ...others } = complaints;
  expect(Object.values(others).flatMap(own)).toEqual([]);
  expect(operatorWarnings.filter((text) => !text.includes(': ProxySilent: '))).toEqual([]);
});

test('when the node is back its proxy is asked and confirms again', async () => {
  const confirmed = { outcome: 'Verified', proxiesEvidence: 'Barrier', proxiesConfirmed: 2 };
  expect(afterwards).toEqual([expect.objectContaining(confirmed)]);
  expect(await operatorCount(stage.cluster, SILENT_NODES)).toBe(0);
});
