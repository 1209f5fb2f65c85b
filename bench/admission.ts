import { loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperatorProcess } from '../e2e/api/harness.ts';
import { deploymentObject, namespaceObject, serviceObject } from '../e2e/api/objects.ts';
import { WarningsHarness, warningsConfiguration, warningsFlags } from '../e2e/api/warningsHarness.ts';
import { runCommand } from '../e2e/cluster/command.ts';
import {
  type Client,
  deployments,
  validatingWebhookConfigurations,
  type WebhookConfiguration,
} from '../src/kube/index.ts';
import { parseSamples, type Sample } from './apiServerMetrics.ts';

const buildScript = path.resolve(import.meta.dirname, '../scripts/build.ts');
const namespace = 'admission';
const requestsPerSecond = 200;
const secondsPerRound = 10;
/**
 * Until the code that answers is compiled: the operator's CPU time per call halves between its first minute and its third. The
 * calls of this time are a figure of their own.
 */
const warmUpSeconds = 90;
/** With and without in turns, so that what else the machine does hits both. */
const rounds = 6;
/** Services, budgets and Deployments that are there. */
const objects = 200;

/** Times in milliseconds; those of the webhook are upper ends of histogram buckets. */
interface Round {
  readonly side: 'with' | 'without';
  /** Load average of the machine: above its number of CPUs, the figures are those of waiting for one. */
  readonly load: number;
  readonly requests: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly calls?: number;
  /** As the API server saw the calls: TLS, JSON and waiting for a CPU on both sides included. */
  readonly callP99Below?: number;
  /** Per cent of the calls. */
  readonly callsWithin5Ms?: number;
  /** As the operator saw them. */
  readonly answerP99Below?: number;
}

/**
 * What the warnings add to a write: `create` of Deployments as dry runs (admission is all of them, nothing is stored), 200 a
 * second at fixed times whatever the answers take, on a real API server with the operator beside it: the bundle that the image
 * holds, at the chart's log level, without the gate. Mutating webhook in both.
 */
export async function run(options: {
  readonly json: boolean;
  readonly onProgress: (line: string) => void;
}): Promise<void> {
  const harness = await WarningsHarness.start({ auditLog: false });
  try {
    const { client } = harness.api;
    const bundle = path.join(harness.api.controlPlane.folder, 'operator.mjs');
    await runCommand([process.execPath, buildScript, '--entry', 'src/main.ts', '--outfile', bundle], { check: true });
    const operator = await harness.api.startOperator({ bundle, args: [...warningsFlags, '--log-level', 'info'] });
    await fill(harness);
    const configuration = await client.get(
      validatingWebhookConfigurations,
      { name: warningsConfiguration },
      harness.api,
    );
    const played: Round[] = [];
    const fresh = await calls(client, operator);
    await play(client, warmUpSeconds);
    const start = await calls(client, operator);
    const warmingUp = since(fresh, start);
    options.onProgress(JSON.stringify({ warmUpSeconds, ...warmingUp }));
    for (let round = 0; round < 2 * rounds; round += 1) {
      const side = round % 2 === 0 ? 'with' : 'without';
      await put(client, configuration, side === 'with');
      const before = await calls(client, operator);
      const { timesMs, failed } = await play(client, secondsPerRound);
      const measured = {
        side,
        load: round1(loadavg()[0] ?? 0),
        requests: timesMs.length,
        failed,
        p50: round1(quantile(timesMs, 0.5)),
        p99: round1(quantile(timesMs, 0.99)),
        ...(side === 'with' ? since(before, await calls(client, operator)) : {}),
      } as const;
      played.push(measured);
      options.onProgress(JSON.stringify(measured));
    }
    const median = (side: Round['side'], of: 'p50' | 'p99'): number =>
      quantile(
        played.filter((round) => round.side === side).map((round) => round[of]),
        0.5,
      );
    const figures = {
      requestsPerSecond,
      secondsPerRound,
      objectsOfEachKind: objects,
      warmUpSeconds,
      warmingUp,
      rounds: played,
      addedP50Ms: round1(median('with', 'p50') - median('without', 'p50')),
      addedP99Ms: round1(median('with', 'p99') - median('without', 'p99')),
      ...since(start, await calls(client, operator)),
    };
    if (options.json) console.log(JSON.stringify(figures, null, 2));
    else {
      const { addedP50Ms, addedP99Ms } = figures;
      console.log(
        `in the first ${warmUpSeconds} s after the operator's start ${warmingUp.callsWithin5Ms} % of the calls took 5 ms at most, and 99 % took ${warmingUp.callP99Below} ms at most`,
      );
      console.log(
        `the API server waited for the webhook ${figures.callP99Below} ms at most in 99 % of ${figures.calls} calls, ${figures.callsWithin5Ms} % took 5 ms at most`,
      );
      console.log(
        `a client's requests took longer by, median of ${rounds} rounds: p50 ${addedP50Ms} ms, p99 ${addedP99Ms} ms`,
      );
    }
  } finally {
    await harness.stop();
  }
}

