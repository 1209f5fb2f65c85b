import { describe, expect, it } from 'vitest';
import { decideAdmission } from './admission.ts';
import { readRecord } from './record.ts';
import { graceOf, hookOf, started, withGrace } from './testing/admissionScene.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster } from './testing/cluster.ts';
import { manifest, rolloutSpec, service, withImage } from './testing/manifests.ts';

const GIVE_BACK = 'graceful-rollout.io/give-back';
const RECORD = 'graceful-rollout.io/contract';
const ADOPT = 'graceful-rollout.io/adopt';

describe('our annotations', () => {
  it('are put back when a writer drops or spoils them: nothing changes', () => {
    const cluster = started(manifest());
    cluster.annotate(ADOPT, 'hash');
    const { generation, stored } = cluster;
    cluster.edit((live) => ({ ...live, metadata: { ...live.metadata, annotations: {} } }));
    cluster.edit((live) => ({ ...live, metadata: { ...live.metadata, annotations: { [RECORD]: '{"not":"ours"}' } } }));
    expect(cluster.stored.metadata.annotations?.[RECORD]).toEqual(stored.metadata.annotations?.[RECORD]);
    expect(cluster.stored.metadata.annotations?.[ADOPT]).toBe('hash');
    expect(cluster.rollouts).toBe(1);
    expect(cluster.generation).toBeGreaterThanOrEqual(generation);
  });

  it('that a person copied with a Deployment say what was ours, on a create as well', () => {
    const { stored } = started(manifest());
    const copy = new Cluster(rolloutSpec({ termination: { preStopSleepSeconds: 8 } }), [service()]);
    copy.apply({ ...stored, metadata: { ...stored.metadata, name: 'web' } }, 'helm3');
    expect([hookOf(copy), graceOf(copy)]).toEqual([{ sleep: { seconds: 8 } }, 38]);
    const unprotected = new Cluster(undefined, [service()]);
    unprotected.apply(stored, 'helm3');
    expect(unprotected.stored).toEqual(stored);
  });

  it('may name nothing beyond the contract', () => {
    const changes = [
      { path: 'spec.template.spec.containers[app].image', from: '"evil"', to: '"registry.example/app:1"' },
    ];
    const cluster = started(manifest({ annotations: { [RECORD]: JSON.stringify(changes) } }));
    expect(cluster.stored.spec.template.spec.containers[0]?.image).toBe('registry.example/app:1');
  });

  it('missing on the stored object are made up for by the status', () => {
    const cluster = started(manifest());
    cluster.recorded = readRecord(cluster.stored);
    cluster.webhookIsUp = false;
    cluster.edit((live) => ({ ...live, metadata: { ...live.metadata, annotations: {} } }));
    cluster.webhookIsUp = true;
    cluster.spec = undefined;
    cluster.apply(withImage(manifest(), 'registry.example/app:2'), 'kubectl apply');
    expect(cluster.stored.spec.template).toEqual(
      defaulted(withImage(manifest(), 'registry.example/app:2')).spec.template,
    );
  });
});

describe('giving back', () => {
  it('while a GracefulRollout governs is refused in words, and the request is not kept for later', () => {
    const cluster = started(manifest());
    const { warnings, kind } = cluster.annotate(GIVE_BACK, 'true');
    expect(warnings).toEqual([
      'shop/web: graceful-rollout.io/give-back was removed, GracefulRollout web still governs: delete it (or set mode: Audit) first, then annotate again',
    ]);
    expect(kind).toBe('Restored');
    expect(cluster.stored.metadata.annotations?.[GIVE_BACK]).toBeUndefined();
    expect(cluster.rollouts).toBe(1);
  });

  it('happens at once when asked in mode Audit; other values of the annotation are nothing', () => {
    const cluster = started(manifest());
    cluster.spec = rolloutSpec({ mode: 'Audit' });
    expect(cluster.annotate(GIVE_BACK, 'false').kind).toBe('Unchanged');
    expect(cluster.annotate(GIVE_BACK, 'true').kind).toBe('GivenBack');
    expect(cluster.stored.spec).toEqual(defaulted(manifest()).spec);
    expect(cluster.annotate(GIVE_BACK, 'true').changes).toEqual([]);
  });
});

describe('rollout undo', () => {
  it('to the template before adoption keeps what was adopted: it is the same template to its author', () => {
    const cluster = new Cluster(undefined, [service()]);
    cluster.apply(manifest(), 'kubectl apply');
    cluster.spec = rolloutSpec();
    cluster.touch('hash');
    expect(cluster.rollouts).toBe(2);
    expect(cluster.undo(0).kind).toBe('Restored');
    expect(cluster.rollouts).toBe(2);
    expect(cluster.missing()).toEqual([]);
  });

  it('to an older image brings the current contract, not the one of then', () => {
    const cluster = started(manifest());
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 9 } });
    cluster.apply(withImage(manifest(), 'registry.example/app:2'), 'kubectl apply');
    const { reasserted } = cluster.undo(0);
    expect(cluster.stored.spec.template.spec.containers[0]?.image).toBe('registry.example/app:1');
    expect([hookOf(cluster), graceOf(cluster), reasserted]).toEqual([{ sleep: { seconds: 9 } }, 39, []]);
    expect(cluster.rollouts).toBe(3);
  });
});

describe('someone who insists', () => {
  it('is seen by what they set back, not by what they leave alone', () => {
    const cluster = started(withGrace(manifest(), 20), 'helm3');
    expect(cluster.label('note', 'x').reasserted).toEqual([]);
    expect(cluster.apply(withGrace(manifest(), 20), 'helm3').reasserted.map(({ path, from }) => [path, from])).toEqual([
      ['spec.template.spec.terminationGracePeriodSeconds', '20'],
    ]);
    const replaced = cluster.apply(manifest(), 'replace').reasserted.map(({ path }) => path);
    expect(replaced).toEqual([
      'spec.template.spec.terminationGracePeriodSeconds',
      'spec.template.spec.containers[app].lifecycle',
      'spec.strategy.rollingUpdate.maxUnavailable',
    ]);
    expect([cluster.rollouts, graceOf(cluster)]).toEqual([1, 35]);
  });
});

describe('odd moments', () => {
  it.each([
    ['being deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' }, {}],
    ['paused', {}, { paused: true }],
    ['scaled to zero', {}, { replicas: 0 }],
  ])('a Deployment that is %s is treated like any other', (_case, metadata, spec) => {
    const plain = defaulted(manifest({ spec }));
    const oldObject = { ...plain, metadata: { ...plain.metadata, ...metadata } };
    const input = {
      operation: 'UPDATE',
      rollout: { name: 'web', spec: rolloutSpec() },
      services: [service()],
    } as const;
    expect(decideAdmission({ ...input, object: oldObject, oldObject }).kind).toBe('Unchanged');
    const object = withImage(oldObject, 'registry.example/app:2');
    expect(decideAdmission({ ...input, object, oldObject }).kind).toBe('Completed');
  });

  it('does not touch what it was given', () => {
    const object = defaulted(manifest());
    const copy = structuredClone(object);
    decideAdmission({
      operation: 'CREATE',
      object,
      rollout: { name: 'web', spec: rolloutSpec() },
      services: [service()],
    });
    expect(object).toEqual(copy);
  });
});
