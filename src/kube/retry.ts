/** As client-go: a server that keeps asking to come back later is believed ten times. */
const LONGEST_OBEDIENCE = 10;
/** Waits before a read is sent again after its connection broke. The first is 0: a kept-alive connection just ended. */
const RECONNECT_DELAYS_MS = [0, 100, 400] as const;

/** How an attempt failed, as far as trying again depends on it. */
export type AttemptFailure =
  | { readonly kind: 'answer'; readonly code: number; readonly retryAfterSeconds: number | undefined }
  /** `neverSent`: the connection was not even made, so the server cannot have acted. */
  | { readonly kind: 'connection'; readonly neverSent: boolean };

export interface AttemptSite {
  /** Changes nothing. */
  readonly readOnly: boolean;
  /** Doing it twice is doing it once: reads, PUT, DELETE, every patch but a JSON patch. */
  readonly idempotent: boolean;
  /** Attempts made so far, the failed one included: 1 after the first. */
  readonly attempts: number;
}

/**
 * Milliseconds to wait before trying again, or undefined to give up.
 *
 * 429 is always safe to repeat: the server did not act. A 5xx is repeated only where the server names a time
 * (`Retry-After`) and twice does no harm. A broken connection is mended for reads only: a write may have happened.
 */
export function retryDelayMs(failure: AttemptFailure, site: AttemptSite): number | undefined {
  if (failure.kind === 'connection') {
    return site.readOnly || failure.neverSent ? RECONNECT_DELAYS_MS[site.attempts - 1] : undefined;
  }
  if (site.attempts > LONGEST_OBEDIENCE) return undefined;
  if (failure.code === 429) return (failure.retryAfterSeconds ?? 1) * 1000;
  if (failure.code < 500 || failure.retryAfterSeconds === undefined || !site.idempotent) return undefined;
  return failure.retryAfterSeconds * 1000;
}

/** Seconds of a Retry-After header; undefined where it is absent or names a date (the API server never does). */
export function parseRetryAfter(header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || !/^\d+$/.test(text.trim())) return undefined;
  return Number(text);
}
