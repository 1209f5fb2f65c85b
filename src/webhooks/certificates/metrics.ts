import { Counter, Gauge, type Registry } from 'prom-client';
import type { CertificatePlan } from './plan.ts';
import type { CertificateState } from './state.ts';

export interface CertificateMetrics {
  observed(state: CertificateState): void;
  /** The certificate that this process serves; may be older than the Secret's for some seconds. */
  serving(notAfterMs: number): void;
  wrote(change: Exclude<CertificatePlan['kind'], 'Keep'> | 'PublishBundle'): void;
  failed(): void;
}

/** Registers the certificate metrics, in `registry` or nowhere. */
export function createCertificateMetrics(registry: Registry | undefined): CertificateMetrics {
  const registers = registry ? [registry] : [];
  const expiry = new Gauge({
    name: 'graceful_rollout_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that this process serves (leaf) and its authority (ca) expire, in Unix seconds.',
    labelNames: ['certificate'],
    registers,
  });
  const writes = new Counter({
    name: 'graceful_rollout_certificate_writes_total',
    help: 'Writes by this process to the certificate Secret and the webhook configurations, by what was changed.',
    labelNames: ['change'],
    registers,
  });
  const failures = new Counter({
    name: 'graceful_rollout_certificate_failures_total',
    help: 'Rounds of the certificate loop that ended in an error; they are repeated.',
    registers,
  });
  return {
    observed(state) {
      if (state.current) expiry.set({ certificate: 'ca' }, state.current.notAfterMs / 1000);
    },
    serving: (notAfterMs) => expiry.set({ certificate: 'leaf' }, notAfterMs / 1000),
    wrote: (change) => writes.inc({ change }),
    failed: () => failures.inc(),
  };
}
