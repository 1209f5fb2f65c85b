import { describe, expect, it } from 'vitest';
import type { Deployment } from '../api/kubernetes.ts';
import { readRecord } from './record.ts';
import { graceOf, hookOf, started, withGrace, withHook } from './testing/admissionScene.ts';
import { defaulted } from './testing/apiServerRules.ts';
import { Cluster, WAYS, type Way } from './testing/cluster.ts';
import { container, manifest, rolloutSpec, service, withImage } from './testing/manifests.ts';

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
