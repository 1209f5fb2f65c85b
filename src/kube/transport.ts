import type { Connection, Credentials } from './connection.ts';
import { ConnectionPools } from './connectionPools.ts';
import { ApiError, type StatusBody, TransportError } from './errors.ts';
import { asksForCredentials, classify, explain } from './failureCauses.ts';
import { parseRetryAfter, retryDelayMs } from './retry.ts';
import { parseWarnings } from './warnings.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  /** Whether sending it twice is as good as once; decides what may be retried. */
  readonly idempotent: boolean;
  readonly retry: boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onWarning: (text: string) => void;
}

/** A watch: no deadline after the headers, no retry, the answer comes in pieces. */
export type StreamRequest = Omit<TransportRequest, 'body' | 'idempotent' | 'retry'>;

interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { text(): Promise<string> } & AsyncIterable<Buffer>;
}

/** Raised inside when the call's own deadline passes; told apart from the caller's abort by identity. */
class DeadlinePassed extends Error {}

/**
 * Sends requests to one API server and turns every way they can fail into `ApiError` or `TransportError`. Credentials
 * are asked for before each attempt; a 401 or a certificate that does not verify makes them be read again, once.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #pools: ConnectionPools;
  readonly #headers: Credentials['headers'];

  constructor(connection: Connection, headers: Credentials['headers']) {
    this.#connection = connection;
    this.#pools = new ConnectionPools(connection.proxyUrl);
    this.#headers = headers;
  }

  /** The text of a successful answer. */
  async call(request: TransportRequest): Promise<string> {
    return await withDeadline(request, async (signal) => {
      const startedMs = performance.now();
      let refreshes = 0;
      let refresh = false;
      for (let attempts = 1; ; attempts++) {
        let failure: unknown;
        try {
          return await this.#attempt(request, signal, refresh);
        } catch (error) {
          failure = error;
        }
        if (signal.aborted) throw failure;
        refresh = refreshes === 0 && asksForCredentials(failure);
        if (refresh) {
          refreshes++;
          continue;
        }
        const delayMs = request.retry ? delayAfter(failure, request, attempts) : undefined;
        const leftMs = request.deadlineMs - (performance.now() - startedMs);
        if (delayMs === undefined || delayMs >= leftMs) throw failure;
        await pause(delayMs, signal);
      }
    });
  }

  /**
   * The pieces of a streamed answer, once its headers say 200. The caller's signal ends it at any time; the deadline is
   * for the headers alone.
   */
  async stream(request: StreamRequest): Promise<AsyncIterable<Buffer>> {
    const open = async (refresh: boolean): Promise<AsyncIterable<Buffer>> => {
      const controller = new AbortController();
      const stop = (): void => controller.abort(request.signal.reason);
      request.signal.addEventListener('abort', stop, { once: true });
      const timer = setTimeout(() => controller.abort(new DeadlinePassed()), request.deadlineMs);
      try {
        const answer = await this.#send(
          { ...request, idempotent: true, retry: false },
          controller.signal,
          refresh,
          true,
        );
        return pieces(answer.body, request, () => request.signal.removeEventListener('abort', stop));
      } catch (error) {
        request.signal.removeEventListener('abort', stop);
        request.signal.throwIfAborted();
        throw controller.signal.aborted ? deadlineError(request) : error;
      } finally {
        clearTimeout(timer);
      }
    };
    request.signal.throwIfAborted();
    try {
      return await open(false);
    } catch (error) {
      if (request.signal.aborted || !asksForCredentials(error)) throw error;
      return await open(true);
    }
  }

  async close(): Promise<void> {
    await this.#pools.close();
  }

  async #attempt(request: TransportRequest, signal: AbortSignal, refresh: boolean): Promise<string> {
    const answer = await this.#send(request, signal, refresh, false);
    return await readText(answer, request);
  }

  async #send(request: TransportRequest, signal: AbortSignal, refresh: boolean, watch: boolean): Promise<Answer> {
    const credentials = await this.#credentials(request, signal, refresh);
    const pools = this.#pools.for(credentials.tls);
    const server = new URL(this.#connection.server);
    const prefix = server.pathname === '/' ? '' : server.pathname;
    let answer: Answer;
    try {
      const response = await (watch ? pools.watches : pools.calls).request({
        origin: server.origin,
        path: prefix + request.path,
        method: request.method,
        headers: { accept: 'application/json', ...this.#headers, ...credentials.headers, ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
        signal,
      });
      answer = { code: response.statusCode, headers: response.headers, body: response.body };
    } catch (error) {
      if (signal.aborted) throw error;
      throw new TransportError(request, 'connection', `no answer from ${server.host}: ${explain(error)}`, error);
    }
    for (const text of parseWarnings(answer.headers['warning'])) request.onWarning(text);
    if (answer.code >= 200 && answer.code < 300) return answer;
    const body = readStatus(await readText(answer, request));
    throw new ApiError(request, answer.code, body, parseRetryAfter(answer.headers['retry-after']));
  }

  async #credentials(request: TransportRequest, signal: AbortSignal, refresh: boolean): Promise<Credentials> {
    try {
      return await this.#connection.credentials({ refresh, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new TransportError(request, 'connection', `credentials cannot be read: ${explain(error)}`, error);
    }
  }
}

async function withDeadline<R>(request: TransportRequest, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
  request.signal.throwIfAborted();
  const controller = new AbortController();
  const stop = (): void => controller.abort(request.signal.reason);
  request.signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => controller.abort(new DeadlinePassed()), request.deadlineMs);
  try {
    return await work(controller.signal);
  } catch (error) {
    request.signal.throwIfAborted();
    throw controller.signal.aborted ? deadlineError(request) : error;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', stop);
  }
}

function deadlineError(request: { method: string; path: string; deadlineMs: number }): TransportError {
  return new TransportError(request, 'deadline', `no complete answer within ${request.deadlineMs} ms`);
}

async function readText(answer: Answer, request: { method: string; path: string }): Promise<string> {
  try {
    return await answer.body.text();
  } catch (error) {
    if (error instanceof DOMException || error instanceof DeadlinePassed) throw error;
    throw new TransportError(request, 'connection', `the answer broke off: ${explain(error)}`, error);
  }
}

async function* pieces(
  body: AsyncIterable<Buffer>,
  request: { method: string; path: string; signal: AbortSignal },
  done: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    request.signal.throwIfAborted();
    throw new TransportError(request, 'connection', `the stream broke off: ${explain(error)}`, error);
  } finally {
    done();
  }
}

function readStatus(text: string): StatusBody {
  try {
    const body = JSON.parse(text) as StatusBody | null;
    if (body?.kind === 'Status') return body;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // A proxy, or the API server before its handlers are up ("429 Too many requests" as plain text).
  const excerpt = text.trim().slice(0, 300);
  return excerpt === '' ? {} : { message: excerpt };
}

function delayAfter(failure: unknown, request: TransportRequest, attempts: number): number | undefined {
  const site = { readOnly: request.method === 'GET', idempotent: request.idempotent, attempts };
  const seen = classify(failure);
  return seen === undefined ? undefined : retryDelayMs(seen, site);
}

/** Real time on purpose: the deadline that bounds it is the socket's, not the operator's. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
