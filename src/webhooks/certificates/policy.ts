const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long certificates live and when their successors come, all in milliseconds. */
export interface CertificatePolicy {
  readonly authorityLifetimeMs: number;
  /** A successor is published when the authority has less than this left. Longer than a leaf lives. */
  readonly authorityRenewBeforeMs: number;
  readonly leafLifetimeMs: number;
  /** The part of its lifetime after which a leaf is replaced. */
  readonly leafRenewAfterFraction: number;
  /** `notBefore` lies this far before the time of issue, for API servers whose clocks are behind. */
  readonly backdateMs: number;
  /** How long the successor of an authority is published before it signs. */
  readonly overlapMs: number;
  /**
   * How long a CA is seen published before a replica replaces a certificate that still works by one of that CA. API servers
   * learn of a published CA by a watch, within a second when they are healthy.
   */
  readonly settleMs: number;
}

export const DEFAULT_POLICY: CertificatePolicy = {
  authorityLifetimeMs: 5 * 365 * DAY_MS,
  authorityRenewBeforeMs: 365 * DAY_MS,
  leafLifetimeMs: 90 * DAY_MS,
  leafRenewAfterFraction: 2 / 3,
  backdateMs: HOUR_MS,
  overlapMs: HOUR_MS,
  settleMs: 5000,
};
