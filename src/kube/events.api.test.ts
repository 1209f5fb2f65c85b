import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { createClient } from './apiClient.ts';
import type { Client } from './client.ts';
import { loadKubeConfig } from './connection.ts';
import { clientEventSink, type EventInput, EventRecorder, referenceTo } from './events.ts';
import { events, type KubeEvent, namespaces } from './resources.ts';

const end = new AbortController();
const { signal } = end;
const namespace = `events-${Math.random().toString(36).slice(2, 8)}`;
const logged: string[] = [];
let client: Client;
let recorder: EventRecorder;
let input: EventInput;
let running: Promise<void>;

beforeAll(async () => {
  client = createClient({
    connection: await loadKubeConfig({ path: inject('kubeconfig') }, signal),
    userAgent: 'events-test',
    fieldManager: 'test',
  });
  await client.create(namespaces, { metadata: { name: namespace } }, { signal });
  recorder = new EventRecorder({
    sink: clientEventSink(client),
    reportingController: 'graceful-rollout.io/controller',
    reportingInstance: 'pod-1',
    clock: systemClock,
    log: createLogger({ level: 'debug', write: (line) => logged.push(line) }),
  });
  const target = { metadata: { namespace, name: 'web', uid: '11111111-2222-3333-4444-555555555555' } };
  const deployments = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
  input = {
    regarding: referenceTo(deployments, target),
    type: 'Warning',
    reason: 'Contested',
    action: 'Enforce',
    note: 'somebody else insists',
  };
  running = recorder.run(signal);
});

afterAll(async () => {
  await client.delete(namespaces, { name: namespace }, { signal });
  end.abort();
  await running;
  await client.close();
});

async function stored(reason: string): Promise<readonly KubeEvent[]> {
  const { items } = await client.list(events, { namespace, signal });
  return items.filter((event) => event.reason === reason);
}

describe('events on a real API server', () => {
  test('equal events become one with a count', async () => {
    for (let count = 0; count < 5; count += 1) recorder.record(input);
    await expect.poll(() => stored('Contested').then(([event]) => event?.series?.count)).toBe(5);
    recorder.record({ ...input, reason: 'Counted' });
    await expect.poll(() => stored('Counted')).toHaveLength(1);
    recorder.record({ ...input, reason: 'Counted' });
    await expect.poll(() => stored('Counted').then(([event]) => event?.series?.count)).toBe(2);
    expect(await stored('Contested')).toHaveLength(1);
    expect(await stored('Counted')).toHaveLength(1);
    expect(logged).toEqual([]);
  });

  test('texts at and beyond the limits of the API are accepted', async () => {
    const long = { ...input, reason: 'R'.repeat(300), action: 'A'.repeat(300), note: 'ü'.repeat(2_000) };
    recorder.record(long);
    await expect.poll(() => stored(`${'R'.repeat(125)}...`)).toHaveLength(1);
    expect(logged).toEqual([]);
  });

  test('an event about an object of the cluster is accepted', async () => {
    const regarding = { apiVersion: 'v1', kind: 'Node', name: `node-of-${namespace}` };
    recorder.record({ ...input, regarding, reason: 'NodeSeen' });
    const inDefault = async (): Promise<number> => {
      const { items } = await client.list(events, { namespace: 'default', signal });
      return items.filter(({ regarding: about }) => about?.name === regarding.name).length;
    };
    await expect.poll(inDefault).toBe(1);
  });

  test('an event that was deleted meanwhile begins again', async () => {
    const again = { ...input, reason: 'Again' };
    recorder.record(again);
    await expect.poll(() => stored('Again')).toHaveLength(1);
    const [first] = await stored('Again');
    await client.delete(events, { namespace, name: first?.metadata.name ?? '' }, { signal });
    recorder.record(again);
    await expect.poll(() => stored('Again').then(([event]) => event?.metadata.name)).toMatch(/^web\./);
    const [second] = await stored('Again');
    expect(second?.metadata.name).not.toBe(first?.metadata.name);
  });
});
