import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { TlsMaterial } from './connection.ts';

/** Enough for a busy operator; calls beyond it wait for a free connection instead of opening one each. */
const CALL_CONNECTIONS = 32;
/** Below the API server's own idle limit (90 s for HTTP/1.1), so that it is us who close an idle connection. */
const IDLE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** As client-go: finds a dead peer below any load balancer's idle limit. */
const KEEP_ALIVE_PROBE_MS = 30_000;

/** Watches hold their connection for minutes, so they have a pool without limit and calls never wait behind them. */
export interface Pools {
  readonly calls: Dispatcher;
  readonly watches: Dispatcher;
}

/**
 * The long-lived connections to one server. New TLS material (a rotated CA or client certificate) makes new pools; the
 * old ones end when their last answer is complete.
 */
export class ConnectionPools {
  readonly #proxyUrl: string | undefined;
  #current: { readonly tls: TlsMaterial; readonly pools: Pools } | undefined;
  readonly #retiring = new Set<Dispatcher>();
  #closed = false;

  constructor(proxyUrl?: string) {
    this.#proxyUrl = proxyUrl;
  }

  /** The pools for this TLS material. Throws after `close`. */
  for(tls: TlsMaterial): Pools {
    if (this.#closed) throw new Error('the Kubernetes client is closed');
    if (this.#current === undefined || !sameTls(this.#current.tls, tls)) {
      this.#retire();
      this.#current = { tls, pools: this.#open(tls) };
    }
    return this.#current.pools;
  }

  /** Ends every connection at once, what is under way included. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = this.#current === undefined ? [] : Object.values(this.#current.pools);
    this.#current = undefined;
    await Promise.all([...open, ...this.#retiring].map((dispatcher) => dispatcher.destroy()));
  }

  #retire(): void {
    if (this.#current === undefined) return;
    for (const dispatcher of Object.values(this.#current.pools)) {
      this.#retiring.add(dispatcher);
      const forget = (): boolean => this.#retiring.delete(dispatcher);
      // Rejects only when it is destroyed before, which is `close` doing its work.
      void dispatcher.close().then(forget, forget);
    }
  }

  #open(tls: TlsMaterial): Pools {
    return { calls: this.#dispatcher(tls, CALL_CONNECTIONS), watches: this.#dispatcher(tls, null) };
  }

  #dispatcher(tls: TlsMaterial, connections: number | null): Dispatcher {
    const tlsOptions = {
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
      rejectUnauthorized: tls.insecure !== true,
    };
    const shared = {
      // One watch per connection: an HTTP/2 connection that went silent takes every stream with it unnoticed.
      allowH2: false,
      pipelining: 1,
      connections,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      // The transport has its own deadline for calls and silence timer for watches.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
    };
    const connect = {
      ...tlsOptions,
      allowH2: false,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      timeout: CONNECT_TIMEOUT_MS,
    };
    return this.#proxyUrl === undefined
      ? new Agent({ ...shared, connect })
      : new ProxyAgent({ ...shared, uri: this.#proxyUrl, requestTls: connect });
  }
}

function sameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.cert === b.cert &&
    a.key === b.key &&
    a.serverName === b.serverName &&
    (a.insecure ?? false) === (b.insecure ?? false)
  );
}
