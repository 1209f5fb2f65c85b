import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issueTestCertificate } from '../../src/kube/testing/certificate.ts';
import { type GateWrite, WriteBook, type WriteKind } from './gateKillWrites.ts';

export type { GateWrite, WriteKind } from './gateKillWrites.ts';

/**
 * Before the API server hears of the write, after it has answered and before the operator hears of that, or a while after the
 * operator has heard: in what it waits for then.
 */
export type Moment = 'before' | 'after' | 'later';

/** The write that the operator dies of. */
export interface Trap {
  readonly namespace: string;
  readonly kind: WriteKind;
  /** From 1: which of the writes of this kind in the namespace. */
  readonly nth: number;
  readonly moment: Moment;
}

/** A {@link Trap} that was set. */
export interface SetTrap extends Trap {
  /** The moment has come. The write is held until the operator is killed, but for the moment `later`. */
  readonly held: boolean;
}

const LATER_MS = 600;

interface ArmedTrap extends Trap {
  held: boolean;
  seen: number;
}

/**
 * An HTTPS proxy between the operator and its API server that knows the gate's writes and can hold one of them, so that the
 * operator can be killed at it. Everything else, watches included, passes through as it is.
 */
export class KillingProxy {
  /** What a kubeconfig trusts, PEM. */
  readonly caPem: string;
  /** Every write of the gate that arrived here, and what it asked and waits for the answer of. */
  readonly calls: GateWrite[] = [];
  /** Added before a write goes on, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent: Agent;
  readonly #book = new WriteBook();
  readonly #traps = new Set<ArmedTrap>();

  private constructor(target: { readonly url: string; readonly caPem: string }) {
    const { ca, cert, key } = issueTestCertificate();
    this.caPem = ca;
    this.#target = new URL(target.url);
    this.#agent = new Agent({ keepAlive: true, ca: target.caPem });
    this.#server = createServer({ cert, key }, (incoming, answer) => {
      // Whatever goes wrong ends this connection, as a proxy does; the operator asks again.
      this.#pass(incoming, answer).catch(() => answer.destroy());
    });
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
  }

  static async start(target: { readonly url: string; readonly caPem: string }): Promise<KillingProxy> {
    const proxy = new KillingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Holds the write that it names, once. */
  set(trap: Trap): SetTrap {
    const armed: ArmedTrap = { ...trap, held: false, seen: 0 };
    this.#traps.add(armed);
    return armed;
  }

  /** Takes away the traps that have not closed. */
  disarm(): void {
    this.#traps.clear();
  }

  /** Writes that no kill can be aimed at, for nobody here knows what they are. */
  get unknownWrites(): readonly string[] {
    return this.#book.unknown;
  }

  callsIn(namespace: string): readonly GateWrite[] {
    return this.calls.filter((call) => call.namespace === namespace);
  }

  /** How often slices are asked for depends on how fast they follow. */
  writesIn(namespace: string): readonly GateWrite[] {
    return this.callsIn(namespace).filter(({ kind }) => kind !== 'AskSlices');
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const write = this.#book.recognise({ method: incoming.method ?? '', path: incoming.url ?? '', body });
    const trap = write === undefined ? undefined : this.#sprung(write);
    if (write !== undefined) {
      this.calls.push(write);
      if (this.delayMs > 0 && write.kind !== 'AskSlices')
        await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    }
    if (trap?.moment === 'before') {
      trap.held = true;
      return;
    }
    const outgoing = request({
      host: this.#target.hostname,
      port: this.#target.port,
      path: incoming.url,
      method: incoming.method,
      headers: hopless(incoming.headers),
      agent: this.#agent,
    });
    // A watch that the operator ends, or that ends with the operator.
    answer.on('close', () => outgoing.destroy());
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    if (trap?.moment === 'after') {
      await bodyOf(response);
      trap.held = true;
      return;
    }
    if (trap !== undefined) setTimeout(() => (trap.held = true), LATER_MS);
    answer.writeHead(response.statusCode ?? 502, hopless(response.headers));
    answer.flushHeaders();
    response.on('error', () => answer.destroy());
    response.pipe(answer);
  }

  #sprung(write: GateWrite): ArmedTrap | undefined {
    for (const trap of this.#traps) {
      if (write.namespace !== trap.namespace || write.kind !== trap.kind) continue;
      trap.seen += 1;
      if (trap.seen < trap.nth) continue;
      this.#traps.delete(trap);
      return trap;
    }
    return undefined;
  }
}

async function bodyOf(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Without what belongs to one connection. */
function hopless(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, 'transfer-encoding': _encoding, host: _host, ...rest } = headers;
  return rest;
}
