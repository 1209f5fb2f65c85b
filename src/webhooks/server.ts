import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { Registry } from 'prom-client';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type AdmissionHandler, answerCall } from './serverCall.ts';
import { BodyBudget } from './serverCallBody.ts';
import { createWebhookMetrics } from './serverMetrics.ts';

export type { AdmissionHandler } from './serverCall.ts';

/** A certificate chain and its key, PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where the server's certificate comes from; it may come later and change. */
export interface CertificateSource {
  current(): ServingCertificate | undefined;
  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: () => void): () => void;
}

export interface WebhookServerOptions {
  /** 0: any free port, see {@link WebhookServer.port}. */
  readonly port: number;
  /** Default: every address, IPv6 and IPv4. */
  readonly host?: string;
  /** By path, for instance `/mutate-deployments`. */
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
  readonly tls: CertificateSource;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock?: Clock;
  /**
   * How long calls are still answered after shutdown began, with `Connection: close`: API servers go on using open
   * connections to a pod that is no longer ready (kubernetes/kubernetes#127335). Default {@link LAME_DUCK_SECONDS}.
   */
  readonly drainSeconds?: number;
  /** Connections open at once; one more is closed before its TLS handshake. Default 512. */
  readonly maxConnections?: number;
  /** Bytes of the bodies of all calls in work; a call beyond is answered 503. Default 64 MiB. */
  readonly maxBodiesBytes?: number;
}

export interface WebhookServer {
  /**
   * Serves until `signal` is aborted, then drains and resolves when the last call is answered. Rejects when the address
   * cannot be listened on. Once per server.
   */
  run(signal: AbortSignal): Promise<void>;
  /** True when it listens, has a certificate and is not shutting down. */
  ready(): boolean;
  /** The port listened on; undefined before. */
  port(): number | undefined;
}

/**
 * With the chart's preStop sleep of 5 s a replica that `kubectl drain` evicts closes its connections 17 s later. A call that is
 * written on a connection in the moment in which it is closed fails, and an admission that fails lets through what it was asked
 * about. Drain asks again every 5 s for the pods that it evicted together with the replica (seen with 10 s, after 15 s), so the
 * end must not be near a multiple of that (decision 14).
 */
export const LAME_DUCK_SECONDS = 12;
/** Longer than the API server's pool keeps an idle connection, so that it never writes to one just closed here. */
const KEEP_ALIVE_MS = 90_000;
const HEADERS_TIMEOUT_MS = 32_000;
/** No call takes longer than 30 s; what is still open after that is cut. */
const LAST_CALLS_MS = 31_000;
/** An API server keeps a few; an idle one costs about 60 kB of memory, and anybody who reaches the pod can open them. */
const MAX_CONNECTIONS = 512;
const TLS_VERSION = 'TLSv1.3';

/** The HTTPS server for admission webhooks. It starts without a certificate and takes each new one without a restart. */
export function createWebhookServer(options: WebhookServerOptions): WebhookServer {
  const { log, tls } = options;
  const clock = options.clock ?? systemClock;
  const metrics = createWebhookMetrics(options.registry);
  const handlers = new Map(Object.entries(options.handlers));
  const bodies = new BodyBudget(options.maxBodiesBytes);
  let state: 'new' | 'serving' | 'draining' | 'closed' = 'new';
  let hasCertificate = false;

  const server = createServer({ minVersion: TLS_VERSION, handshakeTimeout: 10_000 }, (req, res) => {
    answerCall(req, res, { handlers, log, metrics, bodies, draining: () => state !== 'serving' }).catch(
      (error: unknown) => {
        // One call must never end the process: the API server sees its connection cut and goes by its failurePolicy.
        res.destroy();
        log.error('webhook call failed, its connection is cut', { err: error });
      },
    );
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = HEADERS_TIMEOUT_MS + 3000;
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  server.on('drop', () => {
    metrics.connectionDropped();
    log.debug('connection closed at once, too many are open', { maxConnections: server.maxConnections });
  });
  server.on('tlsClientError', (error) => {
    metrics.handshakeFailed();
    log.debug('TLS handshake failed', { reason: error.message });
  });
  server.on('clientError', (error, socket) => {
    log.debug('unreadable HTTP request', { reason: error.message });
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });

  const loadCertificate = (): void => {
    const certificate = tls.current();
    if (!certificate) return;
    try {
      server.setSecureContext({ ...certificate, minVersion: TLS_VERSION });
      hasCertificate = true;
    } catch (error) {
      log.error('webhook certificate cannot be used, the one before stays', { err: error });
    }
  };

  return {
    async run(signal) {
      if (state !== 'new') throw new Error('the webhook server was started before: create a new one');
      const stopWatching = tls.onChange(loadCertificate);
      try {
        loadCertificate();
        await listen(server, options);
        server.on('error', (error) => log.error('webhook server error', { err: error }));
        state = 'serving';
        log.info('webhook server listens', { port: portOf(server), hasCertificate });
        if (!signal.aborted) await once(signal, 'abort');
        state = 'draining';
        await clock.sleep((options.drainSeconds ?? LAME_DUCK_SECONDS) * 1000);
        await close(server, clock);
      } finally {
        state = 'closed';
        stopWatching();
      }
    },
    ready: () => state === 'serving' && hasCertificate,
    port: () => portOf(server),
  };
}

async function listen(server: Server, options: WebhookServerOptions): Promise<void> {
  const where = `${options.host ?? '*'}:${options.port}`;
  const listening = once(server, 'listening');
  server.listen(options.port, options.host);
  try {
    await listening;
  } catch (error) {
    throw new Error(`the webhook server cannot listen on ${where}: is the port taken?`, { cause: error });
  }
}

/** Idle connections close at once, calls in work get their time. */
async function close(server: Server, clock: Clock): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cancel = clock.schedule(LAST_CALLS_MS, () => server.closeAllConnections());
  await closed;
  cancel();
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : undefined;
}