/** A namespace in which the rules have something to look through. */
async function fill(harness: WarningsHarness): Promise<void> {
  await harness.api.apply([namespaceObject(namespace)]);
  const names = Array.from({ length: objects }, (_, index) => `web-${index}`);
  const budget = (name: string): object => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
  });
  await harness.api.apply(names.flatMap((name) => [serviceObject(namespace, name), budget(name)]));
  await harness.api.apply(names.map((name) => deploymentObject(namespace, name, {}, { replicas: 0 })));
}

/** Takes the webhook out, or puts it back; the API server needs a moment to notice. */
async function put(client: Client, { metadata, webhooks }: WebhookConfiguration, isThere: boolean): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  const { name = '' } = metadata;
  const body = { webhooks: isThere ? webhooks : [] };
  await client.patch(validatingWebhookConfigurations, { name }, { type: 'merge', body }, { signal });
  await sleep(1_500);
}

/** Latencies from the moment when a request was due, not when it went out. */
async function play(client: Client, seconds: number): Promise<{ timesMs: number[]; failed: number }> {
  const signal = AbortSignal.timeout((seconds + 60) * 1_000);
  const timesMs: number[] = [];
  let failed = 0;
  const startMs = performance.now();
  const running: Promise<void>[] = [];
  for (let index = 0; index < seconds * requestsPerSecond; index += 1) {
    const dueMs = startMs + (index * 1_000) / requestsPerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const name = `web-${index % objects}`;
    const deployment = deploymentObject(namespace, `new-${index}`, {}, template(name));
    const ask = async (): Promise<void> => {
      try {
        await client.create(deployments, deployment, { signal, dryRun: true });
        timesMs.push(performance.now() - dueMs);
      } catch {
        failed += 1;
      }
    };
    running.push(ask());
  }
  await Promise.all(running);
  return { timesMs, failed };
}

/** Selected by the Service of this name, without a readiness probe: each answer carries warnings. */
function template(app: string): object {
  const container = { name: 'app', image: 'registry.invalid/app:1', ports: [{ containerPort: 8080 }] };
  return {
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: { containers: [container] } },
  };
}

/** Calls of the webhook by the upper end of their bucket, cumulative. */
type Buckets = ReadonlyMap<number, number>;

async function calls(
  client: Client,
  operator: OperatorProcess,
): Promise<{ readonly call: Buckets; readonly answer: Buckets }> {
  const page = String(await client.raw({ method: 'GET', path: '/metrics', signal: AbortSignal.timeout(10_000) }));
  const call = 'apiserver_admission_webhook_admission_duration_seconds_bucket';
  const answer = 'graceful_rollout_admission_duration_seconds_bucket';
  return {
    call: bucketsOf(page, call, (labels) => labels['name'] === 'workloads.warnings.graceful-rollout.io'),
    answer: bucketsOf(await operator.metrics(), answer, (labels) => labels['webhook'] === 'warn-workloads'),
  };
}

function bucketsOf(page: string, name: string, isOurs: (labels: Sample['labels']) => boolean): Buckets {
  const buckets = new Map<number, number>();
  for (const { labels, value } of parseSamples(page, [name])) {
    if (!isOurs(labels)) continue;
    const le = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    buckets.set(le, (buckets.get(le) ?? 0) + value);
  }
  return buckets;
}

function since(
  before: Awaited<ReturnType<typeof calls>>,
  after: Awaited<ReturnType<typeof calls>>,
): Required<Pick<Round, 'calls' | 'callP99Below' | 'callsWithin5Ms' | 'answerP99Below'>> {
  const grown = (old: Buckets, now: Buckets): Buckets =>
    new Map([...now].map(([le, value]) => [le, value - (old.get(le) ?? 0)]));
  const call = grown(before.call, after.call);
  const answer = grown(before.answer, after.answer);
  const all = call.get(Infinity) ?? 0;
  return {
    calls: all,
    callP99Below: p99Below(call),
    callsWithin5Ms: round1((100 * (call.get(0.005) ?? 0)) / all),
    answerP99Below: p99Below(answer),
  };
}

function p99Below(buckets: Buckets): number {
  const all = buckets.get(Infinity) ?? 0;
  const ends = [...buckets].filter(([, value]) => value >= 0.99 * all).map(([le]) => le);
  return round1(Math.min(...ends) * 1_000);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
