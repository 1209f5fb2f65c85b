import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pods } from '../../src/kube/index.ts';
import { gateRig } from '../gate/gateTests.ts';
import { firstAtMs, followLogs, type LogLine, logOf } from '../gate/podLogs.ts';
import { type Stage, setStage, strike, untilSettled } from '../gate/stage.ts';
import { aPodOf, until } from '../gate/timed.ts';
import { eventsAbout, eventsAboutPods, operatorCount, recordsOf } from '../gate/told.ts';
import type { Workload } from '../gate/workload.ts';
import { onProgress } from './clusterUnderTest.ts';

/**
 * `endpointCheck.drained`: the old pod of each of three Deployments of one replica has a request that does not end while they
 * are rolled. `asked` says so by HTTP status, `gauged` by a metric, and both requests end after a while; that of `stuck` goes on
 * beyond `drained.timeoutSeconds`. No pod has a preStop sleep: SIGTERM follows the deletion at once.
 */
const rig = gateRig();
const signal = new AbortController().signal;
const namespace = 'gate-drained';
const STUCK_SECONDS = 5;
/** How long a pod is watched while its application says no. */
const KEPT_MS = 2000;
const TIMEOUTS = 'graceful_rollout_drained_check_timeouts_total';
/** What the server logs of the answers that it gives about its connections. */
const BUSY = /^asked: [1-9]\d* open$/;
const DONE = /^asked: 0 open$/;
const SIGTERM = /^SIGTERM/;

const CHECKS = {
  asked: { httpGet: { path: '/drained', port: 8080 } },
  gauged: { metric: { port: 8080, name: 'http_open_connections' } },
  stuck: { httpGet: { path: '/drained', port: 8080 }, timeoutSeconds: STUCK_SECONDS },
};
const SIDES = ['asked', 'gauged', 'stuck'] as const;
const ENDING = ['asked', 'gauged'] as const;

let stage: Stage;
let old: Record<(typeof SIDES)[number], string>;
let logs: ReadonlyMap<string, readonly LogLine[]>;
/** When the requests of `asked` and `gauged` ended. */
let releasedAtMs: number;
let timeoutsBefore: number;

