import { readFile } from 'node:fs/promises';
import type { Credentials, TlsMaterial } from './connection.ts';
import type { KubeConfigCluster, KubeConfigUser } from './kubeConfigFile.ts';

/** The kubelet replaces a token well before it expires; a re-read this often never sends an old one. */
const REREAD_MS = 10_000;

export type CredentialSource = Partial<Omit<KubeConfigCluster, 'proxyUrl' | 'server'>> & KubeConfigUser;

export interface ReadOptions {
  readonly refresh: boolean;
  readonly signal: AbortSignal;
}

/**
 * Credentials from a kubeconfig or a service account. What lies in files is read again every ten seconds, so a rotated
 * token, CA or client certificate is used without a restart. A file that cannot be read for a moment (a symlink being
 * swapped) leaves the last good text in use; when it matters the server answers 401 and `refresh` reports the file.
 */
export class RotatingCredentials {
  readonly #source: CredentialSource;
  readonly #nowMs: () => number;
  #last: { readonly credentials: Credentials; readonly readAtMs: number } | undefined;

  /** @param nowMs monotonic. */
  constructor(source: CredentialSource, nowMs: () => number = () => performance.now()) {
    this.#source = source;
    this.#nowMs = nowMs;
  }

  async read({ refresh, signal }: ReadOptions): Promise<Credentials> {
    const last = this.#last;
    if (last !== undefined && !refresh && this.#nowMs() - last.readAtMs < REREAD_MS) return last.credentials;
    const readAtMs = this.#nowMs();
    let credentials: Credentials;
    try {
      credentials = await this.#load(signal);
    } catch (error) {
      if (last === undefined || refresh || signal.aborted) throw error;
      credentials = last.credentials;
    }
    this.#last = { credentials, readAtMs };
    return credentials;
  }

  async #load(signal: AbortSignal): Promise<Credentials> {
    const source = this.#source;
    const read = async (inline: string | undefined, file: string | undefined): Promise<string | undefined> =>
      file === undefined ? inline : await readFile(file, { encoding: 'utf8', signal });
    // As client-go: inline certificates win over files, but a token file wins over a token.
    const [ca, cert, key, token] = await Promise.all([
      source.ca ?? read(undefined, source.caFile),
      source.cert ?? read(undefined, source.certFile),
      source.key ?? read(undefined, source.keyFile),
      read(source.token, source.tokenFile),
    ]);
    return { headers: requestHeaders(source, token?.trim()), tls: tlsMaterial(source, ca, cert, key) };
  }
}

function requestHeaders(source: CredentialSource, token: string | undefined): Credentials['headers'] {
  return {
    ...(token !== undefined && token !== '' ? { authorization: `Bearer ${token}` } : {}),
    ...(token === undefined && source.basic !== undefined ? { authorization: `Basic ${source.basic}` } : {}),
    ...impersonationHeaders(source.impersonate),
  };
}

/** Headers that make the API server treat the caller as somebody else, if it may. */
export function impersonationHeaders(
  as: { readonly user: string; readonly groups?: readonly string[] } | undefined,
): Credentials['headers'] {
  if (as === undefined) return {};
  return {
    'impersonate-user': as.user,
    ...(as.groups === undefined || as.groups.length === 0 ? {} : { 'impersonate-group': [...as.groups] }),
  };
}

function tlsMaterial(
  source: CredentialSource,
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): TlsMaterial {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(source.serverName === undefined ? {} : { serverName: source.serverName }),
    ...(source.insecure === undefined ? {} : { insecure: source.insecure }),
  };
}
