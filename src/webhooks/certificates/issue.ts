import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertificatePolicy } from './policy.ts';
import { installReflectMetadata } from './reflectMetadata.ts';

/** A certificate and its private key, PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Issues a self-signed CA, ECDSA P-256, that may sign leaves only. */
export async function issueAuthority(nowMs: number, policy: CertificatePolicy): Promise<Issued> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const serialNumber = randomSerial();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A name of its own: verifiers that look an issuer up by name find one, not two.
    name: `CN=graceful-rollout webhook CA ${serialNumber.slice(0, 8)}`,
    serialNumber,
    ...validity(nowMs, nowMs + policy.authorityLifetimeMs, policy),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

/** Issues a serving certificate for `names` (DNS names and IP addresses), never outliving its CA. */
export async function issueLeaf(
  authority: Issued,
  names: readonly string[],
  nowMs: number,
  policy: CertificatePolicy,
): Promise<Issued> {
  const x509 = await library();
  const ca = new x509.X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey('pkcs8', derOf(authority.key), CURVE, false, ['sign']);
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const notAfterMs = Math.min(nowMs + policy.leafLifetimeMs, ca.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    // Names are in the SAN; a common name ends at 64 characters, Service names do not.
    subject: 'CN=graceful-rollout webhook',
    issuer: ca.subject,
    serialNumber: randomSerial(),
    ...validity(nowMs, notAfterMs, policy),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

/** Loaded when something is issued: most processes never do, and it costs memory. */
async function library() {
  installReflectMetadata();
  return await import('@peculiar/x509');
}

function validity(nowMs: number, notAfterMs: number, policy: CertificatePolicy): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - policy.backdateMs), notAfter: new Date(notAfterMs) };
}

/** 127 random bits, positive (RFC 5280, section 4.1.2.2). */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function derOf(pem: string): Buffer<ArrayBuffer> {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
