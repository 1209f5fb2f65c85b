import { expect, test } from 'vitest';
import { deploymentOwner, governing } from './caches.ts';
import { claim, FakeGate, deploymentOwner as owner } from './gateFakes.ts';

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
