import { describe, expect, it } from 'vitest';
import type { Deployment } from '../api/kubernetes.ts';
import { decideAdmission } from './admission.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster, WAYS, type Way } from './testing/cluster.ts';
import { manifest, rolloutSpec, service, withPod } from './testing/manifests.ts';

const low = withPod(manifest(), { terminationGracePeriodSeconds: 20 });
const asDefault = withPod(manifest(), { terminationGracePeriodSeconds: 30 });
const sum = 'set to 35 (preStop 5 s + drain 25 s + margin 5 s) by GracefulRollout web';

function warningsOf(author: Deployment, way: Way, spec = rolloutSpec()): readonly string[] {
  return new Cluster(spec, [service()]).apply(author, way).warnings;
}

describe('a value that is raised', () => {
  it.each(['kubectl apply', 'server-side apply'] as const)(
    'is told with its sum by %s, also when it is the default',
    (way) => {
      expect(warningsOf(low, way)).toEqual([
        `shop/web: terminationGracePeriodSeconds 20 is too short, ${sum}: write 35 in the manifest`,
      ]);
      expect(warningsOf(asDefault, way)).toEqual([
        `shop/web: terminationGracePeriodSeconds 30 is too short, ${sum}: write 35 in the manifest`,
      ]);
    },
  );

  it.each(['helm3', 'replace'] as const)('is told for both cases by %s, unless it is the default', (way) => {
    expect(warningsOf(low, way)).toEqual([
      `shop/web: terminationGracePeriodSeconds 20 is too short, ${sum}: if the manifest names it, write 35 there`,
    ]);
    expect(warningsOf(asDefault, way)).toEqual([]);
  });

  it.each(WAYS)('is not told by %s when the manifest says nothing', (way) => {
    expect(warningsOf(manifest(), way)).toEqual([]);
  });

  it('is told on each apply of the same manifest, and not to others who write', () => {
    const cluster = new Cluster(rolloutSpec(), [service()]);
    cluster.apply(low, 'kubectl apply');
    expect(cluster.label('note', 'x').warnings).toEqual([]);
    expect(cluster.apply(low, 'kubectl apply').warnings).toHaveLength(1);
  });

  it('is told of each field of the strategy as well', () => {
    const rollingUpdate = { maxUnavailable: '50%', maxSurge: 0 };
    const author = manifest({ spec: { minReadySeconds: 1, strategy: { type: 'RollingUpdate', rollingUpdate } } });
    expect(warningsOf(author, 'kubectl apply', rolloutSpec({ readiness: { minReadySeconds: 9 } }))).toEqual([
      'shop/web: minReadySeconds 1 is too short, set to 9 by GracefulRollout web: write 9 in the manifest',
      'shop/web: maxUnavailable 50% is too high, set to 0 by GracefulRollout web: write 0 in the manifest',
      'shop/web: maxSurge 0 is too low, set to 1 by GracefulRollout web: write 1 in the manifest',
    ]);
  });

  it('fits into one line with the longest names, its remedy included', () => {
    const named = { ...low, metadata: { name: 'n'.repeat(253), namespace: 's'.repeat(63) } };
    const services = [{ ...service(), metadata: { name: 'web' } }];
    const rollout = { name: 'r'.repeat(253), spec: rolloutSpec() };
    const { warnings } = decideAdmission({ operation: 'CREATE', object: defaulted(named), rollout, services });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.length).toBeLessThanOrEqual(250);
    expect(warnings[0]).toMatch(/: if the manifest names it, write 35 there$/);
  });
});
