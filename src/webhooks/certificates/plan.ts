import type { CertificatePolicy } from './policy.ts';
import type { CertificateState, TrustedAuthority } from './state.ts';

/** What to do with the Secret next; one step at a time, each safe on its own. */
export type CertificatePlan =
  /** All is well. */
  | { readonly kind: 'Keep' }
  /** A new authority and a leaf at once: there is nothing that clients could go on trusting. */
  | { readonly kind: 'IssueAuthority'; readonly reason: string; readonly trusted: readonly TrustedAuthority[] }
  /** A successor joins the bundle; the leaf stays. */
  | { readonly kind: 'AddNextAuthority'; readonly reason: string; readonly trusted: readonly TrustedAuthority[] }
  /** The successor, published long enough, signs from now on; the old one stays in the bundle. */
  | { readonly kind: 'SwitchAuthority'; readonly reason: string; readonly trusted: readonly TrustedAuthority[] }
  /** A new certificate of the current authority, for `names`. */
  | {
      readonly kind: 'RenewLeaf';
      readonly reason: string;
      readonly trusted: readonly TrustedAuthority[];
      readonly names: readonly string[];
    }
  /** Only the bundle changes: authorities that can have no valid leaf any more go. */
  | { readonly kind: 'TidyBundle'; readonly reason: string; readonly trusted: readonly TrustedAuthority[] };

export interface PlanInput {
  readonly state: CertificateState;
  readonly nowMs: number;
  /** Names and IP addresses that the leaf must carry. */
  readonly names: readonly string[];
  /** Identities of the authorities that every webhook configuration carries. */
  readonly publishedIds: ReadonlySet<string>;
  readonly policy: CertificatePolicy;
}

/** More than these are never needed at once: before, now, next, and one from a repair. */
const TRUSTED_MAX = 4;
/** Two versions of the operator side by side, with some room. */
const NAMES_MAX = 16;

/** Decides the next step, from the Secret, the clock and what is published. Pure. */
export function planCertificates(input: PlanInput): CertificatePlan {
  const { state, nowMs, policy } = input;
  const current = isValid(state.current, nowMs) ? state.current : undefined;
  const next = isValid(state.next, nowMs) ? state.next : undefined;
  const leafProblem = problemOfLeaf(input);
  const trusted = stillTrusted(input);

  if (!current) {
    const reason = state.current ? 'the CA is not valid now' : 'there is no CA whose key is known';
    if (next && (leafProblem !== undefined || isSettled(input))) return { kind: 'SwitchAuthority', reason, trusted };
    if (leafProblem !== undefined) return { kind: 'IssueAuthority', reason, trusted };
    // The leaf is still good: clients learn of the new authority before it signs.
    return next ? { kind: 'Keep' } : { kind: 'AddNextAuthority', reason, trusted };
  }
  if (leafProblem !== undefined) return { kind: 'RenewLeaf', reason: leafProblem, trusted, names: namesForNow(input) };
  if (nowMs >= current.notAfterMs - policy.authorityRenewBeforeMs) {
    const reason = 'the CA expires soon';
    if (!next) return { kind: 'AddNextAuthority', reason, trusted };
    if (isSettled(input)) return { kind: 'SwitchAuthority', reason, trusted };
  }
  if (isLeafDue(input)) {
    return { kind: 'RenewLeaf', reason: 'the certificate is due for renewal', trusted, names: input.names };
  }
  if (trusted.length < state.trusted.length) {
    return { kind: 'TidyBundle', reason: 'old CAs sign nothing that is still valid', trusted };
  }
  return { kind: 'Keep' };
}

/** Valid by our clock. A certificate from the future was written by a replica whose clock was wrong by more than the backdating. */
function isValid(certificate: { notBeforeMs: number; notAfterMs: number } | undefined, nowMs: number): boolean {
  return certificate !== undefined && certificate.notBeforeMs <= nowMs && nowMs < certificate.notAfterMs;
}

function problemOfLeaf({ state, nowMs, names }: PlanInput): string | undefined {
  const { leaf } = state;
  if (!leaf) return 'there is no usable certificate';
  if (!isValid(leaf, nowMs))
    return nowMs < leaf.notAfterMs ? 'the certificate is not valid yet' : 'the certificate expired';
  const signer = state.trusted.find((authority) => authority.id === leaf.signerId);
  if (!isValid(signer, nowMs)) return 'the CA of the certificate is not valid now';
  const missing = names.filter((name) => !leaf.names.includes(name));
  return missing.length > 0 ? `the certificate lacks ${missing.join(', ')}` : undefined;
}

/**
 * What is wanted, and what the leaf has now: in an upgrade that changes the names, old and new replicas share one certificate
 * instead of replacing each other's. The next ordinary renewal drops what nobody wants.
 */
function namesForNow({ state, nowMs, names }: PlanInput): readonly string[] {
  const present = isValid(state.leaf, nowMs) ? (state.leaf?.names ?? []) : [];
  return [...new Set([...names, ...present])].slice(0, Math.max(NAMES_MAX, names.length));
}

function isLeafDue({ state, nowMs, policy }: PlanInput): boolean {
  if (!state.leaf) return true;
  const issuedAtMs = state.leaf.notBeforeMs + policy.backdateMs;
  return nowMs >= issuedAtMs + (state.leaf.notAfterMs - issuedAtMs) * policy.leafRenewAfterFraction;
}

/** Whether every API server had time to see the successor; sooner when the leaf in use does not live that long. */
function isSettled({ state, nowMs, policy, publishedIds }: PlanInput): boolean {
  if (!state.next || !publishedIds.has(state.next.id)) return false;
  const leafEnds = state.leaf?.notAfterMs ?? 0;
  return (
    nowMs >= state.next.notBeforeMs + policy.backdateMs + policy.overlapMs || nowMs + 2 * policy.overlapMs >= leafEnds
  );
}

/** The bundle without what is expired, and without authorities whose last leaf must have expired. */
function stillTrusted({ state, nowMs, policy }: PlanInput): TrustedAuthority[] {
  const { current, next, leaf, trusted } = state;
  const needed = (authority: TrustedAuthority): boolean =>
    authority.id === current?.id || authority.id === next?.id || authority.id === leaf?.signerId;
  const othersEndMs =
    current === undefined
      ? Number.POSITIVE_INFINITY
      : current.notBeforeMs + policy.backdateMs + policy.overlapMs + policy.leafLifetimeMs;
  const others = trusted
    .filter((authority) => !needed(authority) && nowMs < authority.notAfterMs && nowMs < othersEndMs)
    .sort((left, right) => right.notBeforeMs - left.notBeforeMs);
  return [...trusted.filter((authority) => needed(authority) && nowMs < authority.notAfterMs), ...others].slice(
    0,
    TRUSTED_MAX,
  );
}
