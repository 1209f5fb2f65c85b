import { expect, test } from 'vitest';
import { DEFAULT_GATE_SETTINGS } from '../../gate/settings.ts';
import { decideStep } from '../../gate/step.ts';
import type { DrainState } from '../../gate/types.ts';
import { FakeGate, KEY, START, storedPod } from './gateFakes.ts';
import { budgetKeysOf, observe } from './observe.ts';

const evicted: DrainState = { path: 'Eviction', by: 'x', askedAt: START };
const isolated = { isolatedAt: START, removedLabels: { app: 'web' } };

function look(gate: FakeGate, name = 'a', state: DrainState = evicted, routed?: string) {
  return observe({
    caches: gate.caches,
    memory: gate.memory,
    podMonitors: {
      selectorsIn: () => [{ name: 'shop/scrape', selector: { matchLabels: { app: 'web' } } }],
    },
    routes: {
      routeTo: (namespace, service) => (`${namespace}/${service}` === routed ? 'HTTPRoute shop/front' : undefined),
    },
    key: KEY,
    pod: gate.view(name),
    state,
    settings: DEFAULT_GATE_SETTINGS,
    nowMs: gate.clock.nowMs(),
    monoMs: gate.clock.monotonicMs(),
  });
}

const budget = (resourceVersion: string, matchLabels: Record<string, string> = { app: 'web' }, name = 'web') => ({
  metadata: { namespace: 'shop', name, resourceVersion },
  selector: { matchLabels },
  disruptionsAllowed: 1,
  observed: true,
});

test('owners, siblings, Services, budgets and node of a pod', () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('1'));
  gate.informers.budgets.set(budget('1', { app: 'db' }, 'db'));
  const seen = look(gate);
  expect(seen.deployment).toEqual({ name: 'web', uid: 'deployment', replicas: 3, recreate: false, deleting: false });
  expect(seen.replicaSet).toEqual({ name: 'web-1', uid: 'rs', replicas: 3 });
  expect(seen.siblings.map(({ uid, ready, ownerUid }) => [uid, ready, ownerUid])).toEqual([
    ['a', true, 'rs'],
    ['b', true, 'rs'],
    ['c', true, 'rs'],
  ]);
  expect(seen.services).toEqual([{ name: 'web', selector: { app: 'web' }, readyUids: ['a', 'b', 'c'] }]);
  expect(seen.budgets).toEqual([{ name: 'web', disruptionsAllowed: 1 }]);
  expect(seen.node).toEqual({ unschedulable: false, ready: true });
});

test('a pod that was isolated and handed over is still judged by what it was taken from', () => {
  const gate = new FakeGate();
  const { metadata, ...pod } = storedPod('a');
  gate.put({ ...pod, metadata: { ...metadata, labels: {}, ownerReferences: [] } });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'rs' };
  const state = { ...evicted, ...isolated, owner };
  expect(look(gate, 'a', state)).toMatchObject({ deployment: { name: 'web' }, replicaSet: { uid: 'rs' } });
  expect(look(gate, 'a', state).services.map(({ name }) => name)).toEqual(['web']);
  gate.informers.budgets.set(budget('1'));
  expect(budgetKeysOf(gate.caches, gate.view('a'), state)).toEqual(['shop/web']);
  expect(budgetKeysOf(gate.caches, gate.view('a'), evicted)).toEqual([]);
});

test('namesakes with another uid are not the owners', () => {
  const gate = new FakeGate();
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'older' };
  expect(look(gate, 'a', { ...evicted, owner }).replicaSet).toBeUndefined();
  gate.informers.deployments.remove('shop/web', 'deployment');
  expect(look(gate)).toMatchObject({ siblings: [] });
  expect(look(gate).deployment).toBeUndefined();
});

