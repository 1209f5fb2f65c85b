import { describe, expect, it } from 'vitest';
import type { PodAffinityTerm, PodSpec } from '../api/kubernetes.ts';
import { resolveContract } from './resolve.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster } from './testing/cluster.ts';
import { container, manifest, rolloutSpec, service, withImage } from './testing/manifests.ts';

const wanted = { maxUnavailable: 0, maxSurge: 1 };

function resolve(pod: Partial<PodSpec>) {
  const { contract, findings } = resolveContract({
    spec: rolloutSpec(),
    deployment: manifest({ pod }),
    services: [service()],
  });
  return { strategy: contract.strategy, surge: findings.filter(({ code }) => code === 'SurgeImpossible') };
}

const apart = (change: Partial<PodAffinityTerm>): Partial<PodSpec> => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } }, ...change },
      ],
    },
  },
});
const expressed = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', key: string, values?: string[]) =>
  apart({ labelSelector: { matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }] } });

describe('pods that may find no node beside the old ones', () => {
  it.each<[string, Partial<PodSpec>, string]>([
    ['hostNetwork', { hostNetwork: true }, 'spec.template.spec.hostNetwork'],
    [
      'hostPort',
      { containers: [container('app', { ports: [{ containerPort: 8080, hostPort: 80 }] })] },
      'spec.template.spec.containers',
    ],
    [
      'hostPort of a sidecar',
      {
        initContainers: [
          container('mesh', { restartPolicy: 'Always', ports: [{ containerPort: 15_000, hostPort: 15_000 }] }),
        ],
      },
      'spec.template.spec.containers',
    ],
  ])('%s: the strategy is left alone', (_case, pod, field) => {
    const { strategy, surge } = resolve(pod);
    expect(strategy).toBeUndefined();
    expect(surge).toEqual([expect.objectContaining({ severity: 'warning', field })]);
  });

  it.each<[string, Partial<PodSpec>, number]>([
    ['to its own kind', apart({}), 1],
    ['to everything', apart({ labelSelector: {} }), 1],
    ['in its own namespace', apart({ namespaces: ['other', 'shop'] }), 1],
    ['by an expression', expressed('In', 'app', ['web', 'api']), 1],
    ['by a key', expressed('Exists', 'app'), 1],
    ['by what it is not', expressed('NotIn', 'app', ['api']), 1],
    ['by what it has not', expressed('DoesNotExist', 'tier'), 1],
    ['to others', apart({ labelSelector: { matchLabels: { app: 'api' } } }), 0],
    ['to others by an expression', expressed('NotIn', 'app', ['web']), 0],
    ['to others by a key', expressed('Exists', 'tier'), 0],
    ['to what lacks its key', expressed('DoesNotExist', 'app'), 0],
    ['to nothing', { affinity: { podAntiAffinity: {} } }, 0],
    ['in another namespace', apart({ namespaces: ['other'] }), 0],
    ['per zone', apart({ topologyKey: 'topology.kubernetes.io/zone' }), 0],
    ['within one revision', apart({ matchLabelKeys: ['pod-template-hash'] }), 0],
  ])('required anti-affinity %s: the strategy is as usual', (_case, pod, expected) => {
    const { strategy, surge } = resolve(pod);
    expect(strategy).toEqual(wanted);
    expect(surge).toHaveLength(expected);
  });

  it('say nothing with Recreate, which never surges', () => {
    const deployment = manifest({ pod: { hostNetwork: true }, spec: { strategy: { type: 'Recreate' } } });
    const { findings } = resolveContract({ spec: rolloutSpec(), deployment, services: [service()] });
    expect(findings.map(({ code }) => code)).not.toContain('SurgeImpossible');
  });

  it('get their strategy back when they move to the host', () => {
    const cluster = new Cluster(rolloutSpec(), [service()]);
    cluster.apply(manifest(), 'kubectl apply');
    const moved = withImage(manifest({ pod: { hostNetwork: true } }), 'registry.example/app:2');
    cluster.apply(moved, 'kubectl apply');
    expect(cluster.stored.spec.strategy).toEqual(defaulted(moved).spec.strategy);
    expect(cluster.stored.spec.template.spec.terminationGracePeriodSeconds).toBe(35);
  });
});
