import { randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as X509 from '@peculiar/x509';
import { installReflectMetadata } from '../../src/webhooks/certificates/reflectMetadata.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const lifetimeMs = 365 * 24 * 3600 * 1000;

/** Someone who may log in to the API server with a bearer token. */
export interface TokenUser {
  name: string;
  groups: readonly string[];
}

/** Files that the components of one cluster share. */
export interface Credentials {
  folder: string;
  caFile: string;
  caPem: string;
  servingCertFile: string;
  servingKeyFile: string;
  /** Client certificate of the API server towards kubelets. */
  kubeletClientCertFile: string;
  kubeletClientKeyFile: string;
  serviceAccountKeyFile: string;
  serviceAccountPublicKeyFile: string;
  tokenFile: string;
  /** Bearer token by user name. */
  tokens: Readonly<Record<string, string>>;
}

/** Makes a certificate authority and everything signed by it, in `folder` (readable by the owner alone). */
export async function createCredentials(
  folder: string,
  servingNames: { addresses: readonly string[]; hosts: readonly string[] },
  users: readonly TokenUser[],
): Promise<Credentials> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  // The library refuses to load without the polyfill.
  installReflectMetadata();
  const x509 = await import('@peculiar/x509');
  const ca = await newAuthority(x509);
  const serving = await ca.issue('CN=kube-apiserver', new x509.ExtendedKeyUsageExtension([serverAuth]), [
    new x509.SubjectAlternativeNameExtension([
      ...servingNames.addresses.map((value) => ({ type: 'ip' as const, value })),
      ...servingNames.hosts.map((value) => ({ type: 'dns' as const, value })),
    ]),
  ]);
  const kubeletClient = await ca.issue(
    'CN=kube-apiserver-kubelet-client, O=system:masters',
    new x509.ExtendedKeyUsageExtension([clientAuth]),
    [],
  );
  const serviceAccount = await webcrypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const tokens = Object.fromEntries(users.map((user) => [user.name, randomBytes(16).toString('hex')]));
  const lines = users.map((user) => `${tokens[user.name]},${user.name},${user.name},"${user.groups.join(',')}"`);
  return {
    folder,
    caFile: write('ca.crt', ca.pem),
    caPem: ca.pem,
    servingCertFile: write('apiserver.crt', serving.certificate),
    servingKeyFile: write('apiserver.key', serving.key),
    kubeletClientCertFile: write('kubelet-client.crt', kubeletClient.certificate),
    kubeletClientKeyFile: write('kubelet-client.key', kubeletClient.key),
    serviceAccountKeyFile: write('service-account.key', await privatePem(serviceAccount.privateKey)),
    serviceAccountPublicKeyFile: write(
      'service-account.pub',
      pem('PUBLIC KEY', await webcrypto.subtle.exportKey('spki', serviceAccount.publicKey)),
    ),
    tokenFile: write('tokens.csv', `${lines.join('\n')}\n`),
    tokens,
  };
}

/** A kubeconfig with one user, a bearer token and the authority inlined. JSON, which is YAML. */
export function kubeconfig(cluster: { name: string; url: string; caPem: string }, user: string, token: string): string {
  const context = { cluster: cluster.name, user: `${cluster.name}-${user}` };
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: cluster.name,
          cluster: {
            server: cluster.url,
            'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64'),
          },
        },
      ],
      users: [{ name: context.user, user: { token } }],
      contexts: [{ name: cluster.name, context }],
      'current-context': cluster.name,
    },
    undefined,
    2,
  )}\n`;
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** A certificate and its key as PEM texts. */
interface KeyPair {
  certificate: string;
  key: string;
}

async function newAuthority(x509: typeof X509) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(Date.now() - 3600_000), notAfter: new Date(Date.now() + lifetimeMs) };
  const name = 'CN=graceful-rollout-test-cluster';
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name,
    ...validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const issue = async (subject: string, usage: X509.Extension, extensions: X509.Extension[]): Promise<KeyPair> => {
    const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject,
      issuer: name,
      ...validity,
      signingAlgorithm: algorithm,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true), usage, ...extensions],
    });
    return { certificate: `${issued.toString('pem')}\n`, key: await privatePem(own.privateKey) };
  };
  return { pem: `${certificate.toString('pem')}\n`, issue };
}

/** Positive, as X.509 wants it. */
function newSerial(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
