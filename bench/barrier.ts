import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type ControlPlane, startControlPlane } from '../e2e/cluster/index.ts';
import type { KubeObject } from '../src/api/kubernetes.ts';
import { barrierStore, ProxyBarrier } from '../src/controllers/gate/barrier.ts';
import { FakeProxy } from '../src/controllers/gate/barrierFakes.ts';
import type { BarrierSlice } from '../src/gate/barrierSlices.ts';
import {
  type Client,
  createClient,
  endpointSlices,
  loadKubeConfig,
  namespaces,
  services,
  typed,
  type WatchEvent,
} from '../src/kube/index.ts';
import { silentLogger, systemClock } from '../src/runtime/index.ts';

const SIZES = [2, 20, 100];
const ROUNDS = 20;
/** What a proxy takes from the change to its rules; real ones take 20 ms to a second. */
const PROXY_MS = 20;

/** One round, on the average of {@link ROUNDS}, after the first. */
interface Cost {
  readonly nodes: number;
  /** Slices written. */
  readonly writes: number;
  /** Body bytes of one watch, as kube-proxy asks for it (protobuf). */
  readonly watchBytes: number;
  /** The same of all watches. */
  readonly allBytes: number;
  /** Questions to the proxies. */
  readonly questions: number;
  readonly ms: { readonly p50: number; readonly max: number };
}

/** Measures what a round of the barrier costs by number of nodes: real API server, pretended proxies; prints it. */
export async function run(options: { readonly json: boolean; readonly signal: AbortSignal }): Promise<true> {
  const controlPlane = await startControlPlane();
  try {
    const costs: Cost[] = [];
    for (const nodes of SIZES) costs.push(await measure(controlPlane, nodes, options.signal));
    console.log(options.json ? JSON.stringify(costs, null, 2) : render(costs));
    return true;
  } finally {
    await controlPlane.stop();
  }
}

async function measure(controlPlane: ControlPlane, count: number, outer: AbortSignal): Promise<Cost> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, outer]);
  const connection = await loadKubeConfig({ path: controlPlane.kubeconfigPath }, signal);
  const client = createClient({ connection, userAgent: 'bench-barrier', fieldManager: 'bench-barrier' });
  const ref = { namespace: `barrier-${count}`, name: 'graceful-rollout-barrier' };
  const proxies: FakeProxy[] = [];
  const dispatcher = new Agent({ connections: count, connect: { ca: controlPlane.caPem }, bodyTimeout: 0 });
  const background: Promise<void>[] = [];
  try {
    await createService(client, ref, signal);
    const store = barrierStore(client, ref);
    const service = await store.service({ signal, deadlineMs: 10_000 });
    for (let index = 1; index <= count; index += 1) {
      const proxy = await FakeProxy.start(index, service?.healthCheckNodePort ?? 0);
      proxy.delayMs = PROXY_MS;
      proxies.push(proxy);
    }
    const slices = typed<BarrierSlice>(endpointSlices);
    const { resourceVersion } = await client.list(slices, { ...ref, signal });
    background.push(follow(await client.watch(slices, { namespace: ref.namespace, resourceVersion, signal }), proxies));
    const bytes = { count: 0 };
    const path = `/apis/discovery.k8s.io/v1/endpointslices?watch=true&resourceVersion=${resourceVersion}`;
    for (let index = 0; index < count; index += 1) {
      const { body } = await request(controlPlane.url + path, {
        dispatcher,
        signal,
        headers: {
          authorization: `Bearer ${controlPlane.token}`,
          accept: 'application/vnd.kubernetes.protobuf;stream=watch',
        },
      });
      background.push(countBytes(body, bytes));
    }
    const written = { count: 0 };
    const members = proxies.map(({ node, address }) => ({ metadata: { name: node }, addresses: [address] }));
    const byName = new Map(members.map((member) => [member.metadata.name, member]));
    const barrier = new ProxyBarrier({
      store: {
        ...store,
        write: (slice, call) => {
          written.count += 1;
          return store.write(slice, call);
        },
      },
      service: ref.name,
      nodes: { list: () => members, get: (_none, name) => byName.get(name) },
      clock: systemClock,
      log: silentLogger,
      metrics: { round: () => undefined, silentNodes: () => undefined },
    });
    const asked = (): number => proxies.reduce((sum, { questions }) => sum + questions, 0);
    await barrier.confirm(signal);
    // Three numbers, three sizes: begin with the same as it ends.
    await sleep(500);
    const before = { bytes: bytes.count, asked: asked(), written: written.count };
    const tookMs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const startMs = performance.now();
      const answer = await barrier.confirm(signal);
      if (answer.evidence !== 'Barrier') throw new Error(`${count} nodes: ${JSON.stringify(answer)}`);
      tookMs.push(performance.now() - startMs);
    }
    await sleep(500);
    tookMs.sort((a, b) => a - b);
    const allBytes = (bytes.count - before.bytes) / ROUNDS;
    return {
      nodes: count,
      writes: (written.count - before.written) / ROUNDS,
      watchBytes: Math.round(allBytes / count),
      allBytes: Math.round(allBytes),
      questions: (asked() - before.asked) / ROUNDS,
      ms: { p50: tookMs[ROUNDS / 2] ?? Number.NaN, max: tookMs.at(-1) ?? Number.NaN },
    };
  } finally {
    stop.abort(new Error('measured'));
    await Promise.allSettled(background);
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await dispatcher.destroy();
    await client.close();
  }
}

interface ServiceObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

async function createService(
  client: Client,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  await client.create(namespaces, { metadata: { name: ref.namespace } }, { signal });
  const service: ServiceObject = {
    metadata: ref,
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'graceful-rollout.io/none',
      externalTrafficPolicy: 'Local',
      allocateLoadBalancerNodePorts: false,
      ports: [{ name: 'barrier', port: 9 }],
    },
  };
  await client.create(typed<ServiceObject>(services), service, { signal });
}

/** Tells the pretended proxies of every slice, as their own watches would. */
async function follow(events: AsyncIterable<WatchEvent<BarrierSlice>>, proxies: readonly FakeProxy[]): Promise<void> {
  for await (const event of events) {
    if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
    const numbers = new Map<string, number>();
    for (const { nodeName = '' } of event.object.endpoints ?? [])
      numbers.set(nodeName, (numbers.get(nodeName) ?? 0) + 1);
    for (const proxy of proxies) {
      const number = numbers.get(proxy.node);
      if (number !== undefined) proxy.see(number);
    }
  }
}

async function countBytes(body: AsyncIterable<Uint8Array>, bytes: { count: number }): Promise<void> {
  for await (const piece of body) bytes.count += piece.length;
}

function render(costs: readonly Cost[]): string {
  const heads = ['nodes', 'slices written', 'bytes/watch', 'bytes, all', 'questions', 'p50 ms', 'max ms'];
  const rows = costs.map(({ nodes, writes, watchBytes, allBytes, questions, ms }) =>
    [nodes, writes, watchBytes, allBytes, questions.toFixed(0), ms.p50.toFixed(0), ms.max.toFixed(0)].map(String),
  );
  const line = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(15)).join('');
  return [`per round, ${ROUNDS} rounds; proxies that take ${PROXY_MS} ms`, line(heads), ...rows.map(line)].join('\n');
}
