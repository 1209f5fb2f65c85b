import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideAdmission } from './admission.ts';
import { electRollout } from './elect.ts';
import { describeWriter } from './fieldOwner.ts';
import { hashContract, hashTemplate } from './hashes.ts';
import { readRecord, writeRecord } from './record.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster } from './testing/cluster.ts';
import { container, manifest, rolloutSpec, service, withImage } from './testing/manifests.ts';

const RECORD = 'graceful-rollout.io/contract';
const grace = { path: 'spec.template.spec.terminationGracePeriodSeconds', from: '30', to: '35' };

describe('the record', () => {
  it('is written and read back; an empty one leaves no annotation behind', () => {
    const recorded = writeRecord(manifest(), [grace]);
    expect(readRecord(recorded)).toEqual([grace]);
    expect(writeRecord(recorded, [])).toEqual(manifest());
    expect(readRecord(manifest())).toBeUndefined();
  });

  it.each(['x', 'null', '{}', '"[]"', `[${' '.repeat(140_000)}]`])(
    'is none of ours when the annotation is not a list: %.20s',
    (text) => {
      expect(readRecord(manifest({ annotations: { [RECORD]: text } }))).toBeUndefined();
    },
  );

  it('is read only as far as this operator could have written it', () => {
    const entries = Array.from({ length: 500 }, () => grace);
    const read = (containers: number) => {
      const pod = { containers: Array.from({ length: containers }, (_, i) => container(`c${i}`)) };
      return readRecord(manifest({ pod, annotations: { [RECORD]: JSON.stringify(entries) } }))?.length;
    };
    expect([read(1), read(20), read(100)]).toEqual([32, 64, 304]);
    const longest = (characters: number) => {
      const text = JSON.stringify([grace]);
      return readRecord(manifest({ annotations: { [RECORD]: text + ' '.repeat(characters - text.length) } }));
    };
    expect([longest(65_536)?.length, longest(65_537)]).toEqual([1, undefined]);
  });

  it('is read whole when this operator wrote it for many containers, and when some of them go', () => {
    const containers = Array.from({ length: 200 }, (_, i) => container(`container-${i}`));
    const cluster = new Cluster(rolloutSpec(), [service()]);
    cluster.apply(manifest({ pod: { containers } }), 'kubectl apply');
    expect(readRecord(cluster.stored)).toHaveLength(202);
    const fewer = manifest({ pod: { containers: containers.slice(0, 1) } });
    cluster.apply(fewer, 'kubectl apply');
    cluster.spec = undefined;
    const last = withImage(fewer, 'registry.example/app:2');
    cluster.apply(last, 'kubectl apply');
    expect(cluster.stored.spec).toEqual(defaulted(last).spec);
  });

  it.each([
    { ...grace, to: 35 },
    { ...grace, from: '"x"' },
    { ...grace, to: '-1' },
    { ...grace, to: 'not JSON' },
    { ...grace, path: 'spec.replicas' },
    { ...grace, path: 'spec.template.spec.containers[app].image' },
    { ...grace, path: 'metadata.annotations' },
    { ...grace, path: 'spec.template.spec.containers[__proto__].lifecycle' },
    { path: 'spec.template.spec.containers[app].readinessProbe', from: null, to: '7' },
  ])('passes over an entry that it did not write: %j', (entry) => {
    expect(readRecord(manifest({ annotations: { [RECORD]: JSON.stringify([entry, grace]) } }))).toEqual([grace]);
  });

  it('can hold anything at all without a throw or a change beyond the contract', () => {
    const entry = fc.record({
      path: fc.constantFrom(
        grace.path,
        'spec.strategy',
        'spec.template.spec.containers[app].lifecycle',
        'spec.minReadySeconds',
        'x',
      ),
      from: fc.oneof(fc.constant(null), fc.json(), fc.string()),
      to: fc.oneof(fc.json(), fc.string()),
    });
    const annotation = fc.oneof(
      fc.json(),
      fc.string(),
      fc.array(entry).map((entries) => JSON.stringify(entries)),
    );
    fc.assert(
      fc.property(annotation, annotation, fc.json(), fc.anything(), (old, incoming, lastApplied, fieldsV1) => {
        const carrying = (record: string) => {
          const author = manifest({
            annotations: { [RECORD]: record, 'kubectl.kubernetes.io/last-applied-configuration': lastApplied },
          });
          const managedFields = [{ manager: 'm', operation: 'Apply', fieldsV1 }] as const;
          return defaulted({ ...author, metadata: { ...author.metadata, managedFields } });
        };
        const rollout = { name: 'web', spec: rolloutSpec() };
        const object = withImage(carrying(incoming), 'registry.example/app:2');
        const input = { object, oldObject: carrying(old), services: [service()], rollout };
        for (const operation of ['CREATE', 'UPDATE'] as const) {
          const { spec } = decideAdmission({ ...input, operation }).object;
          expect(spec.template.spec.containers[0]?.image).toBe('registry.example/app:2');
          expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(35);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('describeWriter', () => {
  const fieldsV1 = {
    'f:spec': {
      'f:template': {
        'f:spec': {
          'f:terminationGracePeriodSeconds': {},
          'f:containers': {
            'k:{"name":"app"}': { '.': {}, 'f:lifecycle': { 'f:preStop': { 'f:sleep': { 'f:seconds': {} } } } },
          },
        },
      },
    },
  };
  const metadata = {
    ...manifest().metadata,
    managedFields: [
      { manager: 'helm', operation: 'Update', time: '2026-01-01T00:00:00Z', fieldsV1 },
      { manager: 'argocd-controller', operation: 'Apply', time: '2026-01-02T00:00:00Z', fieldsV1 },
      { manager: 'scaler', operation: 'Update', time: '2026-01-03T00:00:00Z', subresource: 'scale', fieldsV1 },
      { manager: 'other', operation: 'Update', time: '2026-01-04T00:00:00Z', fieldsV1: { 'f:metadata': {} } },
    ],
  } as const;
  const owned = { ...manifest(), metadata };

  it.each([
    grace.path,
    'spec.template.spec.containers[app].lifecycle',
    'spec.template.spec.containers[app].lifecycle.preStop',
  ])('names the last one who wrote %s', (path) => {
    expect(describeWriter(owned, path)).toEqual({
      manager: 'argocd-controller',
      operation: 'Apply',
      time: '2026-01-02T00:00:00Z',
    });
  });

  it.each([
    'spec.template.spec.containers[app].readinessProbe',
    'spec.template.spec.containers[b].lifecycle',
    'spec.minReadySeconds',
  ])('knows that nobody wrote %s', (path) => {
    expect(describeWriter(owned, path)).toBeUndefined();
  });
});

describe('electRollout', () => {
  const rollout = (name: string, creationTimestamp?: string) => ({
    metadata: { name, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
  });
  const [newer, older, twin, unborn] = [
    rollout('a', '2026-02-01T00:00:00Z'),
    rollout('c', '2026-01-01T00:00:00Z'),
    rollout('b', '2026-01-01T00:00:00Z'),
    rollout('0'),
  ];

  it('takes the oldest, then the first by name, whatever the order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([newer, older, twin, unborn], { minLength: 4 }), (rollouts) => {
        expect(electRollout(rollouts)).toEqual({ winner: twin, losers: [older, newer, unborn] });
      }),
    );
    expect(electRollout([])).toEqual({ losers: [] });
  });
});

describe('hashes', () => {
  it('depend on the content and not on the order of keys', () => {
    const one = { gracePeriodSeconds: 35, containers: [{ name: 'app', preStopSleepSeconds: 5 }] };
    const same = { containers: [{ preStopSleepSeconds: 5, name: 'app' }], gracePeriodSeconds: 35 };
    expect(hashContract(one)).toBe(hashContract(same));
    expect(hashContract(one)).toMatch(/^[0-9a-f]{16}$/);
    expect(hashContract(one)).not.toBe(hashContract({ ...one, gracePeriodSeconds: 36 }));
    expect(hashTemplate(manifest())).not.toBe(hashTemplate(withImage(manifest(), 'registry.example/app:2')));
    expect(hashTemplate(manifest())).toBe(hashTemplate(manifest({ spec: { replicas: 9 } })));
  });
});
