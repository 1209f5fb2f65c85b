import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiHarness } from '../../../e2e/api/harness.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { BarrierSlice } from '../../gate/barrierSlices.ts';
import { endpointSlices, isConflict, isNotFound, namespaces, nodes, services, typed } from '../../kube/index.ts';
import { silentLogger, systemClock } from '../../runtime/index.ts';
import { barrierStore, ProxyBarrier } from './barrier.ts';
import { FakeProxy } from './barrierFakes.ts';

const namespace = 'barrier-test';
const ref = { namespace, name: 'graceful-rollout-barrier' };
const { signal } = new AbortController();
const call = { signal, deadlineMs: 10_000 };
const PROXIES = 40;
let harness: ApiHarness;
let proxies: FakeProxy[] = [];

interface ServiceObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

beforeAll(async () => {
  harness = await ApiHarness.start();
  await harness.client.create(namespaces, { metadata: { name: namespace } }, { signal });
  // As the chart has it.
  const service: ServiceObject = {
    metadata: ref,
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'graceful-rollout.io/none',
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Local',
      allocateLoadBalancerNodePorts: false,
      ipFamilyPolicy: 'PreferDualStack',
      ports: [{ name: 'barrier', port: 9, protocol: 'TCP' }],
    },
  };
  await harness.client.create(typed<ServiceObject>(services), service, { signal });
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await harness.stop();
});

test('a Service of the shape of the chart gets a port for health checks, and no node ports', async () => {
  const store = barrierStore(harness.client, ref);
  const found = await store.service(call);
  expect(found).toMatchObject({ ...ref, port: { name: 'barrier', number: 9 }, families: ['IPv4'] });
  expect(found?.healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
  const object = await harness.client.get(typed<ServiceObject>(services), ref, { signal });
  expect(JSON.stringify(object.spec['ports'])).not.toContain('nodePort"');
  expect(await barrierStore(harness.client, { namespace, name: 'absent' }).service(call)).toBeUndefined();
});

test('rounds through the API server, with controllers that leave the slices alone', async () => {
  const { client } = harness;
  const store = barrierStore(client, ref);
  const { healthCheckNodePort: port = 0 } = (await store.service(call)) ?? {};
  for (let index = 1; index <= PROXIES; index += 1) proxies.push(await FakeProxy.start(index, port));
  const members = proxies.map(({ node, address }) => ({ metadata: { name: node }, addresses: [address] }));
  for (const { node } of proxies) await client.create(nodes, { metadata: { name: node } }, { signal });
  const slices = typed<BarrierSlice>(endpointSlices);
  const stop = new AbortController();
  const { resourceVersion } = await client.list(slices, { namespace, signal });
  const following = follow(await client.watch(slices, { namespace, resourceVersion, signal: stop.signal }));
  const barrier = new ProxyBarrier({
    store,
    service: ref.name,
    nodes: { list: () => members, get: (_none, name) => members.find(({ metadata }) => metadata.name === name) },
    clock: systemClock,
    log: silentLogger,
    metrics: { round: () => undefined, silentNodes: () => undefined },
  });
  for (let round = 0; round < 3; round += 1)
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: PROXIES });

  const stored = await store.slices(call);
  expect(stored.map(({ metadata }) => metadata.name)).toEqual([`${ref.name}-0`, `${ref.name}-1`]);
  expect(stored.flatMap(({ endpoints }) => endpoints ?? [])).toHaveLength(3 * PROXIES);
  const managers = stored.flatMap(({ metadata }) => metadata.managedFields?.map(({ manager }) => manager) ?? []);
  expect(new Set(managers)).toEqual(new Set(['graceful-rollout-gate']));

  // A change of the Service makes the slice controllers look at it.
  const patch = { type: 'merge', body: { metadata: { annotations: { looked: 'at' } } } } as const;
  await client.patch(services, ref, patch, { signal });
  await systemClock.sleep(3_000);
  expect(await store.slices(call)).toEqual(stored);

  const [slice] = stored;
  if (slice === undefined) throw new Error('there is no slice');
  const old = { ...slice, metadata: { ...slice.metadata, resourceVersion: '1' } };
  await expect(store.write(old, call)).rejects.toSatisfy(isConflict);
  await client.delete(services, ref, { signal });
  const left = async (): Promise<number> => (await store.slices(call)).length;
  // They go with their Service.
  await expect.poll(left, { timeout: 60_000 }).toBe(0);
  await expect(store.write(slice, call)).rejects.toSatisfy((error) => isConflict(error) || isNotFound(error));
  stop.abort();
  await following.catch(() => undefined);
});

/** Plays every node's watch. */
async function follow(events: AsyncIterable<{ readonly type: string; readonly object?: unknown }>): Promise<void> {
  for await (const { type, object } of events) {
    if (type !== 'ADDED' && type !== 'MODIFIED') continue;
    const endpoints = isSlice(object) ? (object.endpoints ?? []) : [];
    for (const proxy of proxies) {
      const number = endpoints.filter(({ nodeName }) => nodeName === proxy.node).length;
      if (number > 0) proxy.see(number);
    }
  }
}

function isSlice(object: unknown): object is BarrierSlice {
  return typeof object === 'object' && object !== null && 'endpoints' in object;
}
