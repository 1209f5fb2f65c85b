import { createConnection, type Socket } from 'node:net';
import type { FailureSeen } from './lossClass.ts';
import { type ParsedResponse, ResponseParser } from './responseParser.ts';
import type { SourcePorts } from './sourcePorts.ts';

/** How one request and its answer ended. */
export type ExchangeEnd =
  | { readonly kind: 'response'; readonly response: ParsedResponse }
  | { readonly kind: 'malformed'; readonly detail: string }
  | { readonly kind: 'failed'; readonly seen: FailureSeen };

/** After a FIN without an answer: how long a RST may take to follow before the FIN is taken to be alone. */
const RST_WAIT_MS = 30;
/** A connection that we have ended and the peer has not is dropped after this. */
const CLOSE_WAIT_MS = 2000;
/** Other source ports to try when one turns out to be taken on this side (nothing has been sent then). */
const SOURCE_TRIES = 10;

interface Exchange {
  readonly request: string;
  readonly parser: ResponseParser;
  readonly timer: NodeJS.Timeout;
  readonly done: (end: ExchangeEnd) => void;
}

/**
 * One client connection that carries one request at a time and repeats none. It says exactly how an exchange ended;
 * an idle connection that the peer closes is only reported through `onClosed`, since nobody lost anything.
 */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  readonly #sources: SourcePorts;
  readonly #onClosed: () => void;
  #socket: Socket | undefined;
  #connected = false;
  #answers = 0;
  #finSeen = false;
  #closed = false;
  #tries = 0;
  #exchange: Exchange | undefined;
  /** Source address and port, for the record of a loss. */
  source = '';

  /** Opens to `host:port` from the next source; `onClosed` runs once when the connection can carry nothing more. */
  constructor(host: string, port: number, sources: SourcePorts, onClosed: () => void) {
    this.#host = host;
    this.#port = port;
    this.#sources = sources;
    this.#onClosed = onClosed;
  }

  /** It has carried at least one answer. */
  get reused(): boolean {
    return this.#answers > 0;
  }

  /** Sends a request (the first one opens the connection); `done` runs exactly once, at the latest after `timeoutMs`. */
  send(request: string, timeoutMs: number, done: (end: ExchangeEnd) => void): void {
    // After a stall of this process, timers run before what has arrived is read: read it first, it is an answer.
    const timer = setTimeout(() => setImmediate(() => this.#timeOut(exchange)), timeoutMs);
    const exchange: Exchange = { request, parser: new ResponseParser(), timer, done };
    this.#exchange = exchange;
    if (this.#socket === undefined) this.#open();
    else this.#socket.write(request);
  }

  /** Ends the connection from this side. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed) {
      socket.setTimeout(CLOSE_WAIT_MS, () => socket.destroy());
      socket.end();
    }
    this.#onClosed();
  }

  #open(): void {
    const source = this.#sources.next();
    if (source === undefined) {
      setImmediate(() => this.#fail('error', 'no source port left that this run has not used'));
      return;
    }
    this.source = `${source.address}:${source.port}`;
    const socket = createConnection({
      host: this.#host,
      port: this.#port,
      localAddress: source.address,
      localPort: source.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#connected = true;
      if (this.#exchange !== undefined) socket.write(this.#exchange.request);
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onFin(socket));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => {
      if (socket === this.#socket) this.#onGone();
    });
  }

  #onData(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#socket?.destroy();
      return;
    }
    const step = exchange.parser.push(chunk);
    if (step.kind === 'more') return;
    this.#answers++;
    if (step.kind === 'malformed' || step.response.close || this.#finSeen) {
      this.#finish(step);
      this.close();
    } else {
      this.#finish(step);
    }
  }

  #onFin(socket: Socket): void {
    this.#finSeen = true;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.close();
    } else if (exchange.parser.bytes > 0) {
      this.#fail('fin');
    } else {
      // A byte written after the wait meets EPIPE at once if a RST has come in the meantime, and passes otherwise.
      setTimeout(() => {
        if (this.#exchange === exchange) socket.write('\n', (error) => this.#fail(error ? 'fin-then-rst' : 'fin'));
      }, RST_WAIT_MS);
    }
  }

  #onError(error: NodeJS.ErrnoException): void {
    const ours = error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL';
    if (ours && !this.#connected && this.#tries < SOURCE_TRIES) {
      this.#tries++;
      this.#open();
      return;
    }
    // EPIPE without our writing means that the RST came after a FIN which the same read has swallowed.
    this.#fail(this.#finSeen || error.code === 'EPIPE' ? 'fin-then-rst' : 'error', error.code ?? error.message);
  }

  #timeOut(exchange: Exchange): void {
    if (this.#exchange === exchange) this.#fail('timeout');
  }

  #onGone(): void {
    if (this.#exchange !== undefined) this.#fail('error', 'closed on this side');
    this.close();
  }

  #fail(end: FailureSeen['end'], code?: string): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const seen: FailureSeen = {
      connected: this.#connected,
      reused: this.reused,
      responseBytes: exchange.parser.bytes,
      end,
      ...(code === undefined ? {} : { code }),
    };
    this.#finish({ kind: 'failed', seen });
    this.#socket?.destroy();
    this.close();
  }

  #finish(end: ExchangeEnd): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    clearTimeout(exchange.timer);
    exchange.done(end);
  }
}
