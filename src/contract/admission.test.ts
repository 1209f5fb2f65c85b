import { describe, expect, it } from 'vitest';
import type { GracefulRolloutSpec } from '../api/index.ts';
import type { Deployment } from '../api/kubernetes.ts';
import { decideAdmission } from './admission.ts';
import { hashContract } from './hashes.ts';
import { readRecord } from './record.ts';
import { resolveContract } from './resolve.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster, WAYS, type Way } from './testing/cluster.ts';
import { container, manifest, rolloutSpec, service, withImage, withPod } from './testing/manifests.ts';

const GIVE_BACK = 'graceful-rollout.io/give-back';
const RECORD = 'graceful-rollout.io/contract';
const ADOPT = 'graceful-rollout.io/adopt';

function started(author: Deployment, way: Way = 'kubectl apply', spec: GracefulRolloutSpec = rolloutSpec()): Cluster {
  const cluster = new Cluster(spec, [service()]);
  cluster.apply(author, way);
  return cluster;
}

const graceOf = ({ stored }: Cluster) => stored.spec.template.spec.terminationGracePeriodSeconds;
const hookOf = ({ stored }: Cluster, name = 'app') =>
  stored.spec.template.spec.containers.find((c) => c.name === name)?.lifecycle?.preStop;
const withGrace = (author: Deployment, seconds: number) => withPod(author, { terminationGracePeriodSeconds: seconds });
const withHook = (preStop: object) => manifest({ app: { lifecycle: { preStop } } });

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

describe('a Deployment that no Service selects any more', () => {
  const unselected = (author: Deployment, way: Way = 'kubectl apply', spec = rolloutSpec()): Cluster => {
    const cluster = started(author, way, spec);
    cluster.services = [service({ selector: { app: 'web', colour: 'green' } })];
    return cluster;
  };

  it.each(WAYS)('keeps what is in force with a new image, and gives it back in the end: %s', (way) => {
    const cluster = unselected(withGrace(manifest(), 20), way);
    const next = withGrace(withImage(manifest(), 'registry.example/app:2'), 20);
    cluster.spec = rolloutSpec({ termination: { preStopSleepSeconds: 9 } });
    const { findings } = cluster.apply(next, way);
    expect(findings.map(({ code }) => code)).toContain('NoService');
    expect([hookOf(cluster), graceOf(cluster), cluster.rollouts]).toEqual([{ sleep: { seconds: 5 } }, 35, 2]);
    const { generation } = cluster;
    cluster.apply(next, way);
    expect(cluster.generation).toBe(generation);
    cluster.spec = undefined;
    const last = withGrace(withImage(manifest(), 'registry.example/app:3'), 20);
    cluster.apply(last, way);
    expect(cluster.stored.spec).toEqual(defaulted(last).spec);
  });

  it('is asked nothing new: neither a new container nor one that was there all along', () => {
    const cluster = unselected(manifest());
    const pod = { containers: [container('app', { ports: [{ containerPort: 8080 }] }), container('logs')] };
    cluster.apply(manifest({ pod }), 'kubectl apply');
    expect([hookOf(cluster), hookOf(cluster, 'logs')]).toEqual([{ sleep: { seconds: 5 } }, undefined]);
    const never = new Cluster(rolloutSpec(), []);
    never.apply(manifest(), 'kubectl apply');
    never.apply(withImage(manifest(), 'registry.example/app:2'), 'kubectl apply');
    expect([hookOf(never), graceOf(never)]).toEqual([undefined, 30]);
  });

  it('loses what the author takes into their own hands, and what went with its container', () => {
    const preStop = { exec: { command: ['/stop'] } };
    const cluster = unselected(manifest());
    cluster.apply(withHook(preStop), 'kubectl apply');
    expect(hookOf(cluster)).toEqual(preStop);
    const renamed = unselected(manifest());
    renamed.apply(manifest({ pod: { containers: [container('other')] } }), 'kubectl apply');
    expect(hookOf(renamed, 'other')).toBeUndefined();
    expect(readRecord(renamed.stored)?.some(({ path }) => path.includes('['))).toBe(false);
  });

  it('has a grace period that allows for the sleep that stays, and no longer one than before', () => {
    const cluster = unselected(withGrace(manifest(), 60));
    cluster.apply(withGrace(manifest(), 3), 'kubectl apply');
    expect([hookOf(cluster), graceOf(cluster)]).toEqual([{ sleep: { seconds: 5 } }, 35]);
  });

  it('keeps no probe of a port that went, and no hook of an init container that is no sidecar any more', () => {
    const readiness = { probe: { httpGet: { port: 'http' } } };
    const ports = [{ name: 'http', containerPort: 8080 }];
    const cluster = unselected(manifest({ app: { ports } }), 'kubectl apply', rolloutSpec({ readiness }));
    cluster.apply(manifest(), 'kubectl apply');
    expect(cluster.stored.spec.template.spec.containers[0]?.readinessProbe).toBeUndefined();
    const mesh = container('mesh', { ports: [{ containerPort: 8080 }] });
    const sidecar = { ...mesh, restartPolicy: 'Always' };
    const app = container('app', { ports: [{ containerPort: 1 }] });
    const meshed = unselected(manifest({ pod: { containers: [app], initContainers: [sidecar] } }));
    expect(meshed.stored.spec.template.spec.initContainers?.[0]?.lifecycle?.preStop).toBeDefined();
    meshed.apply(manifest({ pod: { containers: [app], initContainers: [mesh] } }), 'kubectl apply');
    expect(meshed.stored.spec.template.spec.initContainers?.[0]?.lifecycle).toBeUndefined();
  });

  it('with Windows pods keeps nothing', () => {
    const cluster = unselected(manifest());
    cluster.apply(manifest({ pod: { os: { name: 'windows' } } }), 'kubectl apply');
    expect([hookOf(cluster), graceOf(cluster)]).toEqual([undefined, 30]);
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

describe('a sleep of the author that needs the raised grace period', () => {
  it.each(WAYS)('keeps it when everything of ours goes: %s', (way) => {
    const cluster = started(withGrace(manifest(), 0), way);
    cluster.spec = undefined;
    cluster.apply(withGrace(withHook({ sleep: { seconds: 10 } }), 35), way);
    expect(graceOf(cluster)).toBe(35);
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
