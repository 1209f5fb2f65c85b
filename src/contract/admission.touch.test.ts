import { describe, expect, it } from 'vitest';
import type { GracefulRolloutSpec } from '../api/index.ts';
import { hashContract } from './hashes.ts';
import { readRecord } from './record.ts';
import { resolveContract } from './resolve.ts';
import { graceOf, hookOf, started } from './testing/admissionScene.ts';
import { Cluster } from './testing/cluster.ts';
import { manifest, rolloutSpec, service, withImage } from './testing/manifests.ts';

const ADOPT = 'graceful-rollout.io/adopt';

describe('a touch', () => {
  it('raises what is stored, and answers with the hash of the contract; the same again brings nothing', () => {
    const cluster = started(manifest());
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 8 } });
    const { contract } = resolveContract({ spec: cluster.spec, deployment: cluster.stored, services: [service()] });
    expect(cluster.touch('new')).toMatchObject({ kind: 'Completed', contractHash: hashContract(contract) });
    expect([hookOf(cluster), graceOf(cluster)]).toEqual([{ sleep: { seconds: 8 } }, 38]);
    expect(readRecord(cluster.stored)?.map(({ from }) => from)).toEqual(['30', null, '"25%"']);
    expect(cluster.touch('newer')).toMatchObject({ kind: 'Unchanged', contractHash: hashContract(contract) });
    expect(cluster.label('note', 'x').contractHash).toBeUndefined();
    cluster.spec = rolloutSpec({ mode: 'Audit' });
    expect(cluster.touch('newest').kind).toBe('Unchanged');
    expect(cluster.lastDecision?.contractHash).toBeUndefined();
    expect(cluster.rollouts).toBe(2);
  });

  it.each<[string, GracefulRolloutSpec, ReturnType<typeof service>[]]>([
    [
      'a smaller contract',
      rolloutSpec({ termination: { preStopSleepSeconds: 3, drainSeconds: 10 }, strategy: { maxUnavailable: 1 } }),
      [service()],
    ],
    ['no Service', rolloutSpec({ termination: { drainSeconds: 50 } }), []],
    ['no sleep', rolloutSpec({ termination: { preStopSleepSeconds: 0, drainSeconds: 0 } }), [service()]],
  ])('lowers nothing: %s by now', (_case, spec, of) => {
    const cluster = started(manifest(), 'kubectl apply', rolloutSpec({ termination: { drainSeconds: 50 } }));
    const { stored } = cluster;
    cluster.spec = spec;
    cluster.services = of;
    cluster.touch('new');
    expect(cluster.stored.spec).toEqual(stored.spec);
    expect(readRecord(cluster.stored)).toEqual(readRecord(stored));
  });

  it('for the strategy alone leaves the template byte for byte, though the contract of the pods asks for less', () => {
    const cluster = started(manifest());
    const { template } = cluster.stored.spec;
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 2, drainSeconds: 1 }, strategy: { maxSurge: 3 } });
    cluster.touch('scaled');
    expect(cluster.stored.spec.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 3 });
    expect(JSON.stringify(cluster.stored.spec.template)).toBe(JSON.stringify(template));
  });

  it('that has to raise something keeps the rest, and the grace period allows for a longer sleep that stays', () => {
    const cluster = started(manifest(), 'kubectl apply', rolloutSpec({ termination: { preStopSleepSeconds: 20 } }));
    const readiness = { probe: { tcpSocket: { port: 8080 } } };
    cluster.spec = rolloutSpec({ readiness, termination: { preStopSleepSeconds: 5, drainSeconds: 30 } });
    cluster.touch('probe');
    expect([hookOf(cluster), graceOf(cluster)]).toEqual([{ sleep: { seconds: 20 } }, 55]);
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe).toMatchObject(readiness.probe);
    cluster.spec = rolloutSpec({ readiness: { probe: { tcpSocket: { port: 8081 } } } });
    cluster.touch('another probe');
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe?.tcpSocket?.port).toBe(8081);
    cluster.apply(withImage(manifest(), 'registry.example/app:2'), 'kubectl apply');
    expect([hookOf(cluster), graceOf(cluster)]).toEqual([{ sleep: { seconds: 5 } }, 35]);
  });

  it('leaves a hook and a probe of the author alone', () => {
    const readinessProbe = { exec: { command: ['ready'] } };
    const author = manifest({ app: { readinessProbe, lifecycle: { preStop: { sleep: { seconds: 1 } } } } });
    const cluster = new Cluster(undefined, [service()]);
    cluster.apply(author, 'helm3');
    cluster.spec = rolloutSpec({ readiness: { probe: { tcpSocket: { port: 8080 } } } });
    cluster.touch('new');
    const [app] = cluster.stored.spec.template.spec.containers;
    expect([app?.lifecycle?.preStop, app?.readinessProbe?.exec]).toEqual([
      { sleep: { seconds: 1 } },
      readinessProbe.exec,
    ]);
  });

  it('is none without the prefix: an exported manifest or a backup brings its old value back', () => {
    const cluster = started(manifest());
    cluster.touch('a');
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 8 } });
    expect(cluster.annotate(ADOPT, 'older').contractHash).toBeUndefined();
    expect([graceOf(cluster), cluster.rollouts]).toEqual([35, 1]);
  });
});
