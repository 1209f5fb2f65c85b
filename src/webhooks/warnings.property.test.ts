import { Agent } from 'node:https';
import * as fc from 'fast-check';
import { Counter, Registry } from 'prom-client';
import { beforeEach, expect, test } from 'vitest';
import { type AdmissionResponse, parseAdmissionReview, reviewBody } from './admissionReview.ts';
import { authority, call, outcomes, responseOf, start } from './serverUnderTest.ts';
import { reviewBodies, webhookUnderTest } from './warningsUnderTest.ts';

/** `RUNS=100000` for many: docs/results/README.md has such a run. */
const RUNS = Number(process.env['RUNS'] ?? 10_000);
const CALLS_AT_ONCE = 8;
/** A tenth of them go through the server, one to a call. */
const CALLS = Math.ceil(RUNS / 10 / CALLS_AT_ONCE) * CALLS_AT_ONCE;

let decisions: Counter<'webhook' | 'decision'>;
let beforeBytes: number;
beforeEach(() => {
  const registers = [new Registry()];
  decisions = new Counter({ name: 'd', help: 'd', labelNames: ['webhook', 'decision'], registers });
  beforeBytes = process.memoryUsage().heapUsed;
});

/** How often the handler decided; it never had to catch anything. */
async function decided(): Promise<number> {
  const { values } = await decisions.get();
  expect(values.map(({ labels }) => labels.decision)).not.toContain('Failed');
  return values.reduce((sum, { value }) => sum + value, 0);
}

function grownMiB(): number {
  return (process.memoryUsage().heapUsed - beforeBytes) / (1 << 20);
}

/** What the API server takes without a word. */
function expectAcceptable({ warnings = [], allowed, status, patch }: AdmissionResponse): void {
  expect(patch).toBeUndefined();
  expect(warnings.length).toBeLessThanOrEqual(8);
  for (const line of warnings) {
    expect(Array.from(line).length).toBeLessThanOrEqual(256);
    expect(line).not.toMatch(/\p{Cc}/u);
  }
  if (!allowed) expect(status?.message.length).toBeLessThan(4096);
}

test(`${RUNS} mutated reviews: each is answered, in words that the API server accepts, and memory stays`, async () => {
  const handle = webhookUnderTest(decisions);
  let parsedReviews = 0;
  fc.assert(
    fc.property(reviewBodies, (body) => {
      const review = parseAdmissionReview(body);
      if (!review.ok) return;
      parsedReviews += 1;
      const response = handle(review.request);
      expect(JSON.parse(reviewBody(response))).toMatchObject({ response: { uid: review.request.uid } });
      expectAcceptable(response);
    }),
    { numRuns: RUNS },
  );
  expect(parsedReviews).toBeGreaterThan(RUNS / 2);
  expect(await decided()).toBe(parsedReviews);
  expect(grownMiB()).toBeLessThan(300);
}, 600_000);

test(`${CALLS} of them through the server: 200 or, for what is no review, 400; each within ten seconds`, async () => {
  const handle = webhookUnderTest(decisions);
  const { port, registry } = await start({ '/warn-workloads': async (request) => handle(request) });
  const agent = new Agent({ keepAlive: true, maxSockets: CALLS_AT_ONCE, ca: authority.cert });
  let reviews = 0;
  const answered = async (body: string): Promise<void> => {
    const review = parseAdmissionReview(body);
    const answer = await call(port, '/warn-workloads?timeout=10s', body, {
      agent,
      signal: AbortSignal.timeout(10_000),
    });
    expect(answer.code).toBe(review.ok ? 200 : 400);
    if (!review.ok) return;
    reviews += 1;
    const response = responseOf(answer);
    expect(response.uid).toBe(review.request.uid);
    expectAcceptable(response);
  };
  const bodies = fc.array(reviewBodies, { minLength: CALLS_AT_ONCE, maxLength: CALLS_AT_ONCE });
  await fc.assert(
    fc.asyncProperty(bodies, async (batch) => void (await Promise.all(batch.map(answered)))),
    { numRuns: CALLS / CALLS_AT_ONCE, endOnFailure: true },
  );
  agent.destroy();
  const { malformed = 0, allowed = 0, denied = 0, ...others } = await outcomes(registry);
  expect(others).toEqual({});
  expect(malformed + allowed + denied).toBe(CALLS);
  expect(allowed).toBeGreaterThan(CALLS / 4);
  expect(denied).toBeGreaterThan(CALLS / 50);
  expect(malformed).toBeGreaterThan(CALLS / 100);
  expect(await decided()).toBe(reviews);
  expect(grownMiB()).toBeLessThan(300);
}, 600_000);
