import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DRAIN_ANNOTATION } from '../../src/api/index.ts';
import { leases, pods } from '../../src/kube/index.ts';
import { CuttingProxy } from '../../src/kube/testing/cuttingProxy.ts';
import { freePorts } from '../cluster/freePorts.ts';
import { GateHarness } from './gateHarness.ts';
import { Scene } from './gateScene.ts';
import { type OperatorProcess, operatorNamespace, until } from './harness.ts';

/* The operator's connections fail, another operator takes over, or none comes back. */

let harness: GateHarness;
const others: OperatorProcess[] = [];
const made: Scene[] = [];
let count = 0;
let namespace: string;

beforeAll(async () => {
  // Long enough for who takes over to see a pod that is terminating: the preStop floor is longer.
  harness = await GateHarness.start({ stopMs: 4_000 });
}, 900_000);

beforeEach(() => {
  count += 1;
  namespace = `faults-${count}`;
});

afterEach(async () => {
  harness.proxy.disarm();
  await Promise.all(made.splice(0).map((scene) => scene.end()));
  await Promise.all(others.splice(0).map((operator) => operator.kill()));
  await harness.kill();
});

afterAll(async () => {
  await harness?.stop();
});

async function gated(replicas = 3, minAvailable?: number): Promise<Scene> {
  const scene = await Scene.make(harness, {
    namespace,
    replicas,
    ...(minAvailable === undefined ? {} : { minAvailable }),
  });
  made.push(scene);
  await harness.untilGated([namespace]);
  await scene.watch();
  return scene;
}

const kinds = (): readonly string[] => harness.proxy.writesIn(namespace).map(({ kind }) => kind);

/** The operator's connection goes through one that can be cut. */
async function behindCuttingProxy(): Promise<CuttingProxy> {
  const cutting = await CuttingProxy.start(harness.proxy.url);
  const { kubeconfig = '', ...options } = harness.options();
  const text = readFileSync(kubeconfig, 'utf8').replaceAll(harness.proxy.url, cutting.url);
  const file = path.join(harness.api.controlPlane.folder, 'cut.kubeconfig');
  writeFileSync(file, text, { mode: 0o600 });
  await harness.launch({ ...options, kubeconfig: file });
  return cutting;
}

test('connections are cut all the time during a rollout and an eviction: everything ends well', async () => {
  const cutting = await behindCuttingProxy();
  try {
    const scene = await gated(3);
    let cutsLeft = 40;
    const cuts = (async () => {
      for (; cutsLeft > 0; cutsLeft -= 1) {
        if (cutsLeft % 3 === 0) cutting.cutInMiddleOfNextPiece();
        else cutting.cut();
        await sleep(150);
      }
    })();
    await scene.newTemplate();
    await sleep(2_000);
    const [pod] = await scene.listPods();
    await scene.evict(pod?.metadata.name ?? '');
    cutsLeft = 0;
    await cuts;
    await scene.settled(3);
    expect(cutting.cuts).toBeGreaterThan(5);
    expect(scene.fewestReady).toBeGreaterThanOrEqual(2);
    expect(await scene.complaints()).toEqual([]);
  } finally {
    await cutting.close();
  }
}, 120_000);

test('an API server that answers writes after 300 ms: slower, and nothing else', async () => {
  await harness.launch();
  const scene = await gated(3);
  harness.proxy.delayMs = 300;
  try {
    await scene.newTemplate();
    await scene.settled(3);
  } finally {
    harness.proxy.delayMs = 0;
  }
  expect(scene.ended.size).toBe(3);
  expect(scene.fewestReady).toBe(3);
}, 120_000);

test('an API server that takes longer than the webhook may: pods end as in plain Kubernetes, and nothing is stuck', async () => {
  await harness.launch();
  const scene = await gated(3);
  harness.proxy.delayMs = 2_500;
  try {
    await scene.newTemplate();
    await scene.settled(3);
  } finally {
    harness.proxy.delayMs = 0;
  }
  // The ReplicaSets are not waiting for anything either.
  await scene.scale(4);
  await scene.settled(4);
  expect(scene.fewestReady).toBeGreaterThanOrEqual(2);
}, 120_000);

