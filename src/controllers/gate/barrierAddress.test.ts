import { expect, test } from 'vitest';
import type { KubeObject, Service } from '../../api/kubernetes.ts';
import type { Client, Resource } from '../../kube/index.ts';
import { ManualClock, silentLogger } from '../../runtime/index.ts';
import { barrierAddressTask } from './barrierAddress.ts';

function start(service: Service | undefined) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const cluster = {
    service,
    failures: [] as Error[],
    writes: [] as { atMs: number; body: unknown; options: object }[],
  };
  const client: Pick<Client, 'find' | 'patch'> = {
    async find<T extends KubeObject>(_: Resource<T>): Promise<T | undefined> {
      return structuredClone(cluster.service) as T | undefined;
    },
    async patch<T extends KubeObject>(
      _: Resource<T>,
      __: unknown,
      patch: { body: unknown },
      options: object,
    ): Promise<T> {
      const failure = cluster.failures.shift();
      if (failure !== undefined) throw failure;
      cluster.writes.push({ atMs: clock.monotonicMs(), body: patch.body, options });
      const { status } = patch.body as Pick<Service, 'status'>;
      cluster.service = { ...(cluster.service as Service), ...(status === undefined ? {} : { status }) };
      return cluster.service as KubeObject as T;
    },
  };
  const task = barrierAddressTask({ client, namespace: 'gr', service: 'barrier', clock, log: silentLogger });
  const running = task.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    expect(clock.pendingTimers).toBe(0);
  };
  return { clock, cluster, task, end };
}

const service: Service = {
  metadata: { name: 'barrier', namespace: 'gr', uid: 'u1', resourceVersion: '3' },
  spec: { type: 'LoadBalancer' },
};

test('the leader gives the Service an address that leads nowhere, once', async () => {
  const { clock, cluster, task, end } = start(service);
  expect(task.leaderOnly).toBe(true);
  await clock.advance(300_000);
  expect(cluster.writes).toEqual([
    {
      atMs: 0,
      body: {
        metadata: { uid: 'u1', resourceVersion: '3' },
        status: { loadBalancer: { ingress: [{ hostname: 'none.graceful-rollout.invalid' }] } },
      },
      options: { signal: expect.any(AbortSignal) as AbortSignal, subresource: 'status' },
    },
  ]);
  await end();
});

test('one that has an address is left alone, one that is missing is waited for', async () => {
  const had = start({ ...service, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
  await had.clock.advance(300_000);
  expect(had.cluster.writes).toEqual([]);
  await had.end();
  const late = start(undefined);
  await late.clock.advance(30_000);
  late.cluster.service = service;
  await late.clock.advance(60_000);
  expect(late.cluster.writes.map(({ atMs }) => atMs)).toEqual([60_000]);
  await late.end();
});

test('a refusal is repeated with growing pauses', async () => {
  const { clock, cluster, end } = start(service);
  cluster.failures.push(new Error('away'), new Error('away'), new Error('away'));
  await clock.advance(10_000);
  expect(cluster.writes.map(({ atMs }) => atMs)).toEqual([500 + 1_000 + 2_000]);
  await end();
});
