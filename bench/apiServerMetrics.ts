import type { Client } from '../src/kube/index.ts';

/** One sample of a Prometheus text page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the samples of a Prometheus text page whose names are wanted. */
export function parseSamples(page: string, wanted: readonly string[]): Sample[] {
  const samples: Sample[] = [];
  for (const line of page.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    const [, name, labels = '', value] = match ?? [];
    if (name === undefined || !wanted.includes(name)) continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', text = '']) => [key, text] as const,
    );
    samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
  }
  return samples;
}

const REQUESTS = 'apiserver_request_total';
const WEBHOOK = 'apiserver_admission_webhook_admission_duration_seconds';
/** Answers of the gate that took longer were held, not only worked out. */
const HELD_LONGER_THAN = '0.5';

/** Counters of the API server at one moment. */
export interface ApiCounts {
  /** `DELETE pods 404` and the like: how often. */
  readonly requests: ReadonlyMap<string, number>;
  /** Name of a webhook to its calls, and to those that took longer than half a second. */
  readonly webhooks: ReadonlyMap<string, { readonly calls: number; readonly held: number }>;
}

/** Reads the API server's own counters; a watch counts when it ends, and is left out. */
export async function readApiCounts(client: Client, signal: AbortSignal): Promise<ApiCounts> {
  const page = await client.raw({ method: 'GET', path: '/metrics', signal });
  const samples = parseSamples(String(page), [REQUESTS, `${WEBHOOK}_count`, `${WEBHOOK}_bucket`]);
  const requests = new Map<string, number>();
  const calls = new Map<string, number>();
  const quick = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, value: number): void =>
    void map.set(key, (map.get(key) ?? 0) + value);
  for (const { name, labels, value } of samples) {
    if (name === REQUESTS) {
      const { verb = '', resource = '', subresource = '', code = '' } = labels;
      const what = subresource === '' ? resource : `${resource}/${subresource}`;
      if (verb !== 'WATCH' && resource !== '' && resource !== 'leases') add(requests, `${verb} ${what} ${code}`, value);
    } else if (name === `${WEBHOOK}_count`) add(calls, labels['name'] ?? '', value);
    else if (labels['le'] === HELD_LONGER_THAN) add(quick, labels['name'] ?? '', value);
  }
  const webhooks = new Map(
    [...calls].map(([name, count]) => [name, { calls: count, held: count - (quick.get(name) ?? 0) }]),
  );
  return { requests, webhooks };
}

/** What was counted between two moments; what did not change is left out. */
export function difference(before: ApiCounts, after: ApiCounts): ApiCounts {
  const requests = new Map<string, number>();
  for (const [key, value] of after.requests) {
    const grown = value - (before.requests.get(key) ?? 0);
    if (grown > 0) requests.set(key, grown);
  }
  const webhooks = new Map<string, { readonly calls: number; readonly held: number }>();
  for (const [name, { calls, held }] of after.webhooks) {
    const earlier = before.webhooks.get(name) ?? { calls: 0, held: 0 };
    if (calls > earlier.calls) webhooks.set(name, { calls: calls - earlier.calls, held: held - earlier.held });
  }
  return { requests, webhooks };
}
