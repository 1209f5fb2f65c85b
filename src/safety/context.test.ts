import { describe, expect, it } from 'vitest';
import { CONTEXT_KINDS, contextOf } from './context.ts';
import { autoscaler, budget, claim, deployment, gracefulRollout, ofKind, service } from './testing/manifests.ts';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'a' } } };

describe('what is known of a namespace', () => {
  it('is what the objects say', () => {
    const objects = [
      deployment(),
      service(),
      budget(),
      autoscaler(),
      gracefulRollout(),
      claim('ReadWriteOnce'),
      namespace,
    ];
    const context = contextOf(objects, { namespace: 'shop', complete: [] });
    expect(context).toMatchObject({
      services: [{ metadata: { name: 'web' }, spec: { selector: { app: 'web' } } }],
      podDisruptionBudgets: [{ name: 'web', maxUnavailable: 1 }],
      horizontalPodAutoscalers: [{ name: 'web', target: { kind: 'Deployment', name: 'web' }, minReplicas: 2 }],
      gracefulRollouts: [{ metadata: { name: 'web' }, spec: { mode: 'Enforce' } }],
      claimAccessModes: { data: ['ReadWriteOnce'] },
      workloads: [{ kind: 'Deployment', name: 'web' }],
      namespaceLabels: { team: 'a' },
    });
    expect(context).not.toHaveProperty('ingresses');
    expect(context).not.toHaveProperty('pods');
  });

  it('tells what is not there from what is not known', () => {
    expect(contextOf([], { namespace: 'shop', complete: [] })).toEqual({ workloads: [] });
    expect(contextOf([], { namespace: 'shop', complete: ['Service'] })).toEqual({ workloads: [], services: [] });
    expect(Object.keys(contextOf([], { namespace: 'shop', complete: CONTEXT_KINDS }))).toHaveLength(9);
  });

  it('leaves out other namespaces, and keeps what names none', () => {
    const elsewhere = (name: string, own?: string) => ({
      ...service(),
      metadata: { name, ...(own === undefined ? {} : { namespace: own }) },
    });
    const objects = [elsewhere('a', 'shop'), elsewhere('b', 'other'), elsewhere('c')];
    const names = (namespace: string | undefined) =>
      contextOf(objects, { namespace, complete: [] }).services?.map(({ metadata }) => metadata.name);
    expect(names('shop')).toEqual(['a', 'c']);
    expect(names(undefined)).toEqual(['a', 'b', 'c']);
  });

  it('takes a kind of another API group for another kind', () => {
    const knative = { ...service(), apiVersion: 'serving.knative.dev/v1' };
    expect(contextOf([knative], { namespace: 'shop', complete: [] }).services).toBeUndefined();
  });

  it('leaves out workloads that another workload controls', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd1', controller: true };
    const owned = { ...ofKind('ReplicaSet', 'apps/v1'), metadata: { name: 'web-1', ownerReferences: [owner] } };
    expect(contextOf([deployment(), owned], { namespace: 'shop', complete: [] })).toMatchObject({
      workloads: [{ kind: 'Deployment' }],
      replicaSets: [{ name: 'web-1', ownerUid: 'd1' }],
    });
  });
});
