import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { classesText } from '../gate/gateTable.ts';
import { gateRig, minimumRequests } from '../gate/gateTests.ts';
import { keepLogs } from '../gate/keepGateEvidence.ts';
import { rolloutRestart } from '../gate/operations.ts';
import { type PodWatch, type WatchedEnd, watchPods } from '../gate/podWatch.ts';
import { type Complaints, watchComplaints } from '../gate/quiet.ts';
import { type Stage, servingPods, setStage, strike, untilSettled } from '../gate/stage.ts';
import { until } from '../gate/timed.ts';
import { eventsAbout, eventsAboutPods, operatorCount, recordsOf } from '../gate/told.ts';
import { type LoadedRow, sourcesThrough, underLoad } from '../gate/underLoad.ts';
import type { Workload } from '../gate/workload.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * Services with `internalTrafficPolicy: Local`, asked through both nodes, while their Deployments of two replicas are rolled
 * out. (The policy for outside traffic cannot be tried from here: to kube-proxy the client is one of the pods.)
 *
 * Of each version the first pod comes up on the first node, and the second must go to the last. Of the old version the pod on
 * the last node is cheaper to delete, so it goes first, while nobody else is ready there; the one on the first node has a
 * neighbour by then. The sleep is longer than a successor takes: this is about what the gate does, not about a node without a pod.
 */
const rig = gateRig();
const signal = new AbortController().signal;
const watching = new AbortController();
const namespace = 'gate-local-policy';
const SIDES = ['plain', 'protected'] as const;
const ROLLOUTS = 2;
const SLEEP_SECONDS = 15;
/** The plain side has to lose so many, or this would find no loss: its last node has no pod for a second or more each time. */
const PLAIN_LOSES = 100;
/** The generator keeps its own time from its start on; and a request that is on its way when a pod is deleted is answered after. */
const LATE_MS = 1000;
const ENDED = ['graceful_rollout_drains_total', 'path="ScaleDown"', 'outcome="LastOnNode"'] as const;

let stage: Stage;
let watch: PodWatch;
let rows: readonly LoadedRow[];
let complaints: Complaints;
let counted: number;
/** The protected pods that ended, by their node. */
let firstNode: readonly WatchedEnd[];
let lastNode: readonly WatchedEnd[];

const rowOf = (side: (typeof SIDES)[number]): LoadedRow => {
  const row = rows.find(({ name }) => name === side);
  if (row === undefined) throw new Error(`${side} was not under load`);
  return row;
};
const namesOf = (ends: readonly WatchedEnd[]): string[] => ends.map(({ pod }) => pod);

/** One pod of a version on each node, that on `first` before the other. */
function placement(name: string, first: string): object {
  const hostname = 'kubernetes.io/hostname';
  const preference = { matchExpressions: [{ key: hostname, operator: 'In', values: [first] }] };
  return {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] } },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: hostname,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: name } },
        matchLabelKeys: ['pod-template-hash'],
      },
    ],
  };
}

async function setLocalStage(first: string): Promise<void> {
  const shared = { namespace, server: 'abrupt', image: rig.image('abrupt'), replicas: 2 } as const;
  const termination = { preStopSleepSeconds: SLEEP_SECONDS, drainSeconds: 5 };
  const workloads: Workload[] = [
    { ...shared, name: 'plain' },
    { ...shared, name: 'protected', rollout: { termination } },
  ];
  stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
  const patch = (object: string, body: object) =>
    stage.commands.must(['patch', '-n', namespace, object, '--type=merge', '-p', JSON.stringify(body)]);
  for (const side of SIDES) await patch(`deployment/${side}`, { spec: { template: { spec: placement(side, first) } } });
  await untilSettled(stage, 120_000);
  // Not before: what was rolled by now is no part of this.
  for (const side of SIDES) await patch(`service/${side}`, { spec: { internalTrafficPolicy: 'Local' } });
}

/** Makes the pod of each side on `node` the one that its ReplicaSet deletes first, however new its neighbours are. */
async function cheapen(node: string): Promise<void> {
  for (const side of SIDES) {
    const [pod, ...others] = (await servingPods(stage, side)).filter(({ spec }) => spec.nodeName === node);
    if (pod === undefined || others.length > 0)
      throw new Error(`${side} has ${others.length + 1} or no pods on ${node}`);
    const cost = 'controller.kubernetes.io/pod-deletion-cost=-100';
    await stage.commands.must(['annotate', '-n', namespace, `pod/${pod.metadata.name}`, cost]);
  }
}

beforeAll(async () => {
  const { nodes } = rig.cluster();
  const [first = '', last = ''] = [nodes[0], nodes.at(-1)];
  await setLocalStage(first);
  const { cluster, client } = stage;
  const sources = await Promise.all([first, last].map((node) => sourcesThrough(cluster, node)));
  watch = await watchPods(client, namespace, watching.signal);
  const complaining = await watchComplaints(cluster, client, namespace, watching.signal);
  const before = await operatorCount(cluster, ...ENDED);
  const startedAtMs = Date.now();
  rows = await underLoad(stage, { sources: sources.flat(), ratePerSecond: 500, minimumRequests }, async () => {
    for (let rollout = 0; rollout < ROLLOUTS; rollout++) {
      await cheapen(last);
      await rolloutRestart(stage);
    }
  });
  await until('the end of a pod was not seen', 10_000, signal, () => watch.ends.length >= SIDES.length * 2 * ROLLOUTS);
  const ends = watch.ends.filter(({ app }) => app === 'protected');
  firstNode = ends.filter(({ node }) => node === first);
  lastNode = ends.filter(({ node }) => node === last);
  complaints = await complaining.read(signal);
  // Counted when the status tells of it.
  const { records } = await recordsOf(stage, 'protected', namesOf(ends));
  counted = (await operatorCount(cluster, ...ENDED)) - before;
  for (const { name, requests, lost, byClass, losses, latency } of rows) {
    const through = losses.filter(({ source }) => sources[1]?.includes(source.split(':')[0] ?? '') === true).length;
    onProgress(
      `${name}: ${lost} of ${requests} lost (${classesText(byClass)}), ${through} of the ${losses.length} listed through ${last}; at most ${latency.maxMs} ms`,
    );
  }
  const folder = path.resolve('.tmp/e2e/gate/local-policy');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'gate.json'), `${JSON.stringify({ rows, ends: watch.ends, records })}\n`);
  await keepLogs(cluster, folder, startedAtMs);
});

