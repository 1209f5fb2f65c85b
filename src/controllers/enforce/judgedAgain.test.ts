import { Counter, Registry } from 'prom-client';
import { beforeEach, expect, test } from 'vitest';
import { type Claim, claimOf } from '../../api/claim.ts';
import { API_VERSION, KIND } from '../../api/index.ts';
import type { Deployment, KubeObject, Service } from '../../api/kubernetes.ts';
import type { ChangeHandler, ObjectRef, Patch, Resource } from '../../kube/index.ts';
import { type Indexer, ObjectStore } from '../../kube/store.ts';
import { ManualClock, OperatorMetrics, silentLogger } from '../../runtime/index.ts';
import { contextReaders } from '../../safety/index.ts';
import { app, type Manifest } from '../../safety/testing/manifests.ts';
import { createContexts, knownBy } from '../../webhooks/warningsContexts.ts';
import { targetRules } from '../../webhooks/warningsOfTarget.ts';
import type { EnforceClient } from './act.ts';
import { byNamespace, byTarget, enforceController } from './index.ts';

/* When the target of a GracefulRollout is judged again, though neither it nor a Service has changed, and how often. */

const count = 200;
const names = Array.from({ length: count }, (_none, at) => `web-${at}`);
const strict = { 'graceful-rollout.io/warn': 'strict' };
const project = {
  workload: knownBy(contextReaders.workload),
  budget: knownBy(contextReaders.podDisruptionBudget),
  autoscaler: knownBy(contextReaders.horizontalPodAutoscaler),
  ingress: knownBy(contextReaders.ingress),
  volume: knownBy(contextReaders.persistentVolumeClaim),
};
const ofNamespace = ({ metadata: { namespace = '' } }: KubeObject): readonly string[] => [namespace];
const meta = (name: string, more: object = {}) => ({ name, namespace: 'shop', uid: `uid-${name}`, ...more });

const budget = (name: string, spec: object) => project.budget({ metadata: meta(name), ...{ spec } });
const statefulSet = (labels: object) =>
  project.workload({
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet' },
    metadata: meta('db'),
    ...{ spec: { template: { metadata: { labels }, spec: { containers: [app()] } } } },
  });

/** A store that tells of its changes, as an informer's does. */
class FakeInformer<T extends KubeObject> {
  readonly store: ObjectStore<T>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  #version = 0;

  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}) {
    this.store = new ObjectStore<T>(indexers);
  }

  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  set(object: T): void {
    this.#version += 1;
    const { namespace, name = '', uid = name } = object.metadata;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const changes = this.store.upsert({ key, uid, resourceVersion: `${this.#version}`, object });
    for (const { key: changed, ...change } of changes) for (const handler of this.#handlers) handler(changed, change);
  }
}

class Scene {
  readonly clock = new ManualClock(Date.parse('2026-11-23T12:00:00Z'));
  /** Whose target was judged, in order. */
  judged: string[] = [];
  readonly claims = new FakeInformer<Claim>({
    [byTarget]: ({ metadata: { namespace }, targetName }) => [`${namespace}/${targetName}`],
    [byNamespace]: ofNamespace,
  });
  readonly deployments = new FakeInformer<Deployment>();
  readonly services = new FakeInformer<Service>({ [byNamespace]: ofNamespace });
  readonly statefulSets = new FakeInformer<ReturnType<typeof project.workload>>();
  readonly daemonSets = new FakeInformer<ReturnType<typeof project.workload>>();
  readonly podDisruptionBudgets = new FakeInformer<ReturnType<typeof project.budget>>();
  readonly horizontalPodAutoscalers = new FakeInformer<ReturnType<typeof project.autoscaler>>();
  readonly ingresses = new FakeInformer<ReturnType<typeof project.ingress>>();
  readonly persistentVolumeClaims = new FakeInformer<ReturnType<typeof project.volume>>();
  readonly namespaces = new FakeInformer<KubeObject>();

