import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Connection } from '../connection.ts';
import { issueTestCertificate, type TestCertificate } from './certificate.ts';
import { FakeHistory } from './fakeHistory.ts';

/** What the server does to one request instead of answering it. */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  | { readonly kind: 'text'; readonly code: number; readonly text: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' };

/** How running watches come to grief. */
export type Cut = 'end' | 'reset' | 'halfLine' | 'resetMidLine' | 'expired' | 'error500' | 'garbage' | 'silence';

export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface RunningWatch {
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** The peer lives, the line is dead: nothing is delivered any more. */
  silent: boolean;
}

interface PlannedFault {
  readonly on: 'list' | 'watch' | 'any';
  readonly fault: Fault;
}

/**
 * A small Kubernetes API over real TLS that can be made to fail in ways a real one cannot: it serves lists with pages,
 * watches with resume and bookmarks, and echoes writes. Tests change its objects through `history`.
 */
export class FakeApiServer {
  readonly history = new FakeHistory();
  readonly requests: SeenRequest[] = [];
  readonly #server: Server;
  #certificate: TestCertificate;
  readonly #watches = new Set<RunningWatch>();
  readonly #faults: PlannedFault[] = [];
  /** Raw TCP connections by remote port: TLS sockets cannot send a RST themselves. */
  readonly #sockets = new Map<number, Socket>();
  /** Sent with every answer. */
  readonly answerHeaders: Record<string, string | string[]> = {};
  /** How many TLS connections were made. */
  connectionsMade = 0;

  /** One that the server accepts where it asks for client certificates. */
  readonly clientCertificate: TestCertificate = issueTestCertificate();

  private constructor(certificate: TestCertificate, wantsClientCertificates: boolean) {
    this.#certificate = certificate;
    const { cert, key } = certificate;
    const tls = wantsClientCertificates
      ? { cert, key, ca: this.clientCertificate.ca, requestCert: true, rejectUnauthorized: true }
      : { cert, key };
    this.#server = createServer(tls, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.connectionsMade++;
      const port = socket.remotePort ?? 0;
      this.#sockets.set(port, socket);
      socket.on('close', () => this.#sockets.delete(port));
    });
    this.history.onEvent((line) => {
      for (const watch of this.#watches) if (!watch.silent) watch.response.write(line);
    });
  }

  static async start(options: { readonly clientCertificates?: boolean } = {}): Promise<FakeApiServer> {
    const server = new FakeApiServer(issueTestCertificate(), options.clientCertificates === true);
    await new Promise<void>((resolve) => {
      server.#server.listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `https://127.0.0.1:${port}`;
  }

  get ca(): string {
    return this.#certificate.ca;
  }

  get runningWatches(): number {
    return this.#watches.size;
  }

  /** A connection without credentials. */
  connection(): Connection {
    const { url: server, ca } = this;
    return { server, namespace: undefined, credentials: async () => ({ headers: {}, tls: { ca } }) };
  }

  /** The next request of this sort meets the fault instead of its answer. Faults wait in a queue. */
  failNext(on: PlannedFault['on'], fault: Fault): void {
    this.#faults.push({ on, fault });
  }

  get faultsLeft(): number {
    return this.#faults.length;
  }

  /** Ends every running watch in the given way. */
  cut(how: Cut): void {
    for (const watch of this.#watches) this.#cutOne(watch, how);
  }

  /** New CA and certificate, for new connections. Old ones are cut. */
  rotateCertificate(): void {
    this.#certificate = issueTestCertificate();
    this.#server.setSecureContext({ cert: this.#certificate.cert, key: this.#certificate.key });
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #cutOne(watch: RunningWatch, how: Cut): void {
    const { response, socket } = watch;
    if (how === 'silence') {
      watch.silent = true;
      return;
    }
    this.#watches.delete(watch);
    switch (how) {
      case 'end':
        response.end();
        break;
      case 'halfLine':
        response.end('{"type":"MODIFIED","object":{"metadata":{"name":"ha');
        break;
      case 'garbage':
        response.end('<html>502 Bad Gateway</html>\n');
        break;
      case 'expired':
        response.end(errorLine(410, 'Expired', 'too old resource version'));
        break;
      case 'error500':
        response.end(errorLine(500, 'InternalError', 'unable to decode an event from the watch stream'));
        break;
      case 'reset':
        socket.resetAndDestroy();
        break;
      case 'resetMidLine':
        response.write('{"type":"MODIFIED","object":{"metadata":{"name":"ha', () => {
          setImmediate(() => socket.resetAndDestroy());
        });
        break;
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString('utf8');
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    this.requests.push({ method, url, headers: request.headers, body });
    for (const [name, value] of Object.entries(this.answerHeaders)) response.setHeader(name, value);
    const socket = this.#sockets.get(request.socket.remotePort ?? 0);
    if (socket === undefined) throw new Error('a request without a connection');
    const on = method !== 'GET' ? 'any' : url.searchParams.get('watch') === 'true' ? 'watch' : 'list';
    const planned = this.#faults.findIndex((fault) => fault.on === 'any' || fault.on === on);
    const fault = this.#faults[planned];
    if (fault !== undefined) {
      this.#faults.splice(planned, 1);
      suffer(fault.fault, response, socket);
      return;
    }
    if (on === 'any') sendJson(response, 200, body === '' ? {} : JSON.parse(body));
    else if (on === 'watch') this.#watch(url, response, socket);
    else this.#list(url, response);
  }

  #list(url: URL, response: ServerResponse): void {
    const limit = Number(url.searchParams.get('limit') ?? 0);
    const page = this.history.page(limit, url.searchParams.get('continue') ?? undefined);
    if (page === 'expired') sendStatus(response, 410, 'Expired');
    else {
      sendJson(response, 200, {
        kind: 'List',
        apiVersion: 'v1',
        metadata: {
          resourceVersion: page.resourceVersion,
          ...(page.next === undefined ? {} : { continue: page.next }),
        },
        items: page.items,
      });
    }
  }

  #watch(url: URL, response: ServerResponse, socket: Socket): void {
    const missed = this.history.since(Number(url.searchParams.get('resourceVersion')));
    if (missed === 'expired') {
      sendStatus(response, 410, 'Expired');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const line of missed) response.write(line);
    const watch = { response, socket, silent: false };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }
}

function suffer(fault: Fault, response: ServerResponse, socket: Socket): void {
  switch (fault.kind) {
    case 'status':
      sendStatus(response, fault.code, fault.reason ?? '', fault.retryAfterSeconds);
      break;
    case 'text':
      response.writeHead(fault.code, { 'content-type': 'text/plain' }).end(fault.text);
      break;
    case 'reset':
      socket.resetAndDestroy();
      break;
    case 'hang':
      break;
  }
}

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendStatus(response: ServerResponse, code: number, reason: string, retryAfterSeconds?: number): void {
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
  sendJson(response, code, status(code, reason, `fault: ${code} ${reason}`));
}

function status(code: number, reason: string, message: string): unknown {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function errorLine(code: number, reason: string, message: string): string {
  return `${JSON.stringify({ type: 'ERROR', object: status(code, reason, message) })}\n`;
}

/** An object of the fake's own making. */
export type FakeObject = KubeObject & { readonly data: Readonly<Record<string, string>> };
