import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DRAIN_ANNOTATION, GATE_FIELD_MANAGER, RECOUNT_ANNOTATION } from '../../src/api/index.ts';
import { issueTestCertificate } from '../../src/kube/testing/certificate.ts';

/** What a write of the gate is for, told by what it changes. */
export type WriteKind =
  | 'Intent'
  | 'HandOver'
  | 'Isolate'
  | 'MarkDrained'
  | 'Abandon'
  | 'Note'
  | 'Cancel'
  | 'GiveBack'
  | 'ReturnOwner'
  | 'Recount'
  | 'AskBudget'
  | 'LetGo'
  | 'Status';

/** One write of the gate. */
export interface GateWrite {
  readonly kind: WriteKind;
  readonly namespace: string;
  /** Of the pod, or of the GracefulRollout. */
  readonly name: string;
}

/** Before the API server hears of the write, or after it has answered and before the operator hears of that. */
export type Moment = 'before' | 'after';

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
  /** The write has come, and is held: the operator waits for its answer until it is killed. */
  readonly held: boolean;
}

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
  /** Every write of the gate that arrived here. */
  readonly writes: GateWrite[] = [];
  /** Added before a write goes on, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent: Agent;
  readonly #states = new Map<string, Readonly<Record<string, unknown>>>();
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

  writesIn(namespace: string): readonly GateWrite[] {
    return this.writes.filter((write) => write.namespace === namespace);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const write = this.#recognise(incoming.method ?? '', incoming.url ?? '', body);
    const trap = write === undefined ? undefined : this.#sprung(write);
    if (write !== undefined) {
      this.writes.push(write);
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
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
    if (trap !== undefined) {
      await bodyOf(response);
      trap.held = true;
      return;
    }
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

  #recognise(method: string, path: string, body: Buffer): GateWrite | undefined {
    const url = new URL(path, 'https://api');
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)(\/eviction)?$/.exec(url.pathname);
    const rollout = /^\/apis\/graceful-rollout\.io\/[^/]+\/namespaces\/([^/]+)\/[^/]+\/([^/]+)\/status$/.exec(
      url.pathname,
    );
    const [, namespace, name] = pod ?? rollout ?? [];
    if (namespace === undefined || name === undefined) return undefined;
    const ours = url.searchParams.get('fieldManager') === GATE_FIELD_MANAGER;
    const kind =
      method === 'DELETE' && pod !== null
        ? 'LetGo'
        : method === 'POST' && pod?.[3] !== undefined
          ? 'AskBudget'
          : method === 'PATCH' && ours
            ? rollout === null
              ? this.#kindOfPatch(`${namespace}/${name}`, body)
              : 'Status'
            : undefined;
    return kind === undefined ? undefined : { kind, namespace, name };
  }

  #kindOfPatch(pod: string, body: Buffer): WriteKind {
    const { metadata } = JSON.parse(body.toString()) as {
      readonly metadata: { readonly annotations?: Record<string, string | null>; readonly ownerReferences?: unknown };
    };
    if (metadata.annotations === undefined) return 'ReturnOwner';
    if (RECOUNT_ANNOTATION in metadata.annotations) return 'Recount';
    const text = metadata.annotations[DRAIN_ANNOTATION];
    if (text === null || text === undefined) {
      this.#states.delete(pod);
      return metadata.ownerReferences === undefined ? 'Cancel' : 'GiveBack';
    }
    const before = this.#states.get(pod);
    const state = JSON.parse(text) as Readonly<Record<string, unknown>>;
    this.#states.set(pod, state);
    const isNew = (member: string): boolean => state[member] !== undefined && state[member] !== before?.[member];
    if (isNew('drainedAt')) return 'MarkDrained';
    if (isNew('isolatedAt')) return 'Isolate';
    if (isNew('handedOverAt')) return 'HandOver';
    if (isNew('abandonedAt')) return 'Abandon';
    return before === undefined || isNew('askedAt') ? 'Intent' : 'Note';
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
