import { expect, test } from 'vitest';
import { callsBetween, readWebhookCalls } from './webhookCalls.ts';

const DURATION = 'apiserver_admission_webhook_admission_duration_seconds';
const FAIL_OPEN = 'apiserver_admission_webhook_fail_open_count';
const signal = new AbortController().signal;
const read = (...lines: readonly string[]) =>
  readWebhookCalls({ raw: () => Promise.resolve(lines.join('\n')) }, signal);

test('calls are counted by webhook, over operations and answers', async () => {
  const counted = await read(
    `${DURATION}_bucket{name="a",operation="DELETE",rejected="false",le="2.5"} 7`,
    `${DURATION}_sum{name="a",operation="DELETE",rejected="false"} 4.5`,
    `${DURATION}_count{name="a",operation="DELETE",rejected="false"} 2`,
    `${DURATION}_sum{name="a",operation="DELETE",rejected="true"} 0.5`,
    `${DURATION}_count{name="a",operation="DELETE",rejected="true"} 1`,
    `${FAIL_OPEN}{name="a",type="validating"} 2`,
    `${DURATION}_count{name="b",operation="CREATE",rejected="false"} 1`,
  );
  expect(Object.fromEntries(counted)).toEqual({
    a: { calls: 3, seconds: 5, failedOpen: 2 },
    b: { calls: 1, seconds: 0, failedOpen: 0 },
  });
});

test('what came between is what grew; a webhook that was not called is left out', () => {
  const before = new Map([
    ['a', { calls: 3, seconds: 5, failedOpen: 2 }],
    ['b', { calls: 1, seconds: 1, failedOpen: 0 }],
  ]);
  const after = new Map([
    ...before,
    ['a', { calls: 5, seconds: 9, failedOpen: 4 }],
    ['c', { calls: 1, seconds: 2, failedOpen: 1 }],
  ]);
  expect(Object.fromEntries(callsBetween(before, after))).toEqual({
    a: { calls: 2, seconds: 4, failedOpen: 2 },
    c: { calls: 1, seconds: 2, failedOpen: 1 },
  });
});