test('the leader dies while pods drain: the other takes over and brings them to their end', async () => {
  const [webhook, health] = (await freePorts(2)) as [number, number];
  // The webhooks are served by the one that survives.
  const leader = harness.api.launchOperator({ ...harness.options(['--leader-elect']), beside: { webhook, health } });
  others.push(leader);
  await leader.untilReady();
  const { client, signal } = harness.api;
  const holder = async (): Promise<string | undefined> => {
    const lease = await client.find(leases, { namespace: operatorNamespace, name: 'graceful-rollout' }, { signal });
    return lease?.spec?.holderIdentity;
  };
  const first = await until('the first leads', holder);
  await harness.launch(harness.options(['--leader-elect']));
  const scene = await gated(1);
  // A replica that has just begun admits everything until it has seen the leader renew its Lease.
  await sleep(6_000);
  const [pod] = await scene.listPods();
  const evicted = scene.evict(pod?.metadata.name ?? '');
  await until('it is handed over', async () => (kinds().includes('HandOver') ? true : undefined));
  await leader.kill();
  await evicted;
  await scene.settled(1);
  expect(await holder()).not.toBe(first);
  expect(scene.ended.size).toBe(1);
  expect(scene.fewestReady).toBe(1);
  expect(await scene.drainsInStatus()).toBe(0);
}, 120_000);

test('the operator dies between the intent and the hand-over and never comes back: plain Kubernetes goes on', async () => {
  await harness.launch();
  const scene = await gated(3);
  // The answer has reached the ReplicaSet controller: it takes the pod for gone.
  const trap = harness.proxy.set({ namespace, kind: 'Isolate', nth: 1, moment: 'before' });
  await scene.scale(2);
  await until('the intent is written and the operator about to act', async () => (trap.held ? true : undefined));
  await sleep(500);
  await harness.kill();
  await sleep(3_000);
  // Written down: nothing asks again by itself, three pods serve where two are wanted.
  expect(scene.ended.size).toBe(0);
  expect((await scene.deployment()).status?.replicas).toBe(3);
  // Any event of one of its pods (or of the ReplicaSet) makes the ReplicaSet controller count again.
  const [pod] = await scene.listPods();
  const body = { metadata: { labels: { touched: 'yes' } } };
  await harness.api.client.patch(
    pods,
    { namespace, name: pod?.metadata.name ?? '' },
    { type: 'merge', body },
    { signal: harness.api.signal },
  );
  await until('one pod ends', async () => ((await scene.listPods()).length === 2 ? true : undefined));
  expect(scene.ended.size).toBe(1);
  // What stays behind is an annotation, on a pod that serves: it ends as any other, and who leads next takes it off.
  await harness.launch();
  await scene.settled(2);
  expect((await scene.listPods()).every(({ metadata }) => metadata.annotations?.[DRAIN_ANNOTATION] === undefined)).toBe(
    true,
  );
  expect(await scene.complaints()).toEqual([]);
}, 120_000);

test("the operator dies after the hand-over and before it has answered the ReplicaSet's DELETE: the ReplicaSet is not stuck", async () => {
  await harness.launch();
  const scene = await gated(3);
  const trap = harness.proxy.set({ namespace, kind: 'Intent', nth: 1, moment: 'after' });
  await scene.scale(2);
  await until('the intent is written, unheard', async () => (trap.held ? true : undefined));
  await until('the leader acts on it', async () => (kinds().includes('Isolate') ? true : undefined));
  await sleep(200);
  await harness.kill();
  await harness.launch();
  await scene.settled(2);
  expect(scene.ended.size).toBe(1);
  expect(kinds()).toContain('ReturnOwner');
  // Its controller waits for news of that pod under its own name, for 5 minutes.
  await scene.scale(3);
  await scene.settled(3, 20_000);
}, 120_000);

test('the operator dies after the isolation and never comes back: the workload goes on, the isolated pod is left for its Deployment', async () => {
  await harness.launch();
  const scene = await gated(3);
  const trap = harness.proxy.set({ namespace, kind: 'LetGo', nth: 1, moment: 'before' });
  await scene.scale(2);
  await until('it is about to let go', async () => (trap.held ? true : undefined));
  await harness.kill();
  await scene.newTemplate();
  await until('the rollout is done', async () => {
    const { metadata, status } = await scene.deployment();
    // Else the status may be the one from before the new template.
    if (status?.observedGeneration !== metadata.generation) return undefined;
    return status?.updatedReplicas === 2 && status.readyReplicas === 2 && status.replicas === 2 ? true : undefined;
  });
  // A pod that the old ReplicaSet named and that the operator had not called off yet ends like any other of its pods.
  const left = (await scene.listPods()).filter(
    ({ metadata }) =>
      metadata.annotations?.[DRAIN_ANNOTATION] !== undefined && metadata.deletionTimestamp === undefined,
  );
  expect(left).toHaveLength(1);
  expect(left[0]?.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'web' }]);
  await scene.kubectl(['delete', 'deployment', 'web']);
  await until('it is collected', async () => ((await scene.listPods()).length === 0 ? true : undefined));
}, 120_000);
