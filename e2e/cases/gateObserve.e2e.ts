import { afterAll, beforeAll, expect, test } from 'vitest';
import { events } from '../../src/kube/index.ts';
import { gateRig } from '../gate/gateTests.ts';
import { rolloutRestart } from '../gate/operations.ts';
import { firstAtMs, followLogs, type LogLine } from '../gate/podLogs.ts';
import { watchPods } from '../gate/podWatch.ts';
import { type Stage, servingPods, setStage, strike } from '../gate/stage.ts';
import { until } from '../gate/timed.ts';
import { eventsAbout, eventsAboutPods, operatorCount, recordsOf } from '../gate/told.ts';
import type { Workload } from '../gate/workload.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * `endpointCheck.mode: Observe`: a rollout of `slept`, whose pods have the preStop sleep of the contract (5 s), and of `bare`,
 * whose pods have none. The server of `bare` goes on for 10 s after SIGTERM: its pods are there until the proxies have
 * confirmed, and their margins can be told.
 */
const rig = gateRig();
const signal = new AbortController().signal;
const watching = new AbortController();
const namespace = 'gate-observe';
const SIDES = ['slept', 'bare'] as const;
const SLEEP_SECONDS = { slept: 5, bare: 0 };
const REPLICAS = 3;
/**
 * The estimate is not later than the truth: `deletionTimestamp` has its fraction of a second cut off, and the kubelet hears of it
 * later. The servers' clock is the API server's: one machine.
 */
const EARLY_MS = 2500;
const LATE_MS = 100;
const ENDED = 'graceful_rollout_drains_total';
const MARGINS = 'graceful_rollout_endpoint_margin_seconds_bucket';
const NEGATIVE = 'le="0"';

let stage: Stage;
let before: { readonly ended: number; readonly negative: number };
let watch: Awaited<ReturnType<typeof watchPods>>;
let logs: ReadonlyMap<string, readonly LogLine[]>;
let ended: Record<(typeof SIDES)[number], readonly string[]>;

const count = async (): Promise<typeof before> => ({
  ended: await operatorCount(rig.cluster(), ENDED, 'path="Ungated"', 'outcome="Ungated"'),
  negative: await operatorCount(rig.cluster(), MARGINS, NEGATIVE),
});

beforeAll(async () => {
  const shared = { namespace, replicas: REPLICAS };
  const endpointCheck = { mode: 'Observe' };
  const noSleep = { preStopSleepSeconds: 0, drainSeconds: 30 };
  const workloads: Workload[] = [
    { ...shared, name: 'slept', server: 'abrupt', image: rig.image('abrupt'), rollout: { endpointCheck } },
    {
      ...shared,
      name: 'bare',
      server: 'draining',
      image: rig.image('draining'),
      drainSeconds: 10,
      rollout: { endpointCheck, termination: noSleep },
    },
  ];
  stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
  watch = await watchPods(stage.client, namespace, watching.signal);
  before = await count();
  const names = async (side: string) => (await servingPods(stage, side)).map(({ metadata }) => metadata.name ?? '');
  ended = { slept: await names('slept'), bare: await names('bare') };
  const following = followLogs(stage, [...ended.slept, ...ended.bare]);
  await rolloutRestart(stage);
  logs = await following;
  await until('the end of a pod was not seen', 10_000, signal, () => watch.ends.length >= SIDES.length * REPLICAS);
});

afterAll(async () => {
  watching.abort();
  await strike(stage);
});

test('nothing is held: the ReplicaSet controller deletes every pod, and no pod is touched before', async () => {
  const old = [...ended.slept, ...ended.bare].toSorted();
  expect(old).toHaveLength(SIDES.length * REPLICAS);
  expect(watch.ends.map(({ pod }) => pod).toSorted()).toEqual(old);
  for (const { pod, drainSeenAtMs, isolatedAtMs } of watch.ends) {
    expect({ pod, drainSeenAtMs, isolatedAtMs }).toEqual({ pod, drainSeenAtMs: undefined, isolatedAtMs: undefined });
  }
  expect(watch.leftBehind()).toEqual([]);
  // The controller tells of what it has deleted itself, and not of what it was told is gone.
  const { items } = await stage.client.list(events, { namespace, signal });
  const deleted = items.filter(({ reason }) => reason === 'SuccessfulDelete').map(({ note }) => note ?? '');
  for (const pod of old) expect(deleted, pod).toContainEqual(expect.stringContaining(pod));
});

