import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** Says nothing when all is well, else in a few words what is wrong. Throwing counts as wrong. */
export type HealthCheck = (signal: AbortSignal) => string | undefined | Promise<string | undefined>;

export interface HealthServerOptions {
  /** TCP port; 0 lets the system choose (see `HealthServer.port`). */
  readonly port: number;
  /** Address to listen on; default all. */
  readonly host?: string;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  /** A check that takes longer than this has failed. Default 1 s, the kubelet's own default time-out. */
  readonly checkDeadlineMs?: number;
}

interface CheckResult {
  readonly name: string;
  readonly problem?: string;
}

/**
 * One plain HTTP port for the kubelet and Prometheus: `/healthz` (liveness), `/readyz` (readiness) and `/metrics`.
 * The answers read like the API server's own: one line per check with `?verbose` or when a check fails, `ok` otherwise;
 * `?exclude=<name>` leaves a check out, `/readyz/<name>` asks for one only.
 */
export class HealthServer {
  readonly name = 'health';
  readonly #options: HealthServerOptions;
  readonly #checks = { '/healthz': new Map<string, HealthCheck>(), '/readyz': new Map<string, HealthCheck>() };
  readonly #server: Server;
  /** Path → names of the checks that failed last time. */
  readonly #lastAnswers = new Map<string, string>();

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((err: unknown) => {
        options.log.error('health endpoint failed', { err, path: request.url });
        response.destroy();
      });
    });
    this.#checks['/healthz'].set('ping', () => undefined);
    this.#checks['/readyz'].set('ping', () => undefined);
  }

  /** Liveness: failing restarts the container. Only for what a restart mends. */
  addLivenessCheck(name: string, check: HealthCheck): void {
    this.#checks['/healthz'].set(name, check);
  }

  /** Readiness: failing takes this replica out of the webhook's Service. */
  addReadinessCheck(name: string, check: HealthCheck): void {
    this.#checks['/readyz'].set(name, check);
  }

  /** The port it listens on; 0 before `start`. */
  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    return address?.port ?? 0;
  }

  /** Resolves when it listens; rejects when the port cannot be had. */
  async start(): Promise<void> {
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void =>
        reject(new Error(`cannot listen on port ${port} for /metrics, /healthz and /readyz`, { cause }));
      this.#server.once('error', onError);
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://health');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    if (url.pathname === '/metrics') {
      const { registry } = this.#options;
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
      return;
    }
    for (const [path, checks] of Object.entries(this.#checks)) {
      if (url.pathname === path) return this.#report(path, checks, url, response);
      const single = url.pathname.startsWith(`${path}/`) ? url.pathname.slice(path.length + 1) : undefined;
      const check = single === undefined ? undefined : checks.get(single);
      if (single !== undefined && check) return this.#report(path, new Map([[single, check]]), url, response);
    }
    response.writeHead(404, { 'content-type': 'text/plain' }).end('try /healthz, /readyz or /metrics\n');
  }

  async #report(path: string, checks: Map<string, HealthCheck>, url: URL, response: ServerResponse): Promise<void> {
    const excluded = new Set(url.searchParams.getAll('exclude'));
    const wanted = [...checks].filter(([name]) => !excluded.has(name));
    const results = await Promise.all(wanted.map(([name, check]) => this.#run(name, check)));
    const failed = results.filter(({ problem }) => problem !== undefined);
    this.#logChange(url.pathname, failed);
    const verdict = `${path.slice(1)} check ${failed.length > 0 ? 'failed' : 'passed'}\n`;
    const lines = results.map(({ name, problem }) =>
      problem === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${problem}\n`,
    );
    const detailed = failed.length > 0 || url.searchParams.has('verbose');
    response
      .writeHead(failed.length > 0 ? 503 : 200, { 'content-type': 'text/plain', 'cache-control': 'no-store' })
      .end(detailed ? lines.join('') + verdict : 'ok');
  }

  /** A probe comes every few seconds; only a new answer is news. */
  #logChange(path: string, failed: readonly CheckResult[]): void {
    const answer = failed.map(({ name }) => name).join();
    if (answer === (this.#lastAnswers.get(path) ?? '')) return;
    this.#lastAnswers.set(path, answer);
    if (failed.length > 0) this.#options.log.warn('health check failed', { path, failed });
    else this.#options.log.info('health check passes again', { path });
  }

  async #run(name: string, check: HealthCheck): Promise<CheckResult> {
    const { clock, checkDeadlineMs = 1_000 } = this.#options;
    const limit = new AbortController();
    const tooLate = `no answer within ${checkDeadlineMs} ms`;
    const cancel = clock.schedule(checkDeadlineMs, () => limit.abort(new Error(tooLate)));
    const untilLimit = new Promise<string>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(tooLate), { once: true });
    });
    try {
      const problem = await Promise.race([check(limit.signal), untilLimit]);
      return problem === undefined ? { name } : { name, problem };
    } catch (err) {
      return { name, problem: err instanceof Error ? err.message : String(err) };
    } finally {
      cancel();
    }
  }
}
