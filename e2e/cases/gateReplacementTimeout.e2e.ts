import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { targetPlans } from '../gate/gateRun.ts';
import { gateRig } from '../gate/gateTests.ts';
import { commandShortcomings } from '../gate/gateVerdict.ts';
import { firstAtMs, followLogs, type LogLine } from '../gate/podLogs.ts';
import { type PodWatch, watchPods } from '../gate/podWatch.ts';
import { type Stage, servingPods, setStage, strike, untilSettled } from '../gate/stage.ts';
import { until } from '../gate/timed.ts';
import { eventsAboutPods, operatorCount, recordsOf } from '../gate/told.ts';
import type { Workload } from '../gate/workload.ts';
import type { TargetCount } from '../load/plan.ts';
import { startLoad } from '../load/startLoad.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * `eviction.replacementTimeoutSeconds`: `kubectl drain` of a node, where no other node takes the replacement. No pod has a
 * preStop sleep: what keeps requests is the gate alone.
 */
const rig = gateRig();
const signal = new AbortController().signal;
const NAME = 'protected';
const LIMIT_SECONDS = 10;
/** kubectl asks again every 5 s, and looks for the end of a pod every second. */
const DRAIN_SLACK_MS = 15_000;
/** The generator keeps its own time from its start on. */
const CLOCK_MS = 50;
const TERMINATION = { preStopSleepSeconds: 0, drainSeconds: 30 };
const ENDED = ['graceful_rollout_drains_total', 'path="Eviction"', 'outcome="ReplacementTimeout"'] as const;

let stage: Stage | undefined;
let watching = new AbortController();

afterEach(async () => {
  watching.abort();
  if (stage !== undefined) await strike(stage);
  stage = undefined;
});

interface Drained {
  readonly stage: Stage;
  /** The pod that was evicted. */
  readonly pod: string;
  readonly tookMs: number;
  readonly load: TargetCount;
  readonly watch: PodWatch;
  readonly log: readonly LogLine[];
  /** How often an eviction was counted as let go without its replacement. */
  readonly counted: number;
}

/** Puts the workload up and drains its node under load; the node takes pods again at the end, and all is settled. */
async function drainUnderLoad(workload: Workload, node: string): Promise<Drained> {
  watching = new AbortController();
  const set = await setStage(rig.cluster(), rig.client(), [workload], { signal, onProgress });
  stage = set;
  const { commands, namespace, client, cluster } = set;
  const [victim] = (await servingPods(set, NAME)).filter(({ spec }) => spec.nodeName === node);
  const pod = victim?.metadata.name;
  if (pod === undefined) throw new Error(`${NAME} has no pod on ${node}`);
  const before = await operatorCount(cluster, ...ENDED);
  const watch = await watchPods(client, namespace, watching.signal);
  const following = followLogs(set, [pod]);
  await cluster.flushConntrack(signal);
  const load = startLoad(
    {
      targets: await targetPlans(set, 'new-connection', 100),
      sources: cluster.clientSources,
      requestTimeoutMs: 5000,
      steadyMs: 2000,
      steadyLimitMs: 60_000,
      idleMs: 2000,
      minimumRequests: 1000,
      waitForFinish: true,
    },
    (argv, options) => cluster.spawnIn('client', argv, options),
    () => undefined,
    watching.signal,
  );
  await load.idlePassed;
  // Its pods alone: this is not about the operator's own.
  const only = [`--pod-selector=app=${NAME}`, '--timeout=120s'];
  const ran = await commands.run(['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', ...only]);
  expect(commandShortcomings(ran)).toEqual([]);
  await sleep(2000);
  load.finish();
  const [count] = (await load.result).run;
  if (count === undefined) throw new Error('no load was counted');
  await commands.must(['uncordon', node]);
  await untilSettled(set, 60_000);
  await until('the end of the pod was not seen', 10_000, signal, () => watch.ends.some((end) => end.pod === pod));
  const log = (await following).get(pod) ?? [];
  // Counted when the status tells of it.
  await recordsOf(set, NAME, [pod]);
  const counted = (await operatorCount(cluster, ...ENDED)) - before;
  return { stage: set, pod, tookMs: ran.endedAtMs - ran.startedAtMs, load: count, watch, log, counted };
}