afterAll(async () => {
  watching.abort();
  await strike(stage);
});

test('every rollout has ended one pod of each node, and both went by the gate', () => {
  expect(firstNode).toHaveLength(ROLLOUTS);
  expect(lastNode).toHaveLength(ROLLOUTS);
  for (const { pod, path: by, wasReady } of [...firstNode, ...lastNode]) {
    expect({ pod, by, wasReady }).toEqual({ pod, by: 'ScaleDown', wasReady: true });
  }
});

test('the protected side loses nothing but what the kernel refuses in nftables mode, the plain one beside it does', () => {
  const kept = rowOf('protected');
  for (const { name, requests } of rows) expect(requests, name).toBeGreaterThanOrEqual(minimumRequests);
  expect(kept.lost - kept.kernelLosses, `protected: ${classesText(kept.byClass)}`).toBe(0);
  expect(rowOf('plain').lost).toBeGreaterThanOrEqual(PLAIN_LOSES);
});

test('the last ready endpoint on its node is deleted as it is, and its node sends to it until it has another', async () => {
  const { records } = await recordsOf(stage, 'protected', namesOf(lastNode));
  const { pods } = rowOf('protected');
  for (const { pod, node, isolatedAtMs, terminatingAtMs = Number.NaN } of lastNode) {
    expect(isolatedAtMs, pod).toBeUndefined();
    const record = records.find((each) => each.pod === pod);
    expect(record).toMatchObject({ node, path: 'ScaleDown', outcome: 'LastOnNode' });
    for (const absent of ['isolatedAt', 'proxiesCleanAt', 'proxiesEvidence', 'marginSeconds', 'violation']) {
      expect(record, pod).not.toHaveProperty(absent);
    }
    const lastMs = pods[pod]?.lastAtMs ?? Number.NaN;
    const sleptMs = terminatingAtMs + SLEEP_SECONDS * 1000;
    onProgress(`${pod} (LastOnNode) answered until ${lastMs - terminatingAtMs} ms after its deletion`);
    // It had to: nobody else was ready there. And another was before its sleep was over: else no gate could have kept requests.
    expect(lastMs, `${pod} was deleted at ${terminatingAtMs}`).toBeGreaterThan(terminatingAtMs);
    expect(lastMs, `${pod} sleeps until ${sleptMs}`).toBeLessThan(sleptMs - LATE_MS);
  }
  expect(counted).toBe(ROLLOUTS);
});

test('one with a ready neighbour on its node is isolated and verified as ever', async () => {
  const { records } = await recordsOf(stage, 'protected', namesOf(firstNode));
  const { pods } = rowOf('protected');
  for (const { pod, node, isolatedAtMs = Number.NaN, terminatingAtMs = Number.NaN } of firstNode) {
    expect(isolatedAtMs, pod).toBeLessThan(terminatingAtMs);
    const record = records.find((each) => each.pod === pod);
    expect(record).toMatchObject({ node, path: 'ScaleDown', outcome: 'Verified', proxiesEvidence: 'Barrier' });
    expect(record?.marginSeconds, pod).toBeGreaterThanOrEqual(SLEEP_SECONDS - LATE_MS / 1000);
    const lastMs = pods[pod]?.lastAtMs ?? Number.NaN;
    onProgress(`${pod} (Verified) answered until ${terminatingAtMs - lastMs} ms before its deletion`);
    expect(lastMs, `${pod} was deleted at ${terminatingAtMs}`).toBeLessThan(terminatingAtMs + LATE_MS);
  }
});

test('one event tells of the Service, one of each pod, and nobody complains', async () => {
  const [told, ...others] = await eventsAbout(stage, 'protected', 'LastOnNode');
  expect(others).toEqual([]);
  expect(told).toMatchObject({ type: 'Normal', note: expect.stringContaining('Service protected') as string });
  expect(told).not.toHaveProperty('related');
  for (const [ends, outcome] of [
    [lastNode, 'LastOnNode'],
    [firstNode, 'Verified'],
  ] as const) {
    const drained = await eventsAboutPods(stage, 'protected', 'Drained', namesOf(ends));
    for (const pod of namesOf(ends)) {
      const notes = drained.filter(({ related }) => related?.name === pod).map(({ note }) => note);
      expect(notes, pod).toEqual([expect.stringContaining(`: ${outcome};`)]);
    }
  }
  expect(await eventsAbout(stage, 'protected', 'DrainViolation')).toEqual([]);
  const own = (texts: readonly string[]): string[] => texts.filter((text) => !/\bplain(-|\b)/.test(text));
  expect(Object.values(complaints).flatMap(own)).toEqual([]);
  expect(watch.leftBehind()).toEqual([]);
});
