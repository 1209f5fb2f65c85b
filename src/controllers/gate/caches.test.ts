import { expect, test } from 'vitest';
import type { LabelSelector } from '../../api/kubernetes.ts';
import { deploymentOwner, governing, matchesSelector, selectorKeys } from './caches.ts';
import { claim, FakeGate, deploymentOwner as owner } from './gateFakes.ts';

const labels = { app: 'web', tier: 'front' };
const expression = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

test.each<[LabelSelector | undefined, boolean]>([
  [undefined, false],
  [{}, true],
  [{ matchLabels: { app: 'web' } }, true],
  [{ matchLabels: { app: 'web', tier: 'back' } }, false],
  [{ matchLabels: { toString: 'x' } }, false],
  [expression('app', 'In', ['db', 'web']), true],
  [expression('app', 'In', []), false],
  [expression('zone', 'In', ['a']), false],
  [expression('app', 'NotIn', ['web']), false],
  [expression('zone', 'NotIn', ['a']), true],
  [expression('app', 'Exists'), true],
  [expression('constructor', 'Exists'), false],
  [expression('zone', 'DoesNotExist'), true],
  [{ matchLabels: { app: 'web' }, ...expression('tier', 'DoesNotExist') }, false],
])('%j', (selector, expected) => {
  expect(matchesSelector(selector, labels)).toBe(expected);
});

test('the keys that a selector looks at', () => {
  expect(selectorKeys(undefined)).toEqual([]);
  expect(selectorKeys({ matchLabels: { app: 'web' }, ...expression('tier', 'Exists') })).toEqual(['app', 'tier']);
});

test('the Deployment of a pod: through its ReplicaSet, or directly once it was handed over', () => {
  const { caches, informers, ...gate } = new FakeGate();
  const pod = caches.pods.get('shop', 'a') ?? { metadata: {} };
  expect(deploymentOwner(pod, caches.replicaSets)).toMatchObject({ name: 'web', uid: 'deployment' });
  const handedOver = { metadata: { ...pod.metadata, ownerReferences: [owner] } };
  expect(deploymentOwner(handedOver, caches.replicaSets)).toMatchObject({ name: 'web' });
  expect(deploymentOwner({ metadata: {} }, caches.replicaSets)).toBeUndefined();
  informers.replicaSets.set({ metadata: { namespace: 'shop', name: 'web-1', uid: 'rs' }, replicas: 1 });
  expect(deploymentOwner(pod, caches.replicaSets)).toBeUndefined();
  expect(gate.calls).toEqual([]);
});

test('the GracefulRollout that governs: neither one that is being deleted nor one that cannot be read', () => {
  const { caches, informers } = new FakeGate({ claim: { endpointCheck: { mode: 'Observe' } } });
  expect(governing(caches.claims, 'shop', 'web')?.settings).toMatchObject({ mode: 'Observe', timeoutSeconds: 60 });
  expect(governing(caches.claims, 'shop', 'db')).toBeUndefined();
  expect(governing(caches.claims, 'other', 'web')).toBeUndefined();
  const { metadata } = claim();
  informers.claims.set({ ...claim(), metadata: { ...metadata, resourceVersion: 'x', deletionTimestamp: 'x' } });
  expect(governing(caches.claims, 'shop', 'web')).toBeUndefined();
  informers.claims.set({ metadata: { ...metadata, resourceVersion: 'y' }, targetName: 'web', problems: ['no'] });
  expect(governing(caches.claims, 'shop', 'web')).toBeUndefined();
});