/** Has a pod work on a request until the signal. */
async function hold(pod: string, release: AbortSignal): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:8080/proxy/hold`;
  const ended = rig
    .cluster()
    .kubectl(['get', '--raw', path], { signal: release })
    .then(({ stderr }) => {
      throw new Error(`the request to ${pod} has ended: ${stderr}`);
    });
  // Its end by the signal is no error.
  ended.catch(() => undefined);
  const held = until(`${pod} holds no request`, 20_000, signal, async () =>
    (await logOf(stage, pod)).some(({ text }) => text === 'holding a request'),
  );
  await Promise.race([ended, held]);
}

async function isTerminating(name: string): Promise<boolean> {
  const pod = await stage.client.find(pods, { namespace, name }, { signal });
  return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
}

beforeAll(async () => {
  const termination = { preStopSleepSeconds: 0, drainSeconds: 30 };
  const workloads = SIDES.map(
    (name): Workload => ({
      namespace,
      name,
      server: 'draining',
      image: rig.image('draining'),
      drainSeconds: 1,
      replicas: 1,
      rollout: { termination, endpointCheck: { drained: CHECKS[name] } },
    }),
  );
  stage = await setStage(rig.cluster(), rig.client(), workloads, { signal, onProgress });
  timeoutsBefore = await operatorCount(rig.cluster(), TIMEOUTS);
  const of = (side: string) => aPodOf(stage, side);
  old = { asked: await of('asked'), gauged: await of('gauged'), stuck: await of('stuck') };
  const ending = new AbortController();
  const stuck = new AbortController();
  try {
    for (const side of ENDING) await hold(old[side], ending.signal);
    await hold(old.stuck, stuck.signal);
    const following = followLogs(stage, Object.values(old));
    const deployments = SIDES.map((side) => `deployment/${side}`);
    await stage.commands.must(['rollout', 'restart', '-n', namespace, ...deployments]);
    for (const side of ENDING) {
      await until(`nobody asks ${old[side]} whether it is drained`, 60_000, signal, async () =>
        (await logOf(stage, old[side])).some(({ text }) => BUSY.test(text)),
      );
    }
    await sleep(KEPT_MS);
    for (const side of ENDING) expect(await isTerminating(old[side]), `${side} was kept`).toBe(false);
    releasedAtMs = Date.now();
    ending.abort();
    await until(`${old.stuck} is not let go`, 60_000, signal, () => isTerminating(old.stuck));
    stuck.abort();
    logs = await following;
    await untilSettled(stage, 120_000);
  } finally {
    ending.abort();
    stuck.abort();
  }
});

afterAll(async () => strike(stage));

test.each(ENDING)('%s gets SIGTERM after its application has said that it is done', async (side) => {
  const lines = logs.get(old[side]);
  const busyMs = firstAtMs(lines, BUSY) ?? Number.NaN;
  const doneMs = firstAtMs(lines, DONE) ?? Number.NaN;
  const sigtermMs = firstAtMs(lines, SIGTERM) ?? Number.NaN;
  onProgress(`${side}: busy for ${doneMs - busyMs} ms, SIGTERM ${sigtermMs - doneMs} ms after that`);
  expect(doneMs).toBeGreaterThanOrEqual(busyMs + KEPT_MS);
  expect(doneMs).toBeGreaterThanOrEqual(releasedAtMs);
  expect(sigtermMs).toBeGreaterThanOrEqual(doneMs);
  const { records } = await recordsOf(stage, side, [old[side]]);
  expect(records[0]).toMatchObject({ path: 'ScaleDown', outcome: 'Verified' });
  expect(records[0]).not.toHaveProperty('violation');
  // Noted by another process on the same machine, when it had the answer.
  const drainedMs = Date.parse(records[0]?.drainedAt ?? '');
  expect(drainedMs).toBeGreaterThanOrEqual(doneMs);
  expect(drainedMs).toBeLessThanOrEqual(sigtermMs);
  expect(await eventsAbout(stage, side, 'DrainViolation')).toEqual([]);
});

test('an application that never says so is let go after its own time limit, and people are told', async () => {
  const lines = logs.get(old.stuck);
  const askedMs = firstAtMs(lines, BUSY) ?? Number.NaN;
  const sigtermMs = firstAtMs(lines, SIGTERM) ?? Number.NaN;
  expect(firstAtMs(lines, DONE)).toBeUndefined();
  const { records } = await recordsOf(stage, 'stuck', [old.stuck]);
  // Its removal was verified: what it was asked besides does not change that.
  expect(records[0]).toMatchObject({ path: 'ScaleDown', outcome: 'Verified' });
  const drainedMs = Date.parse(records[0]?.drainedAt ?? '');
  onProgress(`stuck: given up ${drainedMs - askedMs} ms after the first question`);
  // The last question is the last that fits into the limit, half a second after the one before.
  expect(drainedMs - askedMs).toBeGreaterThanOrEqual(STUCK_SECONDS * 1000 - 1000);
  expect(drainedMs - askedMs).toBeLessThanOrEqual(STUCK_SECONDS * 1000 + 2500);
  expect(sigtermMs).toBeGreaterThanOrEqual(drainedMs);
  const [violation, ...others] = await eventsAboutPods(stage, 'stuck', 'DrainViolation', [old.stuck]);
  expect(others).toEqual([]);
  expect(violation).toMatchObject({
    type: 'Warning',
    action: 'Drain',
    note: expect.stringMatching(
      /never said that it is drained \(endpointCheck\.drained\); the last answer: HTTP 503$/,
    ) as string,
  });
  expect((await operatorCount(rig.cluster(), TIMEOUTS)) - timeoutsBefore).toBe(1);
});
