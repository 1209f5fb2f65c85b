import { describe, expect, it } from 'vitest';
import { raisedValueFindings } from './raisedValueFindings.ts';
import { readRecord } from './record.ts';
import { Cluster } from './testing/cluster.ts';
import { manifest, rolloutSpec, service } from './testing/manifests.ts';

const grace = 'spec.template.spec.terminationGracePeriodSeconds';
const surge = 'spec.strategy.rollingUpdate.maxSurge';

describe('raisedValueFindings', () => {
  it('names what a manifest says and what runs, one finding each', () => {
    const rollingUpdate = { maxUnavailable: 2, maxSurge: '5%' };
    const pod = { terminationGracePeriodSeconds: 20 };
    const cluster = new Cluster(rolloutSpec({ strategy: { maxSurge: '50%' } }), [service()]);
    cluster.apply(manifest({ pod, spec: { strategy: { type: 'RollingUpdate', rollingUpdate } } }), 'kubectl apply');
    expect(raisedValueFindings(readRecord(cluster.stored) ?? [])).toEqual([
      {
        code: 'ValueRaised',
        severity: 'info',
        field: grace,
        message:
          'the manifest names terminationGracePeriodSeconds 20, which falls short of the contract: it was set to 35',
        remedy: 'write 35 into the manifest',
      },
      expect.objectContaining({
        field: 'spec.strategy.rollingUpdate.maxUnavailable',
        remedy: 'write 0 into the manifest',
      }),
      expect.objectContaining({ field: surge, remedy: 'write 50% into the manifest' }),
    ]);
  });

  it.each([
    { path: grace, from: '30', to: '35' },
    { path: 'spec.strategy.rollingUpdate.maxUnavailable', from: '"25%"', to: '0' },
    { path: surge, from: '"25%"', to: '1' },
    { path: 'spec.minReadySeconds', from: '0', to: '10' },
    { path: 'spec.minReadySeconds', from: null, to: '10' },
    { path: 'spec.template.spec.containers[app].lifecycle', from: null, to: '{"preStop":{"sleep":{"seconds":5}}}' },
    { path: 'spec.replicas', from: '1', to: '2' },
    { path: grace, from: 'no JSON', to: '35' },
  ])('says nothing of %j', (change) => {
    expect(raisedValueFindings([change])).toEqual([]);
  });
});
