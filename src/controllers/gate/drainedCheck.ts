import { Agent, request } from 'undici';
import type { DrainedCheck } from '../../gate/types.ts';
import { type Clock, linkAbort } from '../../runtime/index.ts';

/** One question must not take longer; a pod that hangs is asked again. */
const ASK_LIMIT_MS = 2_000;
const ASK_EVERY_MS = 500;
/** A metrics page larger than this is not read on. */
const PAGE_LIMIT_BYTES = 4 * 2 ** 20;

/** Whether the application said that it is done; `why` is the last answer, for the evidence. */
export interface DrainedAnswer {
  readonly met: boolean;
  readonly why: string;
}

/** Asks the pod again and again until it says that it is drained or `check.timeoutSeconds` are over; rejects only on abort. */
export async function askUntilDrained(
  check: DrainedCheck,
  address: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<DrainedAnswer> {
  const { clock, signal } = options;
  const endMs = clock.monotonicMs() + check.timeoutSeconds * 1000;
  for (;;) {
    const answer = await askOnce(check, address, signal);
    signal.throwIfAborted();
    if (answer.met || clock.monotonicMs() + ASK_EVERY_MS > endMs) return answer;
    await clock.sleep(ASK_EVERY_MS, signal);
  }
}

/** The certificate of a pod is made for a Service's name, not for the pod's address: it proves nothing here. */
const unverified = new Agent({ connect: { rejectUnauthorized: false }, pipelining: 0 });

/** One question; what goes wrong is an answer too. */
async function askOnce(check: DrainedCheck, address: string, signal: AbortSignal): Promise<DrainedAnswer> {
  const limit = linkAbort(signal);
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${ASK_LIMIT_MS} ms`)), ASK_LIMIT_MS);
  try {
    return await exchange(check, address, limit.signal);
  } catch (error) {
    return { met: false, why: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    limit.release();
  }
}

async function exchange(check: DrainedCheck, address: string, signal: AbortSignal): Promise<DrainedAnswer> {
  const host = address.includes(':') ? `[${address}]` : address;
  const { httpGet, metric } = check;
  const target = httpGet ?? metric;
  if (target === undefined) return { met: true, why: 'nothing to ask' };
  const scheme = httpGet?.scheme === 'HTTPS' ? 'https' : 'http';
  const url = `${scheme}://${host}:${target.port}${target.path.startsWith('/') ? '' : '/'}${target.path}`;
  const { statusCode, body } = await request(url, {
    signal,
    ...(scheme === 'https' ? { dispatcher: unverified } : {}),
    headers: { 'user-agent': 'graceful-rollout (drained check)', connection: 'close' },
  });
  if (metric === undefined) {
    await body.dump({ limit: 64 * 1024 });
    return { met: statusCode >= 200 && statusCode < 300, why: `HTTP ${statusCode}` };
  }
  if (statusCode !== 200) {
    await body.dump({ limit: 64 * 1024 });
    return { met: false, why: `HTTP ${statusCode}` };
  }
  let page = '';
  for await (const chunk of body as AsyncIterable<Buffer>) {
    page += chunk.toString('utf8');
    if (page.length > PAGE_LIMIT_BYTES) return { met: false, why: 'the metrics page is longer than 4 MiB' };
  }
  const value = sumOf(page, metric.name);
  if (value === undefined) return { met: false, why: `no sample of ${metric.name}` };
  return { met: value <= metric.max, why: `${metric.name} is ${value}` };
}

/** The sum over all label sets of a metric on a Prometheus text page; undefined where it has no sample. */
export function sumOf(page: string, name: string): number | undefined {
  let sum: number | undefined;
  for (const line of page.split('\n')) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    const value = rest.startsWith('{') ? rest.slice(rest.lastIndexOf('}') + 1) : rest;
    if (value === rest && !/^\s/.test(rest)) continue;
    const number = Number(value.trim().split(/\s+/)[0]);
    if (Number.isFinite(number)) sum = (sum ?? 0) + number;
  }
  return sum;
}
