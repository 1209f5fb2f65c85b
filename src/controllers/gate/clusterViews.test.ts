import { expect, test } from 'vitest';
import type { Node } from '../../kube/index.ts';
import { ingressViewOf, nodeViewOf, policyViewOf } from './clusterViews.ts';

const metadata = { name: 'n1', uid: 'u', resourceVersion: '3' };
const ready = (status: 'True' | 'False' | 'Unknown') => [{ type: 'Ready', status }];

test.each<[string, Pick<Node, 'spec' | 'status'>, boolean, boolean]>([
  ['one without a status', {}, false, false],
  ['a Ready one', { status: { conditions: ready('True') } }, true, false],
  ['one that is not heard of', { status: { conditions: ready('Unknown') } }, false, false],
  ...['ToBeDeletedByClusterAutoscaler', 'karpenter.sh/disrupted', 'node.kubernetes.io/unschedulable'].map(
    (key): [string, Pick<Node, 'spec' | 'status'>, boolean, boolean] => [
      `one with the taint ${key}`,
      { spec: { taints: [{ key, effect: 'NoSchedule' }] }, status: { conditions: ready('True') } },
      true,
      true,
    ],
  ),
  [
    'one with other taints',
    {
      spec: {
        taints: [
          { key: 'DeletionCandidateOfClusterAutoscaler', effect: 'PreferNoSchedule' },
          { key: 'gpu', effect: 'NoSchedule' },
        ],
      },
      status: { conditions: ready('True') },
    },
    true,
    false,
  ],
  ['a cordoned one', { spec: { unschedulable: true }, status: { conditions: ready('True') } }, true, true],
])('a node: %s', (_, parts, isReady, unschedulable) => {
  expect(nodeViewOf({ metadata, ...parts })).toEqual({ metadata, ready: isReady, unschedulable, addresses: [] });
});

test('of a node only the addresses where its proxy listens', () => {
  const addresses = [
    { type: 'Hostname', address: 'n1' },
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'ExternalIP', address: '192.0.2.1' },
    { type: 'InternalIP', address: 'fd00::1' },
  ];
  expect(nodeViewOf({ metadata, status: { addresses } }).addresses).toEqual(['10.0.0.1', 'fd00::1']);
});

test('every selector of a NetworkPolicy that may look at a pod', () => {
  const selects = (app: string) => ({ podSelector: { matchLabels: { app } } });
  const view = policyViewOf({
    metadata: { ...metadata, labels: { not: 'kept' } },
    spec: {
      podSelector: {},
      ingress: [{ from: [selects('in'), { namespaceSelector: {} }] }, {}],
      egress: [{ to: [selects('out'), { namespaceSelector: {}, ...selects('far') }] }],
    },
  });
  expect(view).toEqual({
    metadata,
    selectors: [{}, { matchLabels: { app: 'in' } }, { matchLabels: { app: 'out' } }],
    peers: [{ namespaces: {}, pods: { matchLabels: { app: 'far' } } }],
  });
  expect(policyViewOf({ metadata })).toEqual({ metadata, selectors: [], peers: [] });
});

test('the Services of an Ingress, each once', () => {
  const to = (name: string) => ({ backend: { service: { name } } });
  const view = ingressViewOf({
    metadata,
    spec: {
      defaultBackend: { service: { name: 'fallback' } },
      rules: [{ http: { paths: [to('web'), to('web'), { backend: {} }] } }, {}],
    },
  });
  expect(view).toEqual({ metadata, services: ['fallback', 'web'] });
  expect(ingressViewOf({ metadata }).services).toEqual([]);
});
