import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** A CA certificate that webhook clients are told to trust. */
export interface TrustedAuthority {
  /** SHA-256 of the certificate, hexadecimal. */
  readonly id: string;
  /** PEM, one certificate. */
  readonly cert: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A CA whose key is here too: it can sign. */
export interface SigningAuthority extends TrustedAuthority {
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** The server's certificate, its key, and who signed it. */
export interface Leaf {
  readonly id: string;
  readonly cert: string;
  readonly key: string;
  readonly signerId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS names and IP addresses of the certificate. */
  readonly names: readonly string[];
}

/** What the Secret holds, as far as it can be used; whatever is garbage is absent and named in `problems`. */
export interface CertificateState {
  /** Signs leaves. */
  readonly current?: SigningAuthority;
  /** Published, and will sign later. */
  readonly next?: SigningAuthority;
  readonly leaf?: Leaf;
  /** Every authority of the bundle, `current` and `next` included, expired ones too. */
  readonly trusted: readonly TrustedAuthority[];
  /** What was there and cannot be used, without contents. */
  readonly problems: readonly string[];
}

/** Keys of the Secret. `tls.crt` and `tls.key` are where tools look for a serving certificate. */
export const SECRET_KEYS = {
  bundle: 'ca.crt',
  authorityKey: 'ca.key',
  nextAuthority: 'next-ca.crt',
  nextAuthorityKey: 'next-ca.key',
  leaf: 'tls.crt',
  leafKey: 'tls.key',
} as const;

/** Decoded values of the Secret by key. */
export type SecretValues = Readonly<Record<string, string>>;

/**
 * Reads the Secret's values. Never throws. `published` are PEM bundles found in webhook configurations: where the Secret
 * lost its CA, theirs stay trusted, because a replica may still serve a leaf that they signed.
 */
export function readCertificateState(values: SecretValues, published: readonly string[] = []): CertificateState {
  const problems: string[] = [];
  const bundle = readAuthorities(values[SECRET_KEYS.bundle], SECRET_KEYS.bundle, problems);
  const nexts = readAuthorities(values[SECRET_KEYS.nextAuthority], SECRET_KEYS.nextAuthority, problems);
  const current = withKey(bundle, values[SECRET_KEYS.authorityKey], SECRET_KEYS.authorityKey, problems);
  const elsewhere = current ? [] : published.flatMap((pem) => readAuthorities(pem, 'caBundle', []));
  const trusted = unique([...bundle, ...nexts, ...elsewhere]);
  const next = withKey(nexts, values[SECRET_KEYS.nextAuthorityKey], SECRET_KEYS.nextAuthorityKey, problems);
  const leaf = readLeaf(values, trusted, problems);
  return { ...(current && { current }), ...(next && { next }), ...(leaf && { leaf }), trusted, problems };
}

/** The PEM bundle of several authorities, one after the other. */
export function bundleOf(authorities: readonly TrustedAuthority[]): string {
  return authorities.map((authority) => authority.cert).join('');
}

/** Identities of the CA certificates in a PEM bundle; what cannot be read is left out. */
export function authorityIds(pem: string): string[] {
  return readAuthorities(pem, 'bundle', []).map((authority) => authority.id);
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function readAuthorities(pem: string | undefined, where: string, problems: string[]): TrustedAuthority[] {
  if (pem === undefined || pem.trim() === '') return [];
  const blocks = pem.match(CERTIFICATE) ?? [];
  const authorities: TrustedAuthority[] = [];
  for (const block of blocks) {
    const certificate = parseCertificate(block);
    if (certificate?.ca && certificate.verify(certificate.publicKey)) authorities.push(authorityOf(certificate));
  }
  if (authorities.length < Math.max(1, blocks.length))
    problems.push(`${where} holds something else than CA certificates`);
  return authorities;
}

function withKey(
  authorities: readonly TrustedAuthority[],
  key: string | undefined,
  where: string,
  problems: string[],
): SigningAuthority | undefined {
  if (key === undefined || key.trim() === '') return undefined;
  const authority = authorities.find(({ cert }) => keyFits(new X509Certificate(cert), key));
  if (authority) return { ...authority, key };
  problems.push(`${where} fits none of the CA certificates`);
  return undefined;
}

function readLeaf(values: SecretValues, trusted: readonly TrustedAuthority[], problems: string[]): Leaf | undefined {
  const cert = values[SECRET_KEYS.leaf] ?? '';
  const key = values[SECRET_KEYS.leafKey] ?? '';
  if (cert.trim() === '' && key.trim() === '') return undefined;
  const certificate = parseCertificate(cert);
  if (!certificate || !keyFits(certificate, key)) {
    problems.push(`${SECRET_KEYS.leaf} and ${SECRET_KEYS.leafKey} are not a certificate and its key`);
    return undefined;
  }
  const signer = trusted.find((authority) => {
    const ca = new X509Certificate(authority.cert);
    return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
  });
  if (!signer) {
    problems.push(`${SECRET_KEYS.leaf} is signed by none of the trusted CAs`);
    return undefined;
  }
  return {
    id: idOf(certificate),
    cert,
    key,
    signerId: signer.id,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    names: namesOf(certificate),
  };
}

function authorityOf(certificate: X509Certificate): TrustedAuthority {
  return {
    id: idOf(certificate),
    cert: certificate.toString(),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

function idOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** A DNS name or IP address in the one spelling that can be compared: `::1`, not `0:0:0:0:0:0:0:1`. */
export function canonicalName(name: string): string {
  return isIPv6(name) ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();
}

/** `DNS:a.b.svc, IP Address:127.0.0.1` as names; ours hold no quoted ones. */
function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .map((name) => canonicalName(name.replace(/^(DNS|IP Address):/, '')))
    .filter((name) => name !== '');
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // Garbage is an answer here: the caller reports it by the key's name, and OpenSSL's message adds nothing.
    return undefined;
  }
}

function keyFits(certificate: X509Certificate, keyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // As above; and an error about a key must not travel to a log.
    return false;
  }
}

function unique(authorities: readonly TrustedAuthority[]): TrustedAuthority[] {
  return [...new Map(authorities.map((authority) => [authority.id, authority])).values()];
}
