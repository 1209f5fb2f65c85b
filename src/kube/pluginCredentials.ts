import type { RequestOptions } from 'node:https';
import type * as ClientNode from '@kubernetes/client-node';
import type { Credentials, TlsMaterial } from './connection.ts';
import type { ReadOptions } from './credentials.ts';

const REREAD_MS = 10_000;

/**
 * Credentials of a user whose kubeconfig entry names a program or an identity provider (`exec`, `auth-provider`): left
 * to client-node, which knows these protocols. It is loaded only here, since it costs more memory than all the rest of
 * this directory; nobody runs an operator in a pod this way.
 */
export class PluginCredentials {
  readonly #paths: readonly string[];
  readonly #context: string;
  #config: ClientNode.KubeConfig | undefined;
  #last: { readonly credentials: Credentials; readonly readAtMs: number } | undefined;

  constructor(paths: readonly string[], context: string) {
    this.#paths = paths;
    this.#context = context;
  }

  async read({ refresh, signal }: ReadOptions): Promise<Credentials> {
    signal.throwIfAborted();
    if (this.#last !== undefined && !refresh && performance.now() - this.#last.readAtMs < REREAD_MS) {
      return this.#last.credentials;
    }
    if (this.#config === undefined || refresh) this.#config = await this.#load();
    const config = this.#config;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const credentials = fromHttpsOptions(options);
    this.#last = { credentials, readAtMs: performance.now() };
    return credentials;
  }

  /** The bundle leaves client-node out, see the class. */
  async #clientNode(): Promise<typeof ClientNode> {
    try {
      return await import('@kubernetes/client-node');
    } catch (error) {
      throw new Error(
        `context "${this.#context}" of ${this.#paths.join(', ')} takes its credentials from a plugin, which needs the package @kubernetes/client-node: install it beside this program, or use a context with a token or a client certificate`,
        { cause: error },
      );
    }
  }

  /** A new KubeConfig has an empty cache, so a refused token is not used again. */
  async #load(): Promise<ClientNode.KubeConfig> {
    const { KubeConfig } = await this.#clientNode();
    const config = new KubeConfig();
    for (const [index, path] of this.#paths.entries()) {
      if (index === 0) {
        config.loadFromFile(path);
        continue;
      }
      const more = new KubeConfig();
      more.loadFromFile(path);
      config.mergeConfig(more, true);
    }
    config.setCurrentContext(this.#context);
    return config;
  }
}

function fromHttpsOptions(options: RequestOptions): Credentials {
  const headers = Object.entries(options.headers ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value : String(value)] as const],
  );
  const { ca, cert, key, servername } = options;
  return {
    headers: Object.fromEntries(headers),
    tls: {
      ...pem('ca', ca),
      ...pem('cert', cert),
      ...pem('key', key),
      ...(servername === undefined ? {} : { serverName: servername }),
      ...(options.rejectUnauthorized === false ? { insecure: true } : {}),
    },
  };
}

/** client-node hands PEM over as text or as a Buffer. */
function pem(member: 'ca' | 'cert' | 'key', value: unknown): TlsMaterial {
  if (typeof value === 'string') return { [member]: value };
  return Buffer.isBuffer(value) ? { [member]: value.toString('utf8') } : {};
}
