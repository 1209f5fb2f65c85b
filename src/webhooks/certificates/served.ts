import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { CertificateSource, ServingCertificate } from '../server.ts';
import type { CertificateMetrics } from './metrics.ts';
import type { Leaf } from './state.ts';

/** The certificate that this process serves. */
export interface ServedCertificate extends CertificateSource {
  /**
   * Takes the Secret's leaf, now or when it is offered again. A leaf in use that is still valid is only replaced when clients have
   * trusted the new one's CA for the settling time; `publishedIds` are the authorities that all of them trust, as last read.
   */
  offer(leaf: Leaf | undefined, publishedIds: ReadonlySet<string>): void;
  /** Whether the leaf is valid now and its CA was seen published. */
  ready(): boolean;
}

export function createServedCertificate(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CertificateMetrics;
  readonly settleMs: number;
  /** False: no webhook configuration to publish in, so there is nothing to wait for. */
  readonly hasClients: boolean;
}): ServedCertificate {
  const { clock, hasClients } = options;
  const listeners = new Set<() => void>();
  /** When each authority was first seen published, monotonic. */
  const publishedSinceMs = new Map<string, number>();
  let serving: Leaf | undefined;
  let certificate: ServingCertificate | undefined;
  let wasPublished = !hasClients;

  const isValid = (leaf: Leaf | undefined): leaf is Leaf => leaf !== undefined && clock.nowMs() < leaf.notAfterMs;

  const mayReplace = (leaf: Leaf): boolean => {
    if (!hasClients || !isValid(serving) || serving.signerId === leaf.signerId) return true;
    const sinceMs = publishedSinceMs.get(leaf.signerId);
    return sinceMs !== undefined && clock.monotonicMs() - sinceMs >= options.settleMs;
  };

  return {
    current: () => certificate,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    offer(leaf, publishedIds) {
      for (const id of publishedSinceMs.keys()) if (!publishedIds.has(id)) publishedSinceMs.delete(id);
      for (const id of publishedIds) if (!publishedSinceMs.has(id)) publishedSinceMs.set(id, clock.monotonicMs());
      if (leaf && leaf.id !== serving?.id && mayReplace(leaf)) {
        serving = leaf;
        certificate = { cert: leaf.cert, key: leaf.key };
        options.metrics.serving(leaf.notAfterMs);
        options.log.info('webhook certificate loaded', { validUntil: new Date(leaf.notAfterMs).toISOString() });
        for (const listener of listeners) listener();
      }
      if (serving && publishedIds.has(serving.signerId)) wasPublished = true;
    },
    ready: () => wasPublished && isValid(serving),
  };
}