test('the last ready endpoint serves until the time is over, and is let go as it is', async () => {
  const node = rig.cluster().nodes[0] ?? '';
  const drained = await drainUnderLoad(
    {
      namespace: 'gate-replacement-last',
      name: NAME,
      server: 'abrupt',
      image: rig.image('abrupt'),
      replicas: 1,
      onlyOnNode: node,
      rollout: { termination: TERMINATION, eviction: { replacementTimeoutSeconds: LIMIT_SECONDS } },
    },
    node,
  );
  const { pod, tookMs, load, watch, log, counted } = drained;
  onProgress(`the last endpoint: drained in ${tookMs} ms, ${load.lost} of ${load.requests} lost`);
  expect(tookMs).toBeGreaterThanOrEqual(LIMIT_SECONDS * 1000);
  expect(tookMs).toBeLessThan(LIMIT_SECONDS * 1000 + DRAIN_SLACK_MS);
  const end = watch.ends.find((each) => each.pod === pod);
  expect(end).toMatchObject({ path: 'Eviction', isolatedAtMs: undefined });
  // Nobody else serves: what is asked for after that is lost, and nothing before.
  const sigtermMs = firstAtMs(log, /^SIGTERM/) ?? Number.NaN;
  const firstLostMs = Math.min(...load.losses.map(({ lostAtMs }) => lostAtMs));
  expect(sigtermMs - (end?.drainSeenAtMs ?? Number.NaN)).toBeGreaterThanOrEqual(LIMIT_SECONDS * 1000 - 1000);
  expect(load.lost, 'requests after the end').toBeGreaterThan(0);
  expect(firstLostMs, `${sigtermMs} is SIGTERM`).toBeGreaterThanOrEqual(sigtermMs - CLOCK_MS);
  const { records } = await recordsOf(drained.stage, NAME, [pod]);
  expect(records[0]).toMatchObject({ path: 'Eviction', outcome: 'ReplacementTimeout' });
  expect(records[0]).not.toHaveProperty('isolatedAt');
  const why = `pod ${pod} was evicted after ${LIMIT_SECONDS} s without a replacement`;
  expect(records[0]?.violation).toContain(why);
  const told = await eventsAboutPods(drained.stage, NAME, 'DrainViolation', [pod]);
  expect(told.map(({ note }) => note)).toContainEqual(expect.stringContaining(why));
  expect(counted).toBe(1);
});

test('where others serve it is taken out of its Service and verified when the time is over: 0 lost', async () => {
  const { nodes } = rig.cluster();
  const replicas = nodes.length;
  const drained = await drainUnderLoad(
    {
      namespace: 'gate-replacement-others',
      name: NAME,
      server: 'abrupt',
      image: rig.image('abrupt'),
      replicas,
      onePerNode: true,
      rollout: {
        termination: TERMINATION,
        eviction: { minReady: replicas, replacementTimeoutSeconds: LIMIT_SECONDS },
      },
    },
    nodes[0] ?? '',
  );
  const { pod, tookMs, load, watch, counted } = drained;
  onProgress(`where others serve: drained in ${tookMs} ms, ${load.lost} of ${load.requests} lost`);
  expect(load.losses).toEqual([]);
  expect(load.lost).toBe(0);
  expect(tookMs).toBeGreaterThanOrEqual(LIMIT_SECONDS * 1000);
  const end = watch.ends.find((each) => each.pod === pod);
  expect(end?.path).toBe('Eviction');
  expect(end?.isolatedAtMs).toBeLessThan(end?.terminatingAtMs ?? 0);
  expect((end?.isolatedAtMs ?? 0) - (end?.drainSeenAtMs ?? 0)).toBeGreaterThanOrEqual(LIMIT_SECONDS * 1000 - 1000);
  const { records } = await recordsOf(drained.stage, NAME, [pod]);
  const [record] = records;
  expect(record).toMatchObject({ path: 'Eviction', outcome: 'ReplacementTimeout', proxiesEvidence: 'Barrier' });
  expect(record).not.toHaveProperty('replacedAt');
  expect(record?.marginSeconds).toBeGreaterThanOrEqual(0);
  expect(record?.violation).toMatch(/this did not hold: waiting for its replacement: .*replacementTimeoutSeconds/);
  const told = await eventsAboutPods(drained.stage, NAME, 'DrainViolation', [pod]);
  expect(told.map(({ note }) => note)).toEqual([record?.violation]);
  expect(counted).toBe(1);
});
