import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInformer, type EndpointSlice, endpointSlices, nodes, services } from '../../src/kube/index.ts';
import type { ApiHarness } from './harness.ts';
import { operatorNamespace } from './harness.ts';
import type { Moment, SetTrap, Trap } from './killingProxy.ts';

/*
 * What the gate asks past the API server, played so that the operator can be killed at it: the service proxy of a node, and
 * an application with a drained check. No claim about either rests on them.
 */

/** Where the gate asks first when nothing else is said. */
const barrierService = 'graceful-rollout-barrier';
/** Of the node that is not there: an address of the loopback that no other test listens at. */
const nodeAddress = '127.79.0.1';

class Held implements SetTrap {
  readonly namespace: string;
  readonly kind: Trap['kind'];
  readonly nth: number;
  readonly moment: Moment;
  held = false;

  constructor({ namespace, kind, nth, moment }: Trap) {
    this.namespace = namespace;
    this.kind = kind;
    this.nth = nth;
    this.moment = moment;
  }
}

/** Answers that are not given: their connections end with {@link release}. */
class Withheld {
  readonly #answers = new Set<ServerResponse>();

  add(answer: ServerResponse): void {
    this.#answers.add(answer);
  }

  release(): void {
    for (const answer of this.#answers) answer.destroy();
    this.#answers.clear();
  }
}

/** Stands in for kube-proxy of one node: reports how many endpoints of the barrier's slices are its node's. */
export class PretendServiceProxy {
  readonly #server: Server;
  readonly #withheld = new Withheld();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** What it would report if it followed at once. */
  #newest = 0;
  #reported = 0;
  #changes = 0;
  #trap: Held | undefined;

  private constructor() {
    this.#server = createServer((_request, response) => this.#answer(response));
  }

  /** Makes the Service that the barrier goes through, gives the node an address and answers there. */
  static async start({ client, signal }: ApiHarness, node: string): Promise<PretendServiceProxy> {
    const proxy = new PretendServiceProxy();
    const service = await client.create(services, barrierObject(), { signal });
    const { healthCheckNodePort: port } = service.spec as { readonly healthCheckNodePort?: number };
    proxy.#server.listen(port, nodeAddress);
    await once(proxy.#server, 'listening');
    const body = { status: { addresses: [{ type: 'InternalIP', address: nodeAddress }] } };
    await client.patch(nodes, { name: node }, { type: 'strategic', body }, { signal, subresource: 'status' });
    const informer = createInformer<EndpointSlice>({
      client,
      resource: endpointSlices,
      namespace: operatorNamespace,
      labelSelector: `kubernetes.io/service-name=${barrierService}`,
    });
    informer.onChange((_key, { new: slice }) =>
      proxy.#see((slice?.endpoints ?? []).filter(({ nodeName }) => nodeName === node).length),
    );
    proxy.#running = informer.run(proxy.#stop.signal);
    await informer.waitForSync(signal);
    return proxy;
  }

  /**
   * It does not follow the `nth` change from now on. The moment `before`: it is asked for it, and does not answer; `after`: it has
   * answered, with the number that it had before.
   */
  set(trap: Trap): SetTrap {
    this.#changes = 0;
    this.#trap = new Held(trap);
    return this.#trap;
  }

  /** What it was held at is over: it follows again, at once. */
  release(): void {
    if (this.#trap?.held === true) this.#trap = undefined;
    this.#reported = this.#newest;
    this.#withheld.release();
  }

  disarm(): void {
    this.#trap = undefined;
    this.release();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #see(number: number): void {
    this.#newest = number;
    this.#changes += 1;
    if (!this.#isSprung()) this.#reported = number;
  }

  #isSprung(): boolean {
    return this.#trap !== undefined && this.#changes >= this.#trap.nth;
  }

  #answer(response: ServerResponse): void {
    const sprung = this.#isSprung() ? this.#trap : undefined;
    if (sprung !== undefined) sprung.held = true;
    if (sprung?.moment === 'before') {
      this.#withheld.add(response);
      return;
    }
    response.writeHead(this.#reported === 0 ? 503 : 200, { 'X-Load-Balancing-Endpoint-Weight': this.#reported });
    response.end(JSON.stringify({ localEndpoints: this.#reported, serviceProxyHealthy: true }));
  }
}

/** Answers the drained checks of every namespace, at `/<namespace>`: drained, unless something is set. */
export class PretendApplication {
  readonly #server: Server;
  readonly #withheld = new Withheld();
  readonly #traps = new Map<string, Held>();

  private constructor() {
    this.#server = createServer(({ url = '' }, response) => this.#answer(url.slice(1), response));
  }

  /** `::1`: a pod may have it beside the address that its Services send to, and no API server refuses a slice for it. */
  static readonly address = '::1';

  static async start(): Promise<PretendApplication> {
    const application = new PretendApplication();
    application.#server.listen(0, PretendApplication.address);
    await once(application.#server, 'listening');
    return application;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The moment `before`: it is asked and does not answer; `after`: it has answered that it is not drained yet. */
  set(trap: Trap): SetTrap {
    const held = new Held(trap);
    this.#traps.set(trap.namespace, held);
    return held;
  }

  /** What was held is over, and drained. */
  release(): void {
    for (const [namespace, { held }] of this.#traps) if (held) this.#traps.delete(namespace);
    this.#withheld.release();
  }

  disarm(): void {
    this.#traps.clear();
    this.release();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(namespace: string, response: ServerResponse): void {
    const trap = this.#traps.get(namespace);
    if (trap === undefined) {
      response.end();
      return;
    }
    trap.held = true;
    if (trap.moment === 'before') this.#withheld.add(response);
    else response.writeHead(503).end();
  }
}

/** As the chart has it. */
function barrierObject() {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: barrierService, namespace: operatorNamespace },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'graceful-rollout.io/none',
      allocateLoadBalancerNodePorts: false,
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Local',
      ipFamilyPolicy: 'PreferDualStack',
      ports: [{ name: 'barrier', port: 9, protocol: 'TCP' }],
    },
  };
}
