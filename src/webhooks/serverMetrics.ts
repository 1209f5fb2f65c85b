import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * How a call ended. `allowed`, `patched` and `denied` are the handler's own answers; `failed_open` and `timed_out` were
 * admitted because the handler threw or was too slow; `malformed` and `refused` got no review (HTTP 4xx);
 * `overloaded`: too many bodies were in work (HTTP 503); `cancelled`: the API server hung up first.
 */
export type WebhookOutcome =
  | 'allowed'
  | 'patched'
  | 'denied'
  | 'failed_open'
  | 'timed_out'
  | 'malformed'
  | 'refused'
  | 'overloaded'
  | 'cancelled';

export interface WebhookMetrics {
  /** One call begins; the returned function ends it, once. */
  begin(webhook: string): (outcome: WebhookOutcome) => void;
  handshakeFailed(): void;
  connectionDropped(): void;
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Registers the webhook server's metrics; throws when the registry has them already. */
export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const duration = new Histogram({
    name: 'graceful_rollout_admission_duration_seconds',
    help: 'Time from the first byte of a call to its answer, by webhook and outcome.',
    labelNames: ['webhook', 'outcome'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  const inFlight = new Gauge({
    name: 'graceful_rollout_admission_in_flight',
    help: 'Calls that have no answer yet, by webhook.',
    labelNames: ['webhook'],
    registers: [registry],
  });
  const handshakes = new Counter({
    name: 'graceful_rollout_admission_tls_handshake_failures_total',
    help: 'TLS handshakes that failed. When it rises while the API server calls, it does not trust the published CA bundle.',
    registers: [registry],
  });
  const dropped = new Counter({
    name: 'graceful_rollout_admission_connections_dropped_total',
    help: 'Connections that were closed at once because too many were open.',
    registers: [registry],
  });
  return {
    begin(webhook) {
      const startMs = performance.now();
      let open = true;
      inFlight.inc({ webhook });
      return (outcome) => {
        if (!open) return;
        open = false;
        inFlight.dec({ webhook });
        duration.observe({ webhook, outcome }, (performance.now() - startMs) / 1000);
      };
    },
    handshakeFailed: () => handshakes.inc(),
    connectionDropped: () => dropped.inc(),
  };
}