  constructor() {
    const { clock, claims, deployments, services } = this;
    const contexts = createContexts(this);
    const judge = targetRules({
      view: { ...contexts, synced: () => true },
      defaults: { warn: { level: 'baseline', version: 'latest' }, audit: { level: 'off', version: 'latest' } },
      nowMs: () => clock.nowMs(),
      log: silentLogger,
    });
    const metrics = new OperatorMetrics();
    const controller = enforceController({
      ...{ client: this.#client(), claims, deployments, services, clock, metrics, log: silentLogger },
      events: { record: () => {} },
      adoptions: new Counter({ name: 'a', help: 'a', labelNames: ['result'], registers: [new Registry()] }),
      rules: {
        verdictOf: (target) => {
          this.judged.push(target.metadata.name ?? '');
          return judge(target);
        },
        onChange: (handler) => contexts.onChange(handler),
      },
    });
    const never = new AbortController().signal;
    void controller.run(never, never);
  }

  /** The codes in the status. */
  findings(name: string): readonly string[] {
    return (this.claims.store.get('shop', name)?.status?.findings ?? []).map(({ code }) => code);
  }

  /** A Deployment whose Service looks its port up by name, its budget and its GracefulRollout. */
  add(name: string, container: Manifest = {}, metadata: object = {}): void {
    this.services.set({
      ...{ apiVersion: 'v1', kind: 'Service' },
      metadata: meta(name),
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
    });
    this.podDisruptionBudgets.set(budget(name, { maxUnavailable: 1, selector: { matchLabels: { app: name } } }));
    this.roll(name, { app: name }, container, metadata);
    const spec = { targetRef: { name }, mode: 'Audit' };
    this.claims.set(claimOf({ apiVersion: API_VERSION, kind: KIND, metadata: meta(name), ...{ spec } }));
  }

  /** Another template, and the status that follows. */
  roll(name: string, labels: object, container: Manifest = {}, metadata: object = {}): void {
    const template = { metadata: { labels }, spec: { containers: [app(container)] } };
    const spec = { replicas: 3, selector: { matchLabels: { app: name } }, template };
    for (const updatedReplicas of [0, 1, 2, 3]) {
      const object = { apiVersion: 'apps/v1', kind: 'Deployment', spec, status: { updatedReplicas, replicas: 3 } };
      this.deployments.set({ ...(object as unknown as Deployment), metadata: meta(name, metadata) });
    }
  }

  /** Lets this time pass, and whatever is to be done. */
  async after(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let before = -1; before !== this.judged.length; ) {
      before = this.judged.length;
      await this.clock.advance(1);
      await this.clock.advance(1);
    }
  }

  /** Keeps statuses as an API server does. */
  #client(): EnforceClient {
    const client = {
      find: () => Promise.resolve(undefined),
      patch: (_resource: Resource, { name }: ObjectRef, { body }: Patch) => {
        const { metadata } = this.claims.store.get('shop', name) ?? {};
        const spec = { targetRef: { name }, mode: 'Audit' };
        const object = { ...(body as KubeObject), ...{ spec }, metadata: { ...metadata } };
        this.claims.set(claimOf(object));
        return Promise.resolve(object);
      },
    };
    return client as EnforceClient;
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
  scene.namespaces.set({ metadata: { name: 'shop', labels: strict } });
});

test(`${count} Deployments rolled at once are judged each for itself, not all for each`, async () => {
  for (const name of names) scene.add(name);
  await scene.after(5_000);
  scene.judged = [];
  for (const name of names) scene.roll(name, { app: name, version: '2' }, { image: 'example.com/web:2' });
  await scene.after(5_000);
  expect(new Set(scene.judged).size).toBe(count);
  // Once for the four changes that came at once, and for its own status, which names the template.
  expect(scene.judged).toHaveLength(2 * count);
});

test(`where ${count} of them change what others' rules read in two seconds, all are judged again with each second`, async () => {
  for (const name of names) scene.add(name);
  await scene.after(5_000);
  scene.judged = [];
  for (const name of names) {
    scene.roll(name, { app: name }, { ports: [{ name: 'web', containerPort: 8080 }] });
    await scene.clock.advance(10);
  }
  await scene.after(5_000);
  expect(new Set(scene.judged).size).toBe(count);
  // For itself, for its own new status, and with all others once or twice; not 200 times.
  expect(scene.judged.length).toBeGreaterThan(3 * count);
  expect(scene.judged.length).toBeLessThanOrEqual(5 * count);
});

test('a StatefulSet that leaves a budget makes it the budget of the target alone (GR402)', async () => {
  scene.statefulSets.set(statefulSet({ app: 'web-0', part: 'db' }));
  scene.add('web-0');
  scene.podDisruptionBudgets.set(budget('web-0', { minAvailable: 3, selector: { matchLabels: { app: 'web-0' } } }));
  await scene.after(5_000);
  expect(scene.findings('web-0')).not.toContain('GR402');
  scene.statefulSets.set(statefulSet({ app: 'db', part: 'db' }));
  await scene.after(1_000);
  expect(scene.findings('web-0')).toContain('GR402');
  scene.judged = [];
  scene.statefulSets.set(statefulSet({ app: 'db', part: 'x' }));
  await scene.after(5_000);
  expect(scene.judged).toEqual([]);
});

test('a waiver that ends is seen on the day after, though nothing changes', async () => {
  const waive = 'GR501 of our own registry until=2026-11-23';
  scene.add('web-0', { image: 'example.com/web:latest' }, { annotations: { 'graceful-rollout.io/waive': waive } });
  await scene.after(5_000);
  expect(scene.findings('web-0')).not.toContain('GR501');
  await scene.after(11 * 3_600_000);
  expect(scene.findings('web-0')).not.toContain('GR501');
  await scene.after(3_600_000);
  expect(scene.findings('web-0')).toEqual(expect.arrayContaining(['GR501', 'GR902']));
});
