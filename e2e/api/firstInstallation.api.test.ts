import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { deployments, events, gracefulRollouts, type KubeEvent, typed } from '../../src/kube/index.ts';
import { ApiHarness, until } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject, waitForCondition } from './objects.ts';
import { PretendNode } from './pretendNode.ts';
import { withoutNodeLifecycle } from './scale.ts';
import { TemplateWatch } from './templateWatch.ts';

/*
 * The first installation of an application, its three files in any order (an alphabet's, a tool's): the contract is in
 * force at the end, and the Deployment had two templates at most.
 */

const nodeName = 'pretended';
let harness: ApiHarness;
let node: PretendNode;
let watch: TemplateWatch;

beforeAll(async () => {
  harness = await ApiHarness.start(withoutNodeLifecycle);
  await harness.startOperator();
  node = await PretendNode.start(harness.client, nodeName);
  watch = await TemplateWatch.start(harness.client);
});

afterAll(async () => {
  await watch?.stop();
  await node?.stop();
  await harness?.stop();
});

const make = {
  GracefulRollout: (namespace: string) => rolloutObject(namespace),
  Service: (namespace: string) => serviceObject(namespace),
  Deployment: (namespace: string) =>
    deploymentObject(namespace, 'web', { nodeName, tolerations: [{ operator: 'Exists' }] }),
} as const;
type Kind = keyof typeof make;

interface Row {
  readonly order: readonly [Kind, Kind, Kind];
  /** Templates where each file is applied after the operator has seen those before it. */
  readonly templates: number;
}

const rows: readonly Row[] = [
  { order: ['GracefulRollout', 'Service', 'Deployment'], templates: 1 },
  { order: ['Service', 'GracefulRollout', 'Deployment'], templates: 1 },
  { order: ['GracefulRollout', 'Deployment', 'Service'], templates: 2 },
  { order: ['Deployment', 'GracefulRollout', 'Service'], templates: 2 },
  { order: ['Service', 'Deployment', 'GracefulRollout'], templates: 2 },
  { order: ['Deployment', 'Service', 'GracefulRollout'], templates: 2 },
];
const table = rows.map((row, n) => [row.order.join(', '), n, row] as const);

/** Resolves when the webhook of the operator completes what it would be asked to with these objects there. */
async function seen(namespace: string, kinds: readonly Kind[]): Promise<void> {
  if (kinds.includes('Deployment') || !kinds.includes('GracefulRollout')) return;
  const input = JSON.stringify(make.Deployment(namespace));
  const hook = kinds.includes('Service');
  await until(`the operator has seen ${kinds.join(', ')}`, async () => {
    const { stdout } = await harness.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], { input });
    const [app] = (JSON.parse(stdout) as Deployment).spec.template.spec.containers;
    return !hook || app?.lifecycle !== undefined ? true : undefined;
  });
}

async function inForce(namespace: string): Promise<void> {
  const ref = { namespace, name: 'web' };
  const rollout = await until(`${namespace} is enforced`, async () => {
    const found = await harness.client.get(typed<GracefulRollout>(gracefulRollouts), ref, { signal: harness.signal });
    const ready = found.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' && ready.reason === 'Enforced' ? found : undefined;
  });
  await watch.settled(namespace);
  expect(rollout.status?.phase).toBe('Enforced');
  const { spec } = await harness.client.get(deployments, ref, { signal: harness.signal });
  const [app] = spec.template.spec.containers;
  expect(app?.lifecycle?.preStop).toEqual({ sleep: { seconds: 5 } });
  expect(spec.template.spec.terminationGracePeriodSeconds).toBe(35);
  expect(spec.strategy?.rollingUpdate?.maxUnavailable).toBe(0);
}

async function eventsIn(namespace: string, reason: string): Promise<readonly KubeEvent[]> {
  const { items } = await harness.client.list(events, { namespace, signal: harness.signal });
  return items.filter((event) => event.reason === reason);
}

describe('by one kubectl apply of all three', () => {
  test.each(table)('%s', async (_order, n, { order }) => {
    const namespace = `at-once-${n}`;
    await harness.apply([namespaceObject(namespace)]);
    await harness.apply(order.map((kind) => make[kind](namespace)));
    await inForce(namespace);
    expect(watch.templatesOf(namespace).length).toBeLessThanOrEqual(2);
  });
});

describe('by one kubectl apply for each, one after another', () => {
  test.each(table)('%s', async (_order, n, { order, templates }) => {
    const namespace = `in-turn-${n}`;
    await harness.apply([namespaceObject(namespace)]);
    for (const [at, kind] of order.entries()) {
      await harness.apply([make[kind](namespace)]);
      await seen(namespace, order.slice(0, at + 1));
    }
    await inForce(namespace);
    expect(watch.templatesOf(namespace)).toHaveLength(templates);
  });
});

test('what people are told: the target that is not there yet, once, and that it was given back, once', async () => {
  const namespace = 'told';
  await harness.apply([namespaceObject(namespace), make.GracefulRollout(namespace), make.Service(namespace)]);
  await waitForCondition(harness, namespace, 'TargetFound=False');
  await seen(namespace, ['GracefulRollout', 'Service']);
  await harness.apply([make.Deployment(namespace)]);
  await inForce(namespace);
  const [missing, ...again] = await eventsIn(namespace, 'TargetNotFound');
  expect(missing).toMatchObject({ type: 'Warning', regarding: { kind: 'GracefulRollout', name: 'web' } });
  expect(again).toEqual([]);

  await harness.kubectl(['delete', 'gr/web', '-n', namespace]);
  await watch.settled(namespace);
  expect(await eventsIn(namespace, 'GivenBack')).toEqual([]);
  const image = (tag: string) => ['set', 'image', 'deployment/web', `app=registry.invalid/app:${tag}`, '-n', namespace];
  await harness.kubectl(image('2'));
  const given = await until('the event is there', async () => (await eventsIn(namespace, 'GivenBack'))[0]);
  expect(given).toMatchObject({ type: 'Normal', regarding: { kind: 'Deployment', name: 'web' } });
  expect(given.note).toContain('terminationGracePeriodSeconds 35 → 30');
  await harness.kubectl(image('3'));
  await watch.settled(namespace);
  const all = await eventsIn(namespace, 'GivenBack');
  expect(all.map(({ series }) => series)).toEqual([undefined]);
});