test.each<[string, (gate: FakeGate) => void, readonly string[]]>([
  ['not ready in its slice', (gate) => gate.list(['a', 'b', 'c'], ['b']), ['a', 'c']],
  ['terminating', (gate) => gate.terminate('b'), ['a', 'c']],
  ['gone, and still ready in its slice', (gate) => gate.remove('b'), ['a', 'c']],
  [
    'let go by our own request, which no watch has shown',
    (gate) => {
      gate.memory.of('b').letGoAtMs = 0;
    },
    ['a', 'c'],
  ],
  ['isolated, and still in its slice', (gate) => gate.ask('b', isolated), ['a', 'c']],
  ['asked to leave, and serving', (gate) => gate.ask('b'), ['a', 'b', 'c']],
  ['drained as it is: a request deletes it now', (gate) => gate.ask('b', { drainedAt: START }), ['a', 'c']],
  [
    'isolated by our own write, which no watch has shown',
    (gate) => {
      gate.watching = false;
      gate.ask('b', isolated);
      gate.memory.wrote(gate.view('b'), { ...evicted, ...isolated });
    },
    ['a', 'c'],
  ],
])('an endpoint that goes does not count at once: %s', (_, prepare, expected) => {
  const gate = new FakeGate();
  prepare(gate);
  expect(look(gate).services[0]?.readyUids).toEqual(expected);
});

test('a pod that we have let go is terminating to its siblings before any watch shows it', () => {
  const gate = new FakeGate();
  gate.memory.of('b').letGoAtMs = 0;
  expect(look(gate).siblings.map(({ uid, terminating }) => [uid, terminating])).toEqual([
    ['a', false],
    ['b', true],
    ['c', false],
  ]);
});

test('b deleted by force, then a: what the slice says of b does not make a one of two', () => {
  const gate = new FakeGate({ pods: ['a', 'b'] });
  gate.remove('b');
  const until = new Date(gate.clock.nowMs() + 25_000).toISOString();
  const state: DrainState = { path: 'Delete', by: 'x', askedAt: START, until };
  expect(decideStep(look(gate, 'a', state))).toEqual({ do: 'HandOver' });
});

test.each<[string, object, readonly string[]]>([
  ['another selector', { selector: { app: 'db' } }, ['web']],
  ['no selector', { clusterIP: '10.0.0.2' }, ['web']],
  ['an empty one', { selector: {} }, ['web']],
  ['an ExternalName', { selector: { app: 'web' }, type: 'ExternalName' }, ['web']],
  ['one more', { selector: { app: 'web' }, clusterIP: '10.0.0.2' }, ['web', 'two']],
])('the Services of a pod, beside one with %s', (_, spec, expected) => {
  const gate = new FakeGate();
  gate.informers.services.set({ metadata: { namespace: 'shop', name: 'two' }, spec });
  gate.informers.services.set({ metadata: { namespace: 'other', name: 'x' }, spec: { selector: { app: 'web' } } });
  expect(look(gate).services.map(({ name }) => name)).toEqual(expected);
});

