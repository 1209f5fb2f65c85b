/** What the API server waits when a webhook names no `timeoutSeconds` (admissionregistration.k8s.io/v1). */
const DEFAULT_TIMEOUT_MS = 10_000;
/** No webhook may have a longer one. */
const LONGEST_TIMEOUT_MS = 30_000;
/** Kept for the way back of the answer. */
const ANSWER_MARGIN_MS = 500;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * The `timeout` query of the API server, a Go duration such as `5s`, `1m0s` or `1.5s`, in milliseconds; 10 s when it is absent
 * or unreadable, at most 30 s.
 */
export function parseTimeoutMs(duration: string | null): number {
  if (duration === null || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(duration)) return DEFAULT_TIMEOUT_MS;
  let totalMs = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return totalMs > 0 ? Math.min(totalMs, LONGEST_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS;
}

/** When to have answered, so that the answer arrives before the API server gives up: 500 ms or a quarter earlier. */
export function answerWithinMs(timeoutMs: number): number {
  return timeoutMs - Math.min(ANSWER_MARGIN_MS, timeoutMs / 4);
}
