import { expect, test } from 'vitest';
import { type Claim, claimOf } from '../api/claim.ts';
import type { Deployment, KubeObject, Service } from '../api/kubernetes.ts';
import type { ChangeHandler } from '../kube/index.ts';
import { ObjectStore } from '../kube/store.ts';
import { CONTEXT_KINDS, contextOf, contextReaders } from '../safety/index.ts';
import {
  autoscaler,
  budget,
  claim,
  deployment,
  gracefulRollout,
  ofKind,
  service,
} from '../safety/testing/manifests.ts';
import { createContexts, knownBy, namespaceViewOf } from './warningsContexts.ts';

/** As much of an informer as a context needs, told what changes by the test. */
class Told<T extends KubeObject> {
  readonly store = new ObjectStore<T>();
  readonly #handlers: ChangeHandler<T>[] = [];
  #version = 0;

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.push(handler);
    return () => {};
  }

  put(object: T): void {
    this.#version += 1;
    const { namespace, name = '' } = object.metadata;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    this.#tell(this.store.upsert({ key, uid: name, resourceVersion: String(this.#version), object }));
  }

  remove(key: string): void {
    this.#tell(this.store.remove(key, key.slice(key.indexOf('/') + 1)));
  }

  #tell(changes: readonly { readonly key: string; readonly old?: T; readonly new?: T }[]): void {
    for (const { key, ...change } of changes) for (const handler of this.#handlers) handler(key, change);
  }
}

function world() {
  const informers = {
    claims: new Told<Claim>(),
    deployments: new Told<Deployment>(),
    services: new Told<Service>(),
    statefulSets: new Told<ReturnType<typeof project.workload>>(),
    daemonSets: new Told<ReturnType<typeof project.workload>>(),
    podDisruptionBudgets: new Told<ReturnType<typeof project.budget>>(),
    horizontalPodAutoscalers: new Told<ReturnType<typeof project.autoscaler>>(),
    ingresses: new Told<ReturnType<typeof project.ingress>>(),
    persistentVolumeClaims: new Told<ReturnType<typeof project.volume>>(),
    namespaces: new Told<KubeObject>(),
  };
  const contexts = createContexts(informers);
  const told: string[] = [];
  contexts.onChange((namespace) => told.push(namespace));
  return { informers, contexts, told };
}

const project = {
  workload: knownBy(contextReaders.workload),
  budget: knownBy(contextReaders.podDisruptionBudget),
  autoscaler: knownBy(contextReaders.horizontalPodAutoscaler),
  ingress: knownBy(contextReaders.ingress),
  volume: knownBy(contextReaders.persistentVolumeClaim),
};
const raw = (manifest: object) => manifest as Deployment & Service;
const ingress = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web', namespace: 'shop', annotations: { a: 'b' } },
  spec: { defaultBackend: { service: { name: 'web' } } },
};
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'shop' } } };

test('object by object gives what reading all of them at once gives', () => {
  const { informers, contexts } = world();
  const stateful = ofKind('StatefulSet', 'apps/v1');
  informers.claims.put(claimOf(raw(gracefulRollout())));
  informers.deployments.put(raw(deployment()));
  informers.services.put(raw(service()));
  informers.statefulSets.put(project.workload(raw(stateful)));
  informers.podDisruptionBudgets.put(project.budget(raw(budget())));
  informers.horizontalPodAutoscalers.put(project.autoscaler(raw(autoscaler())));
  informers.ingresses.put(project.ingress(raw(ingress)));
  informers.persistentVolumeClaims.put(project.volume(raw(claim('ReadWriteOnce'))));
  informers.namespaces.put(namespaceViewOf(namespace));
  const objects = [gracefulRollout(), deployment(), service(), stateful, budget(), autoscaler(), ingress];
  const all = contextOf([...objects, claim('ReadWriteOnce'), namespace], {
    namespace: 'shop',
    complete: CONTEXT_KINDS,
  });
  const { workloads, pods: _, replicaSets: __, ...expected } = all;
  const { workloads: neighbours, ...context } = contexts.contextOf('shop');
  expect(context).toEqual(expected);
  expect(neighbours?.map(({ kind, name, template }) => ({ kind, name, labels: template.labels }))).toEqual(
    workloads?.map(({ kind, name, template }) => ({ kind, name, labels: template.labels })),
  );
});

test('none of a kind is known to be none, in a namespace that nobody has heard of too', () => {
  const { contexts } = world();
  expect(contexts.contextOf('elsewhere')).toEqual({
    services: [],
    podDisruptionBudgets: [],
    horizontalPodAutoscalers: [],
    gracefulRollouts: [],
    ingresses: [],
    workloads: [],
    claimAccessModes: {},
  });
  expect(contexts.namespaceLabels('elsewhere')).toBeUndefined();
});

test('changes are seen, lists that did not change stay the same, and only news that rules read is told', () => {
  const { informers, contexts, told } = world();
  informers.services.put(raw(service()));
  informers.podDisruptionBudgets.put(project.budget(raw(budget())));
  const before = contexts.contextOf('shop');
  expect(told).toEqual(['shop']);
  // Another version of the same: a status was written.
  informers.podDisruptionBudgets.put(project.budget(raw(budget())));
  informers.services.put(raw(service()));
  expect(contexts.contextOf('shop').podDisruptionBudgets).toBe(before.podDisruptionBudgets);
  expect(contexts.contextOf('shop').services).toBe(before.services);
  expect(told).toEqual(['shop']);
  informers.podDisruptionBudgets.put(project.budget(raw(budget({ maxUnavailable: 0 }))));
  expect(contexts.contextOf('shop').podDisruptionBudgets).toMatchObject([{ maxUnavailable: 0 }]);
  informers.podDisruptionBudgets.remove('shop/web');
  informers.services.remove('shop/web');
  expect(contexts.contextOf('shop')).toMatchObject({ podDisruptionBudgets: [], services: [] });
  expect(told).toEqual(['shop', 'shop', 'shop']);
  informers.namespaces.put(namespaceViewOf(namespace));
  informers.namespaces.put(namespaceViewOf(namespace));
  expect(told).toHaveLength(4);
  expect(contexts.namespaceLabels('shop')).toEqual({ team: 'shop' });
});

test('a GracefulRollout that goes, and one that cannot be used, governs nothing', () => {
  const { informers, contexts } = world();
  informers.claims.put(claimOf(raw(gracefulRollout())));
  expect(contexts.contextOf('shop').gracefulRollouts).toHaveLength(1);
  const leaving = raw(gracefulRollout());
  const metadata = { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  informers.claims.put(claimOf({ ...leaving, metadata }));
  expect(contexts.contextOf('shop').gracefulRollouts).toEqual([]);
  informers.claims.put(claimOf(raw(gracefulRollout({ mode: 'Nonsense' }))));
  expect(contexts.contextOf('shop').gracefulRollouts).toEqual([]);
});

test('ReplicaSets of a Deployment are no workloads of their own', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };
  const { metadata, ...rest } = raw(ofKind('ReplicaSet', 'apps/v1'));
  expect(contextReaders.workload({ ...rest, metadata: { ...metadata, ownerReferences: [owner] } })).toBeUndefined();
});
