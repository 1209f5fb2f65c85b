import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Issued, issueAuthority, issueLeaf } from './issue.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { authorityIds, readCertificateState, type SecretValues } from './state.ts';

const NOW = Date.UTC(2026, 10, 22);
const NAMES = [
  'a-service-with-a-very-long-name-indeed.a-namespace-with-a-long-name.svc',
  'x.y.svc.cluster.local',
  '127.0.0.1',
  '::1',
];
let ca: Issued;
let other: Issued;
let leaf: Issued;
beforeAll(async () => {
  ca = await issueAuthority(NOW, DEFAULT_POLICY);
  other = await issueAuthority(NOW, DEFAULT_POLICY);
  leaf = await issueLeaf(ca, NAMES, NOW, DEFAULT_POLICY);
});
const whole = (changes: SecretValues = {}): SecretValues => ({
  'ca.crt': ca.cert + other.cert,
  'ca.key': ca.key,
  'tls.crt': leaf.cert,
  'tls.key': leaf.key,
  ...changes,
});

describe('issuing', () => {
  it('makes a CA that may sign leaves and nothing else, backdated by an hour', () => {
    const certificate = new X509Certificate(ca.cert);
    expect(certificate.ca).toBe(true);
    expect(certificate.validFromDate.getTime()).toBe(NOW - 3_600_000);
    expect(certificate.validToDate.getTime()).toBe(NOW + DEFAULT_POLICY.authorityLifetimeMs);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('makes a leaf for servers, with its names, signed by the CA', () => {
    const certificate = new X509Certificate(leaf.cert);
    const issuer = new X509Certificate(ca.cert);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    for (const name of NAMES.slice(0, 2)) expect(certificate.checkHost(name)).toBe(name);
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.serialNumber).not.toBe(issuer.serialNumber);
    expect(certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('lets no leaf outlive its CA', async () => {
    const lateMs = NOW + DEFAULT_POLICY.authorityLifetimeMs - 1000;
    const late = await issueLeaf(ca, NAMES, lateMs, DEFAULT_POLICY);
    expect(new X509Certificate(late.cert).validToDate).toEqual(new X509Certificate(ca.cert).validToDate);
  });
});

describe('readCertificateState', () => {
  it('reads what the issuer wrote', () => {
    const state = readCertificateState(whole());
    const [caId, otherId] = authorityIds(ca.cert + other.cert);
    expect(state.problems).toEqual([]);
    expect(state.current?.id).toBe(caId);
    expect(state.trusted.map(({ id }) => id)).toEqual([caId, otherId]);
    expect(state.leaf).toMatchObject({ signerId: caId, names: NAMES });
    expect(state.leaf?.notAfterMs).toBe(NOW + DEFAULT_POLICY.leafLifetimeMs);
  });

  it('finds the CA of the key wherever it is in the bundle, and the next one', () => {
    const state = readCertificateState(whole({ 'ca.key': other.key, 'next-ca.crt': ca.cert, 'next-ca.key': ca.key }));
    expect(state.current?.cert).toBe(new X509Certificate(other.cert).toString());
    expect(state.next?.cert).toBe(new X509Certificate(ca.cert).toString());
    expect(state.trusted).toHaveLength(2);
  });

  it('takes an empty Secret for empty, not for broken', () => {
    expect(readCertificateState({})).toEqual({ trusted: [], problems: [] });
    expect(readCertificateState({ 'ca.crt': '', 'tls.crt': '\n', 'tls.key': '' })).toEqual({
      trusted: [],
      problems: [],
    });
  });

  it.each<[string, () => SecretValues, string]>([
    ['no PEM', () => ({ 'ca.crt': 'garbage' }), 'ca.crt holds something else than CA certificates'],
    ['half a certificate', () => ({ 'ca.crt': ca.cert + other.cert.slice(0, 300) }), ''],
    [
      'a broken certificate',
      () => ({ 'ca.crt': `${ca.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----` }),
      'ca.crt holds',
    ],
    ['a leaf as CA', () => ({ 'ca.crt': leaf.cert, 'ca.key': leaf.key }), 'ca.crt holds'],
    ['the wrong CA key', () => ({ 'ca.crt': ca.cert, 'ca.key': other.key }), 'ca.key fits none of the CA certificates'],
    ['a garbage CA key', () => ({ 'ca.key': 'garbage' }), 'ca.key fits none'],
    ['the wrong leaf key', () => ({ 'tls.key': other.key }), 'tls.crt and tls.key are not a certificate and its key'],
    ['no leaf key', () => ({ 'tls.key': '' }), 'tls.crt and tls.key'],
    [
      'a leaf of an unknown CA',
      () => ({ 'ca.crt': other.cert, 'ca.key': other.key }),
      'tls.crt is signed by none of the trusted CAs',
    ],
  ])('reports %s without its contents', (_, changes, problem) => {
    const state = readCertificateState(whole(changes()));
    if (problem === '') expect(state.problems).toEqual([]);
    else expect(state.problems.join('; ')).toContain(problem);
    expect(state.problems.join('; ')).not.toMatch(/-----|AAAA|garbage/);
  });

  it('trusts what is published only where the Secret lost its CA', () => {
    expect(readCertificateState(whole({ 'ca.crt': ca.cert }), [other.cert]).trusted).toHaveLength(1);
    const lost = readCertificateState({ 'tls.crt': leaf.cert, 'tls.key': leaf.key }, [ca.cert, 'garbage']);
    expect(lost.leaf?.signerId).toBe(authorityIds(ca.cert)[0]);
    expect(lost.current).toBeUndefined();
  });
});
