import { parseSamples } from '../../bench/apiServerMetrics.ts';
import type { Client } from '../../src/kube/index.ts';

const DURATION = 'apiserver_admission_webhook_admission_duration_seconds';
const FAIL_OPEN = 'apiserver_admission_webhook_fail_open_count';

/** Calls of one webhook, as the API server has counted them. */
export interface WebhookCalls {
  readonly calls: number;
  /** Of all calls together. */
  readonly seconds: number;
  /** Calls that failed, so that the request went on without an answer. */
  readonly failedOpen: number;
}

const NONE: WebhookCalls = { calls: 0, seconds: 0, failedOpen: 0 };

/** Since the start of the API server, by the webhook's name. */
export async function readWebhookCalls(
  client: Pick<Client, 'raw'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WebhookCalls>> {
  const page = await client.raw({ method: 'GET', path: '/metrics', signal });
  const counted = new Map<string, WebhookCalls>();
  for (const { name, labels, value } of parseSamples(String(page), [
    `${DURATION}_count`,
    `${DURATION}_sum`,
    FAIL_OPEN,
  ])) {
    const webhook = labels['name'] ?? '';
    const { calls, seconds, failedOpen } = counted.get(webhook) ?? NONE;
    counted.set(webhook, {
      calls: calls + (name === `${DURATION}_count` ? value : 0),
      seconds: seconds + (name === `${DURATION}_sum` ? value : 0),
      failedOpen: failedOpen + (name === FAIL_OPEN ? value : 0),
    });
  }
  return counted;
}

/** What came between two readings; webhooks that were not called are left out. */
export function callsBetween(
  before: ReadonlyMap<string, WebhookCalls>,
  after: ReadonlyMap<string, WebhookCalls>,
): ReadonlyMap<string, WebhookCalls> {
  const grown = [...after].map(([webhook, { calls, seconds, failedOpen }]): [string, WebhookCalls] => {
    const earlier = before.get(webhook) ?? NONE;
    return [
      webhook,
      {
        calls: calls - earlier.calls,
        seconds: seconds - earlier.seconds,
        failedOpen: failedOpen - earlier.failedOpen,
      },
    ];
  });
  return new Map(grown.filter(([, { calls }]) => calls > 0));
}
