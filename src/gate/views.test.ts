import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import { ago, rsOwner } from './testing/observations.ts';
import { budgetViewOf, podViewOf, replicaSetViewOf, sliceViewOf } from './views.ts';

const metadata = {
  name: 'web-a',
  namespace: 'shop',
  uid: 'a',
  resourceVersion: '7',
  creationTimestamp: ago(60),
  labels: { app: 'web' },
  annotations: { [DRAIN_ANNOTATION]: '{}', 'kubectl.kubernetes.io/restartedAt': 'now' },
  ownerReferences: [rsOwner],
  managedFields: [{ manager: 'kubelet' }],
};
const pod = {
  metadata,
  spec: {
    nodeName: 'node-1',
    terminationGracePeriodSeconds: 40,
    containers: [
      { name: 'a', ports: [{ containerPort: 80 }], lifecycle: { preStop: { sleep: { seconds: 5 } } } },
      { name: 'b', lifecycle: { preStop: { httpGet: { port: 80 } } } },
    ],
  },
  status: {
    phase: 'Running',
    podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
    conditions: [
      { type: 'Initialized', status: 'True', lastTransitionTime: ago(50) },
      { type: 'Ready', status: 'True', lastTransitionTime: ago(30) },
    ],
  },
};

describe('podViewOf', () => {
  it('keeps what the gate reads, and no more', () => {
    const { managedFields: _, annotations: __, ...kept } = metadata;
    expect(podViewOf(pod)).toEqual({
      metadata: { ...kept, annotations: { [DRAIN_ANNOTATION]: '{}' } },
      nodeName: 'node-1',
      phase: 'Running',
      ready: true,
      readySince: ago(30),
      ips: ['10.0.0.1', 'fd00::1'],
      gracePeriodSeconds: 40,
      preStopSeconds: 5,
    });
  });

  const ports = [{ containerPort: 80 }];
  const sleep = (seconds: number) => ({ preStop: { sleep: { seconds } } });
  const script = { preStop: { exec: { command: ['/bin/sh', '-c', 'sleep 7.5'] } } };
  it.each<[string, object, number]>([
    ['a server without a sleep, beside a sidecar with one', { containers: [{ ports }, { lifecycle: sleep(15) }] }, 0],
    ['a server with a sleep, beside a log shipper', { containers: [{ ports, lifecycle: sleep(15) }, {}] }, 15],
    [
      'two servers, each with its own',
      {
        containers: [
          { ports, lifecycle: sleep(15) },
          { ports, lifecycle: script },
        ],
      },
      7.5,
    ],
    ['nobody declares a port', { containers: [{ lifecycle: sleep(15) }, { lifecycle: sleep(4) }] }, 4],
    ['a hook of unknown length', { containers: [{ ports, lifecycle: { preStop: { httpGet: { port: 80 } } } }] }, 0],
    [
      'a native sidecar goes last, whatever it has',
      { containers: [{ ports, lifecycle: sleep(5) }], initContainers: [{ ports, restartPolicy: 'Always' }] },
      5,
    ],
    ['no containers', { containers: [] }, 0],
  ])('SIGTERM comes first to the one that sleeps least: %s', (_, spec, seconds) => {
    expect(podViewOf({ ...pod, spec }).preStopSeconds).toBe(seconds);
  });

  it.each<[string, object, object, string | undefined]>([
    ['a sidecar of Istio', { containers: [{ name: 'app' }, { name: 'istio-proxy' }] }, {}, 'istio-proxy'],
    [
      'a native sidecar of Linkerd',
      { containers: [{ name: 'app' }], initContainers: [{ name: 'linkerd-proxy', restartPolicy: 'Always' }] },
      {},
      'linkerd-proxy',
    ],
    ['ambient Istio', { containers: [{ name: 'app' }] }, { 'ambient.istio.io/redirection': 'enabled' }, 'ztunnel'],
    ['what only prepares one', { containers: [], initContainers: [{ name: 'istio-init' }] }, {}, undefined],
    ['none', { containers: [{ name: 'app' }] }, { 'ambient.istio.io/redirection': 'disabled' }, undefined],
  ])('knows the proxy of a mesh: %s', (_, spec, annotations, proxy) => {
    const view = podViewOf({ ...pod, spec, metadata: { ...metadata, annotations } });
    expect(view.meshProxy).toBe(proxy);
    expect(Object.keys(view.metadata.annotations ?? {})).toEqual([]);
  });

  it('keeps the deletion of a pod that is terminating', () => {
    const terminating = {
      ...pod,
      metadata: { ...metadata, deletionTimestamp: ago(-9), deletionGracePeriodSeconds: 9 },
    };
    expect(podViewOf(terminating).metadata).toMatchObject({
      deletionTimestamp: ago(-9),
      deletionGracePeriodSeconds: 9,
    });
  });

  it.each([
    ['a StatefulSet', [{ ...rsOwner, kind: 'StatefulSet' }]],
    ['a ReplicaSet that does not control it', [{ ...rsOwner, controller: false }]],
    ['nobody', []],
  ])('keeps the identity alone of a pod of %s', (_, ownerReferences) => {
    const {
      annotations: _annotations,
      labels: _labels,
      managedFields: _managed,
      ownerReferences: _owners,
      ...identity
    } = metadata;
    const view = podViewOf({ ...pod, metadata: { ...metadata, annotations: {}, ownerReferences } });
    expect(view).toEqual({ metadata: identity, ready: false, ips: [], gracePeriodSeconds: 0, preStopSeconds: 0 });
  });

  it('keeps a pod that lost its owners while it carries our state', () => {
    expect(podViewOf({ ...pod, metadata: { ...metadata, ownerReferences: [] } }).metadata.labels).toEqual({
      app: 'web',
    });
  });

  it('fills in what the API server would', () => {
    expect(podViewOf({ metadata, status: { podIP: '10.0.0.9' } })).toMatchObject({
      ready: false,
      ips: ['10.0.0.9'],
      gracePeriodSeconds: 30,
      preStopSeconds: 0,
    });
  });
});

