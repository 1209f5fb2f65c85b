import { createServer, type Server, type ServerResponse } from 'node:http';
import { type BarrierSlice, type IpFamily, seatedIn } from '../../gate/barrierSlices.ts';
import type { BarrierService, BarrierStore } from './barrierSlicesStore.ts';

/** How a pretended proxy answers. */
export type Behaviour = 'follows' | 'stuck' | 'hangs' | 'breaks off' | 'garbage' | 'cilium';

/** The proxy of one family that follows the slices after a while, as a real HTTP server on a loopback address of its own. */
export class FakeProxy {
  readonly node: string;
  readonly family: IpFamily;
  readonly address: string;
  behaviour: Behaviour = 'follows';
  delayMs = 5;
  questions = 0;
  number = 0;
  readonly #server: Server;
  #port = 0;

  private constructor(node: string, family: IpFamily, address: string) {
    this.node = node;
    this.family = family;
    this.address = address;
    this.#server = createServer((_request, response) => this.#answer(response));
  }

  /** `index` from 1; `port` 0: a free one. Of IPv6 the loopback has one address only: mapped ones of IPv4 take its place. */
  static async start(index: number, port: number, family: IpFamily = 'IPv4'): Promise<FakeProxy> {
    const net = family === 'IPv4' ? '127.77' : '::ffff:127.78';
    const proxy = new FakeProxy(`node-${index}`, family, `${net}.${Math.floor(index / 250)}.${(index % 250) + 1}`);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(port, proxy.address, resolve);
    });
    const bound = proxy.#server.address();
    proxy.#port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Hears of the slices, as a proxy's watch does. */
  see(number: number): void {
    if (this.behaviour === 'stuck') return;
    setTimeout(() => {
      this.number = number;
    }, this.delayMs);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #answer(response: ServerResponse): void {
    this.questions += 1;
    const body = `{"service":{"namespace":"system","name":"barrier"},"localEndpoints":${this.number}`;
    switch (this.behaviour) {
      case 'follows':
      case 'stuck':
        response.writeHead(this.number === 0 ? 503 : 200, { 'X-Load-Balancing-Endpoint-Weight': this.number });
        response.end(`${body},"serviceProxyHealthy":true}`);
        break;
      case 'hangs':
        break;
      case 'breaks off':
        response.writeHead(200, { 'content-length': 500 });
        response.write(body, () => response.destroy());
        break;
      case 'garbage':
        response.writeHead(404).end('<html>');
        break;
      case 'cilium':
        response.writeHead(200).end(`${body}}`);
        break;
    }
  }
}

/** Slices in memory, told to pretended proxies as they are written. */
export class FakeStore implements BarrierStore {
  found: BarrierService | undefined;
  readonly proxies: readonly FakeProxy[];
  readonly kept = new Map<string, BarrierSlice>();
  writes = 0;
  /** Called before each write; may throw. */
  beforeWrite: (write: number) => void = () => undefined;
  /** Called after a write landed; may throw: the answer was lost. */
  afterWrite: (write: number) => void = () => undefined;
  #version = 0;

  constructor(proxies: readonly FakeProxy[]) {
    this.proxies = proxies;
    const port = proxies[0]?.port ?? 0;
    const service = { namespace: 'system', name: 'barrier', uid: 'u-1', port: { name: 'barrier', number: 9 } };
    const families = [...new Set(proxies.map(({ family }) => family))];
    this.found = { ...service, healthCheckNodePort: port, families: families.length > 0 ? families : ['IPv4'] };
  }

  service(): Promise<BarrierService | undefined> {
    return Promise.resolve(this.found);
  }

  slices(): Promise<readonly BarrierSlice[]> {
    return Promise.resolve([...this.kept.values()]);
  }

  async write(slice: BarrierSlice): Promise<BarrierSlice> {
    this.writes += 1;
    const write = this.writes;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    this.beforeWrite(write);
    const { name = '', resourceVersion } = slice.metadata;
    if (this.kept.get(name)?.metadata.resourceVersion !== resourceVersion) throw new Error('409 Conflict');
    this.#version += 1;
    const stored = { ...slice, metadata: { ...slice.metadata, resourceVersion: String(this.#version) } };
    this.kept.set(name, stored);
    for (const proxy of this.proxies) {
      if (proxy.family === slice.addressType) proxy.see(this.numbers(proxy.family)[proxy.node] ?? 0);
    }
    this.afterWrite(write);
    return stored;
  }

  /** What each node is to report. */
  numbers(family: IpFamily = 'IPv4'): Readonly<Record<string, number>> {
    const slices = [...this.kept.values()].filter(({ addressType }) => addressType === family);
    return Object.fromEntries(slices.flatMap(seatedIn).map(({ node, number }) => [node, number]));
  }
}