test.each<[string, object, readonly string[] | undefined]>([
  ['Cluster', { externalTrafficPolicy: 'Cluster', internalTrafficPolicy: 'Cluster' }, undefined],
  ['Local from outside', { externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Cluster' }, ['a', 'c']],
  ['Local from inside', { internalTrafficPolicy: 'Local' }, ['a', 'c']],
  ['Local without a proxy', { internalTrafficPolicy: 'Local', clusterIP: 'None' }, undefined],
])('who else serves on the node of the pod, traffic policy %s', (_, policy, expected) => {
  const gate = new FakeGate();
  const spec = { selector: { app: 'web' }, clusterIP: '10.0.0.1', ...policy };
  gate.informers.services.set({ metadata: { namespace: 'shop', name: 'web' }, spec });
  const [slice] = gate.caches.slices.list();
  const endpoints = (slice?.endpoints ?? []).map((one) => ({ ...one, nodeName: one.uid === 'b' ? 'n2' : 'n1' }));
  gate.informers.slices.set({ metadata: { namespace: 'shop', name: 'web-x' }, service: 'web', endpoints });
  expect(look(gate).services[0]?.localUids).toEqual(expected);
  expect(look(gate).services[0]?.readyUids).toEqual(['a', 'b', 'c']);
});

test('data paths other than kube-proxy: DNS of a headless Service, an Ingress', () => {
  const gate = new FakeGate();
  gate.informers.services.set({
    metadata: { namespace: 'shop', name: 'pods' },
    spec: { selector: { app: 'web' }, clusterIP: 'None' },
  });
  expect(look(gate).services.map(({ otherDataPath }) => otherDataPath)).toEqual([
    undefined,
    'the headless Service pods (DNS)',
  ]);
  gate.informers.ingresses.set({ metadata: { namespace: 'shop', name: 'front' }, services: ['web'] });
  expect(look(gate).services[0]?.otherDataPath).toBe('the Ingress front');
});

test('data paths other than kube-proxy: a Gateway that sends to one of the Services', () => {
  const gate = new FakeGate();
  expect(look(gate, 'a', evicted, 'shop/web').services[0]?.otherDataPath).toBe('the HTTPRoute shop/front');
  expect(look(gate, 'a', evicted, 'other/web').services[0]).not.toHaveProperty('otherDataPath');
});

test('data paths other than kube-proxy: the mesh that the pod is in', () => {
  const gate = new FakeGate();
  const pod = storedPod('a');
  gate.put({ ...pod, spec: { containers: [...(pod.spec?.containers ?? []), { name: 'istio-proxy' }] } });
  expect(look(gate).services[0]?.otherDataPath).toBe('a service mesh (istio-proxy)');
  expect(look(gate, 'b').services[0]).not.toHaveProperty('otherDataPath');
});

test('which labels others select on', () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('1'));
  gate.informers.policies.set({
    metadata: { namespace: 'shop', name: 'deny' },
    selectors: [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, { matchLabels: { app: 'db' } }],
    peers: [],
  });
  expect(look(gate).selectedOn).toEqual([
    { key: 'app', by: 'NetworkPolicy deny' },
    { key: 'app', by: 'PodDisruptionBudget web' },
    { key: 'app', by: 'PodMonitor shop/scrape' },
  ]);
});

test("a budget's yes is pending for others until its status shows it, or for 30 s", () => {
  const gate = new FakeGate();
  gate.informers.budgets.set(budget('1'));
  const yes = { podUid: 'a', atMs: gate.clock.nowMs() };
  gate.memory.pendingYes.set('shop/web', { ...yes });
  const pending = (name: string) => look(gate, name).budgets[0]?.pendingUid;
  expect([pending('a'), pending('b')]).toEqual([undefined, 'a']);
  // A change of the budget before the isolation is not about this pod.
  gate.informers.budgets.set(budget('2'));
  expect(pending('b')).toBe('a');
  gate.memory.pendingYes.set('shop/web', { ...yes, isolatedAtVersion: '2' });
  expect(pending('b')).toBe('a');
  gate.informers.budgets.set(budget('3'));
  expect(pending('b')).toBeUndefined();
  expect(gate.memory.pendingYes.size).toBe(0);

  gate.memory.pendingYes.set('shop/web', { ...yes });
  gate.clock.jump(30_000);
  expect(pending('b')).toBe('a');
  gate.clock.jump(1);
  expect(pending('b')).toBeUndefined();
  expect(gate.memory.pendingYes.size).toBe(0);
});

test('a forged state of a sibling is none', () => {
  const gate = new FakeGate();
  gate.ask('b', isolated);
  gate.ask('c', { ...evicted, ...isolated });
  const { metadata } = gate.stored('b');
  gate.put({
    ...gate.stored('c'),
    metadata: { ...gate.stored('c').metadata, annotations: metadata.annotations ?? {} },
  });
  expect(look(gate).siblings.map(({ uid, state }) => [uid, state?.isolatedAt])).toEqual([
    ['a', undefined],
    ['b', START],
    ['c', undefined],
  ]);
});
