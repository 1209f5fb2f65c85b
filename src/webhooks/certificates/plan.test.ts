import { describe, expect, it } from 'vitest';
import { planCertificates } from './plan.ts';
import { type CertificatePolicy, DEFAULT_POLICY } from './policy.ts';
import type { CertificateState, Leaf, SigningAuthority } from './state.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 10, 22);
const NAMES = ['webhook.ns.svc', 'webhook.ns.svc.cluster.local'];
const policy: CertificatePolicy = DEFAULT_POLICY;

const ca = (id: string, issuedAtMs: number): SigningAuthority => ({
  id,
  cert: id,
  key: `key of ${id}`,
  notBeforeMs: issuedAtMs - policy.backdateMs,
  notAfterMs: issuedAtMs + policy.authorityLifetimeMs,
});
const leafOf = (signerId: string, issuedAtMs: number, changes: Partial<Leaf> = {}): Leaf => ({
  id: 'leaf',
  cert: 'leaf',
  key: 'key',
  signerId,
  names: NAMES,
  notBeforeMs: issuedAtMs - policy.backdateMs,
  notAfterMs: issuedAtMs + policy.leafLifetimeMs,
  ...changes,
});
const young = ca('young', NOW - DAY_MS);
const old = ca('old', NOW - policy.authorityLifetimeMs + policy.authorityRenewBeforeMs);
const freshLeaf = leafOf('young', NOW);

function plan(state: Partial<CertificateState>, published: string[] = [], nowMs = NOW) {
  const trusted = state.trusted ?? [state.current, state.next].filter((authority) => authority !== undefined);
  return planCertificates({
    state: { problems: [], ...state, trusted },
    nowMs,
    names: NAMES,
    publishedIds: new Set(published),
    policy,
  });
}
const idsOf = (result: ReturnType<typeof plan>): string[] =>
  'trusted' in result ? result.trusted.map(({ id }) => id) : [];