describe('replicaSetViewOf', () => {
  it('keeps owner and size', () => {
    const view = replicaSetViewOf({ metadata, spec: { replicas: 0 } });
    expect(view).toMatchObject({ metadata: { name: 'web-a', ownerReferences: [rsOwner] }, replicas: 0 });
    expect(view.metadata).not.toHaveProperty('annotations');
    expect(replicaSetViewOf({ metadata }).replicas).toBe(1);
  });
});

describe('sliceViewOf', () => {
  it('reads absent conditions as the API means them', () => {
    const view = sliceViewOf({
      metadata: { name: 's', labels: { 'kubernetes.io/service-name': 'web' } },
      endpoints: [
        { addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', uid: 'a' }, nodeName: 'n', conditions: {} },
        { addresses: ['10.0.0.2'], targetRef: { kind: 'Node', uid: 'b' }, conditions: { ready: false } },
        { addresses: null, conditions: { ready: false, serving: true, terminating: true } },
      ],
    });
    expect(view).toEqual({
      metadata: { name: 's' },
      service: 'web',
      endpoints: [
        { uid: 'a', addresses: ['10.0.0.1'], nodeName: 'n', ready: true, serving: true, terminating: false },
        { addresses: ['10.0.0.2'], ready: false, serving: false, terminating: false },
        { addresses: [], ready: false, serving: true, terminating: true },
      ],
    });
  });

  it('has no endpoints where the API says null', () => {
    expect(sliceViewOf({ metadata: {}, endpoints: null }).endpoints).toEqual([]);
  });
});

describe('budgetViewOf', () => {
  const expression = { key: 'tier', operator: 'In', values: ['front'] };
  it.each([
    ['nothing', undefined, undefined],
    ['everything', {}, { matchLabels: {} }],
    ['labels', { matchLabels: { app: 'web' } }, { matchLabels: { app: 'web' } }],
    ['expressions', { matchExpressions: [expression] }, { matchLabels: {}, matchExpressions: [expression] }],
  ])('selects %s', (_, selector, kept) => {
    expect(budgetViewOf({ metadata: {}, spec: { selector } }).selector).toEqual(kept);
  });

  it('allows what its status says, and nothing before it has one', () => {
    expect(budgetViewOf({ metadata: {}, status: { disruptionsAllowed: 3 } }).disruptionsAllowed).toBe(3);
    expect(budgetViewOf({}).disruptionsAllowed).toBe(0);
  });
});

it('the views are total', () => {
  const member = fc.oneof(fc.anything(), fc.constantFrom(null, [], {}, [null], [{}]));
  const object = fc.record({ metadata: member, spec: member, status: member, endpoints: member });
  const nested = fc.record({
    metadata: fc.record({ ownerReferences: fc.constant([rsOwner]), labels: member, annotations: member }),
    spec: fc.record({ containers: fc.array(member), selector: member, replicas: member }),
    status: fc.record({ conditions: fc.array(member), podIPs: fc.array(member) }),
    endpoints: fc.array(fc.record({ conditions: member, targetRef: member, addresses: member })),
  });
  fc.assert(
    fc.property(fc.oneof(fc.anything(), object, nested), (value) => {
      const view = podViewOf(value);
      expect(view.preStopSeconds).toBeGreaterThanOrEqual(0);
      expect(typeof view.ready).toBe('boolean');
      expect(Number.isFinite(replicaSetViewOf(value).replicas)).toBe(true);
      expect(Array.isArray(sliceViewOf(value).endpoints)).toBe(true);
      expect(Number.isFinite(budgetViewOf(value).disruptionsAllowed)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