test.each(SIDES)("the record of every pod of %s has its times, and SIGTERM's is the server's own", async (side) => {
  const { records } = await recordsOf(stage, side, ended[side]);
  for (const record of records) {
    const { pod, deletedAt = '', sigtermAt = '', slicesCleanAt = '', proxiesCleanAt = '', goneAt = '' } = record;
    expect(record).toMatchObject({ path: 'Ungated', outcome: 'Ungated', proxiesEvidence: 'Barrier' });
    expect(record).not.toHaveProperty('askedAt');
    expect(record).not.toHaveProperty('isolatedAt');
    expect(Date.parse(sigtermAt) - Date.parse(deletedAt)).toBe(SLEEP_SECONDS[side] * 1000);
    expect(Date.parse(slicesCleanAt)).toBeGreaterThanOrEqual(Date.parse(deletedAt));
    expect(Date.parse(proxiesCleanAt)).toBeGreaterThanOrEqual(Date.parse(slicesCleanAt));
    expect(Date.parse(goneAt)).toBeGreaterThanOrEqual(Date.parse(sigtermAt));
    const ownMs = firstAtMs(logs.get(pod), /^SIGTERM/);
    expect(ownMs, `the log of ${pod} has a SIGTERM`).toBeDefined();
    const offMs = Date.parse(sigtermAt) - (ownMs ?? 0);
    onProgress(`SIGTERM of ${pod}: the estimate is ${offMs} ms after the server's own time`);
    expect(offMs, `estimated ${sigtermAt}`).toBeGreaterThanOrEqual(-EARLY_MS);
    expect(offMs, `estimated ${sigtermAt}`).toBeLessThanOrEqual(LATE_MS);
  }
});

test.each(SIDES)('the status of %s sums the margins up and recommends a preStop sleep', async (side) => {
  const { status, records } = await recordsOf(stage, side, ended[side]);
  const rising = records
    .map(({ sigtermAt = '', proxiesCleanAt = '' }) => (Date.parse(sigtermAt) - Date.parse(proxiesCleanAt)) / 1000)
    .sort((a, b) => a - b);
  expect(records.map(({ marginSeconds }) => marginSeconds).sort((a = 0, b = 0) => a - b)).toEqual(rising);
  expect(status.margin).toEqual({
    pods: REPLICAS,
    minSeconds: rising[0],
    p50Seconds: rising[1],
    p99Seconds: rising[0],
  });
  const longest = Math.max(
    ...records.map(({ deletedAt = '', proxiesCleanAt = '' }) => Date.parse(proxiesCleanAt) - Date.parse(deletedAt)),
  );
  expect(status.recommendedPreStopSeconds).toBe(Math.ceil(longest / 1000) + 1);
  onProgress(`${side}: margins ${rising.join(', ')} s, recommended ${status.recommendedPreStopSeconds} s`);
});

test('a sleep of 5 s is enough on a cluster that does nothing else: no violation', async () => {
  const { records } = await recordsOf(stage, 'slept', ended.slept);
  for (const { pod, marginSeconds } of records) expect(marginSeconds, pod).toBeGreaterThan(0);
  expect(await eventsAbout(stage, 'slept', 'DrainViolation')).toEqual([]);
});

test('without a sleep SIGTERM comes before the last proxy has followed: an event and a count for each pod', async () => {
  const { records } = await recordsOf(stage, 'bare', ended.bare);
  for (const { pod, marginSeconds } of records) expect(marginSeconds, pod).toBeLessThan(0);
  const told = await eventsAboutPods(stage, 'bare', 'DrainViolation', ended.bare);
  for (const { type, note } of told) {
    expect(type).toBe('Warning');
    expect(note).toMatch(/got SIGTERM \(estimated: deletion plus preStop\) \d+\.\d s before the last proxy/);
  }
  expect(told).toHaveLength(REPLICAS);
  const after = await count();
  expect(after.ended - before.ended).toBeGreaterThanOrEqual(SIDES.length * REPLICAS);
  expect(after.negative - before.negative).toBeGreaterThanOrEqual(REPLICAS);
});