describe('planCertificates', () => {
  it('issues everything into an empty Secret', () => {
    expect(plan({})).toMatchObject({
      kind: 'IssueAuthority',
      reason: 'there is no CA whose key is known',
      trusted: [],
    });
  });

  it('keeps what is well', () => {
    expect(plan({ current: young, leaf: freshLeaf }, ['young'])).toEqual({ kind: 'Keep' });
  });

  it('renews a leaf at two thirds of its life, not before', () => {
    const atMs = NOW + (policy.leafLifetimeMs * 2) / 3;
    expect(plan({ current: young, leaf: freshLeaf }, [], atMs - 1000).kind).toBe('Keep');
    expect(plan({ current: young, leaf: freshLeaf }, [], atMs)).toMatchObject({
      kind: 'RenewLeaf',
      reason: 'the certificate is due for renewal',
    });
  });

  it.each([
    ['there is no usable certificate', {}],
    ['the certificate expired', { leaf: leafOf('young', NOW - 91 * DAY_MS) }],
    ['the certificate is not valid yet', { leaf: leafOf('young', NOW + 2 * HOUR_MS) }],
    [
      'the certificate lacks webhook.ns.svc.cluster.local',
      { leaf: leafOf('young', NOW, { names: ['webhook.ns.svc'] }) },
    ],
  ])('renews at once: %s', (reason, state) => {
    expect(plan({ current: young, ...state })).toMatchObject({ kind: 'RenewLeaf', reason });
  });

  it('keeps the names of replicas of another version until the next renewal', () => {
    const leaf = leafOf('young', NOW, { names: ['old-name.ns.svc'] });
    expect(plan({ current: young, leaf })).toMatchObject({ kind: 'RenewLeaf', names: [...NAMES, 'old-name.ns.svc'] });
    const shared = leafOf('young', NOW - 61 * DAY_MS, { names: [...NAMES, 'old-name.ns.svc'] });
    expect(plan({ current: young, leaf: shared })).toMatchObject({ kind: 'RenewLeaf', names: NAMES });
    const crowded = leafOf('young', NOW, { names: Array.from({ length: 20 }, (_, i) => `n${i}.ns.svc`) });
    const result = plan({ current: young, leaf: crowded });
    expect(result.kind === 'RenewLeaf' ? result.names.slice(0, 2) : []).toEqual(NAMES);
    expect(result.kind === 'RenewLeaf' ? result.names : []).toHaveLength(16);
  });

  it('lives with clocks that are an hour behind', () => {
    expect(plan({ current: ca('young', NOW + HOUR_MS), leaf: leafOf('young', NOW + HOUR_MS) })).toEqual({
      kind: 'Keep',
    });
  });

  it('publishes a second CA a year before the first expires', () => {
    const state = { current: old, leaf: leafOf('old', NOW) };
    expect(plan(state, ['old'], NOW - 1000).kind).toBe('Keep');
    const next = plan(state, ['old']);
    expect(next.kind).toBe('AddNextAuthority');
    expect(idsOf(next)).toEqual(['old']);
  });

  it('switches to the second CA once it is published everywhere for the overlap', () => {
    const state = { current: old, next: ca('next', NOW), leaf: leafOf('old', NOW) };
    const afterMs = NOW + policy.overlapMs;
    expect(plan(state, ['old', 'next'], afterMs - 1).kind).toBe('Keep');
    expect(plan(state, ['old'], afterMs).kind).toBe('Keep');
    const result = plan(state, ['old', 'next'], afterMs);
    expect(result.kind).toBe('SwitchAuthority');
    expect(idsOf(result)).toEqual(['old', 'next']);
  });

  it('goes on renewing leaves of the first CA while the second cannot be published', () => {
    const state = { current: old, next: ca('next', NOW), leaf: leafOf('old', NOW) };
    expect(plan(state, ['old'], NOW + 61 * DAY_MS).kind).toBe('RenewLeaf');
  });

  it('forgets the first CA when its last leaf must have expired', () => {
    const state = { current: young, leaf: freshLeaf, trusted: [young, old] };
    const endMs = NOW - DAY_MS + policy.overlapMs + policy.leafLifetimeMs;
    const leaf = leafOf('young', endMs);
    expect(plan(state).kind).toBe('Keep');
    const result = plan({ ...state, leaf }, [], endMs);
    expect(result.kind).toBe('TidyBundle');
    expect(idsOf(result)).toEqual(['young']);
  });

  it('keeps the CA of the leaf in use whatever its age', () => {
    const state = { current: young, leaf: leafOf('old', NOW + 85 * DAY_MS), trusted: [young, old] };
    expect(plan(state, [], NOW + 100 * DAY_MS).kind).toBe('Keep');
  });

  it('drops expired CAs', () => {
    const expired = ca('expired', NOW - policy.authorityLifetimeMs);
    expect(idsOf(plan({ current: young, leaf: freshLeaf, trusted: [young, expired] }))).toEqual(['young']);
  });

  describe('without the key of the CA', () => {
    const leaf = leafOf('old', NOW);

    it('publishes another beside it while the leaf is good', () => {
      const result = plan({ leaf, trusted: [old] }, ['old']);
      expect(result.kind).toBe('AddNextAuthority');
      expect(idsOf(result)).toEqual(['old']);
    });

    it('waits for the overlap, unless the leaf ends before', () => {
      const state = { leaf, next: ca('next', NOW), trusted: [old, ca('next', NOW)] };
      expect(plan(state, ['next']).kind).toBe('Keep');
      expect(plan(state, ['next'], NOW + policy.overlapMs).kind).toBe('SwitchAuthority');
      const ending = { ...leaf, notAfterMs: NOW + HOUR_MS };
      expect(plan({ ...state, leaf: ending }, ['next']).kind).toBe('SwitchAuthority');
      expect(plan({ ...state, leaf: ending }, []).kind).toBe('Keep');
    });

    it('uses the other at once when the leaf is lost too', () => {
      expect(plan({ next: ca('next', NOW), trusted: [old, ca('next', NOW)] }).kind).toBe('SwitchAuthority');
      expect(idsOf(plan({ trusted: [old] }))).toEqual(['old']);
      expect(plan({ trusted: [old] }).kind).toBe('IssueAuthority');
    });
  });

  it('replaces a CA that expired or comes from the future', () => {
    const expired = ca('expired', NOW - policy.authorityLifetimeMs - 1);
    expect(plan({ current: expired, leaf: leafOf('expired', NOW - DAY_MS) })).toMatchObject({
      kind: 'IssueAuthority',
      reason: 'the CA is not valid now',
      trusted: [],
    });
    expect(plan({ current: ca('future', NOW + 400 * DAY_MS) }).kind).toBe('IssueAuthority');
  });

  it('never trusts more than four', () => {
    const trusted = [young, ...Array.from({ length: 9 }, (_, i) => ca(`ca${i}`, NOW - i * DAY_MS))];
    const result = plan({ current: young, leaf: freshLeaf, trusted });
    expect(result.kind).toBe('TidyBundle');
    expect(idsOf(result)).toEqual(['young', 'ca0', 'ca1', 'ca2']);
  });
});
