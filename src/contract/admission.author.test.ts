import { describe, expect, it } from 'vitest';
import { readRecord } from './record.ts';
import { graceOf, hookOf, started, withGrace, withHook } from './testing/admissionScene.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { WAYS } from './testing/cluster.ts';
import { container, manifest, rolloutSpec, withImage } from './testing/manifests.ts';

const RECORD = 'graceful-rollout.io/contract';

describe.each(WAYS)('an author who writes by %s', (way) => {
  it('sets a lower grace period: raised, no rollout; a higher one: kept, one rollout', () => {
    const cluster = started(manifest(), way);
    cluster.apply(withGrace(manifest(), 20), way);
    expect([graceOf(cluster), cluster.rollouts]).toEqual([35, 1]);
    cluster.apply(withGrace(manifest(), 90), way);
    expect([graceOf(cluster), cluster.rollouts]).toEqual([90, 2]);
    cluster.apply(manifest(), way);
    expect([graceOf(cluster), cluster.rollouts]).toEqual([35, 3]);
  });

  it('sets a value that comes to nothing while the contract has changed: no rollout brings the change in', () => {
    const cluster = started(manifest(), way);
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 9 } });
    cluster.apply(withGrace(manifest(), 20), way);
    expect([graceOf(cluster), hookOf(cluster), cluster.rollouts]).toEqual([35, { sleep: { seconds: 5 } }, 1]);
  });

  it.each([
    { exec: { command: ['/stop'] } },
    { httpGet: { port: 8080, path: '/quit', scheme: 'HTTP' } },
    { sleep: { seconds: 20 } },
  ])('adds a hook of their own, %j, and takes it away again', (preStop) => {
    const cluster = started(manifest(), way);
    cluster.apply(withHook(preStop), way);
    expect([hookOf(cluster), cluster.rollouts]).toEqual([preStop, 2]);
    expect(
      readRecord(cluster.stored)
        ?.map(({ path }) => path)
        .filter((path) => path.includes('lifecycle')),
    ).toEqual([]);
    cluster.apply(manifest(), way);
    expect([hookOf(cluster), cluster.rollouts]).toEqual([{ sleep: { seconds: 5 } }, 3]);
    expect(cluster.missing()).toEqual([]);
  });

  it('comes to name an empty lifecycle: theirs, and given back as such', () => {
    const cluster = started(manifest(), way);
    const empty = manifest({ app: { lifecycle: {} } });
    cluster.apply(empty, way);
    expect(cluster.rollouts).toBe(1);
    cluster.spec = undefined;
    cluster.apply(withImage(empty, 'registry.example/app:2'), way);
    const { lifecycle } = cluster.stored.spec.template.spec.containers[0] ?? {};
    expect(lifecycle).toEqual(way === 'helm3' ? undefined : {});
  });

  it('adds another type of probe beside ours: ours goes, with the numbers that came with it', () => {
    const probe = { httpGet: { port: 8080 }, periodSeconds: 3 };
    const cluster = started(manifest(), way, rolloutSpec({ readiness: { probe } }));
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe?.periodSeconds).toBe(3);
    cluster.apply(manifest({ app: { readinessProbe: { tcpSocket: { port: 8080 } } } }), way);
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe).toEqual({
      tcpSocket: { port: 8080 },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it('comes to name a probe of the type of ours: what the manifest leaves out is not left at our numbers', () => {
    const probe = { httpGet: { port: 8080, scheme: 'HTTPS' }, periodSeconds: 3 } as const;
    const cluster = started(manifest(), way, rolloutSpec({ readiness: { probe } }));
    cluster.apply(manifest({ app: { readinessProbe: { httpGet: { port: 8080, path: '/ready' } } } }), way);
    const traced = way !== 'helm3';
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe).toMatchObject({
      httpGet: { port: 8080, path: '/ready', scheme: traced ? 'HTTP' : 'HTTPS' },
      periodSeconds: traced ? 10 : 3,
    });
  });

  it('adds, renames and removes a container: one rollout each, and nothing of ours is left behind', () => {
    const cluster = started(manifest(), way);
    const app = container('app', { ports: [{ containerPort: 8080 }] });
    for (const [rollouts, containers] of [
      [2, [app, container('logs')]],
      [3, [app, container('shipper')]],
      [4, [app]],
    ] as const) {
      cluster.apply(manifest({ pod: { containers } }), way);
      expect(cluster.rollouts).toBe(rollouts);
      expect(cluster.stored.spec.template.spec.containers.map(({ name }) => name)).toEqual(
        containers.map(({ name }) => name),
      );
      expect(cluster.missing()).toEqual([]);
    }
  });

  it('changes the strategy: raised at once, without a rollout', () => {
    const cluster = started(manifest(), way);
    const rollingUpdate = { maxUnavailable: 2, maxSurge: 0 };
    cluster.apply(manifest({ spec: { strategy: { type: 'RollingUpdate', rollingUpdate } } }), way);
    expect(cluster.stored.spec.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(cluster.rollouts).toBe(1);
    cluster.apply(manifest({ spec: { strategy: { type: 'Recreate' } } }), way);
    expect(cluster.stored.spec.strategy).toEqual({ type: 'Recreate' });
    expect(cluster.rollouts).toBe(1);
  });

  it('lowers progressDeadlineSeconds below the minReadySeconds that we set: theirs wins', () => {
    const cluster = started(manifest(), way, rolloutSpec({ readiness: { minReadySeconds: 60 } }));
    expect(cluster.stored.spec.minReadySeconds).toBe(60);
    cluster.apply(manifest({ spec: { progressDeadlineSeconds: 30 } }), way);
    expect(cluster.stored.spec.minReadySeconds).toBeUndefined();
    cluster.spec = undefined;
    cluster.apply(manifest({ spec: { progressDeadlineSeconds: 40 } }), way);
    expect(cluster.rollouts).toBe(1);
  });

  it('moves the pods to Windows: everything of ours goes', () => {
    const cluster = started(manifest(), way);
    const windows = manifest({ pod: { os: { name: 'windows' } } });
    cluster.apply(windows, way);
    expect(cluster.stored.spec).toEqual(defaulted(windows).spec);
    expect(cluster.stored.metadata.annotations?.[RECORD]).toBeUndefined();
  });

  it('lets the raised grace period be theirs once their manifest names it, where that can be known', () => {
    const cluster = started(withGrace(manifest(), 20), way);
    const mended = withGrace(withImage(manifest(), 'registry.example/app:2'), 35);
    expect(cluster.apply(mended, way).warnings).toEqual([]);
    cluster.spec = undefined;
    cluster.apply(withImage(mended, 'registry.example/app:3'), way);
    expect(graceOf(cluster)).toBe(way === 'helm3' ? 20 : 35);
  });
});

describe('a value that was raised to just the default of the API server', () => {
  it.each(['kubectl apply', 'server-side apply'] as const)(
    'is theirs once the manifest no longer names it: %s',
    (way) => {
      const spec = rolloutSpec({ termination: { drainSeconds: 20 } });
      const cluster = started(withGrace(manifest(), 12), way, spec);
      expect(cluster.apply(manifest(), way).changes.map(({ path }) => path)).not.toContain(
        'spec.template.spec.terminationGracePeriodSeconds',
      );
      cluster.spec = undefined;
      cluster.apply(withImage(manifest(), 'registry.example/app:2'), way);
      expect(graceOf(cluster)).toBe(30);
    },
  );
});

describe('a sleep of the author that needs the raised grace period', () => {
  it.each(WAYS)('keeps it when everything of ours goes: %s', (way) => {
    const cluster = started(withGrace(manifest(), 0), way);
    cluster.spec = undefined;
    cluster.apply(withGrace(withHook({ sleep: { seconds: 10 } }), 35), way);
    expect(graceOf(cluster)).toBe(35);
  });
});
