import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import { encodeState, readState } from '../gate/drainState.ts';
import type { DrainState, PodView } from '../gate/types.ts';
import {
  type Client,
  createClient,
  createInformer,
  loadKubeConfig,
  namespaces,
  type Pod,
  podEviction,
  pods,
  validatingWebhookConfigurations,
  type WebhookConfiguration,
} from '../kube/index.ts';
import { silentLogger, systemClock } from '../runtime/index.ts';
import type { AdmissionRequest } from './admissionReview.ts';
import { gateWebhooks } from './gate.ts';
import { PodWaits } from './gatePodWaits.ts';
import { key, replicaSetController, storedPod, viewOf } from './gateUnderTest.ts';
import { type AdmissionHandler, createWebhookServer } from './server.ts';
import { authority, certificateSource, leaf } from './serverUnderTest.ts';

const { signal } = new AbortController();
const namespace = `gate-${process.pid}`;
const configurationName = namespace;
const ownUser = 'system:serviceaccount:graceful-rollout:operator';
const stop = new AbortController();
const clients: Client[] = [];
const running: Promise<unknown>[] = [];
let admin: Client;
let alice: Client;
let controller: Client;
let own: Client;
/** What the API server asked, in order. */
let asked: AdmissionRequest[] = [];

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  const clientOf = (user?: string): Client => {
    const impersonate = user === undefined ? {} : { impersonate: { user, groups: ['system:masters'] } };
    const client = createClient({ connection, userAgent: 'gate-test', fieldManager: 'gate-test', ...impersonate });
    clients.push(client);
    return client;
  };
  [admin, alice, controller, own] = [clientOf(), clientOf('alice'), clientOf(replicaSetController), clientOf(ownUser)];
  await admin.create(namespaces, { metadata: { name: namespace } }, { signal });

  const informer = createInformer<Pod, PodView>({ client: own, resource: pods, namespace, project: viewOf });
  running.push(informer.run(stop.signal));
  await informer.waitForSync(signal);
  const waits = new PodWaits(informer);
  const { gateReplicaSets, gateDeletes, gateEvictions } = gateWebhooks({
    client: own,
    view: {
      synced: () => true,
      key: () => key,
      leaderAlive: () => true,
      podNamed: (ns, name) => informer.store.get(ns, name),
      ownersOf: () => ({
        deployment: { name: 'web', uid: 'd', replicas: 3, recreate: false, deleting: false },
        replicaSet: { name: 'web-a', uid: 'rs', replicas: 2, owned: 3 },
        settings: { mode: 'Gate', timeoutSeconds: 60 },
      }),
      listedReady: () => false,
      waitForPod: (pod, isOver, ended) => waits.waitForPod(pod, isOver, ended),
    },
    ownUser,
    clock: systemClock,
    answers: new Counter({ name: 'a', help: 'a', labelNames: ['webhook', 'answer'], registers: [new Registry()] }),
    log: silentLogger,
  });
  const recorded =
    (handler: AdmissionHandler): AdmissionHandler =>
    (request, context) => {
      asked.push(request);
      return handler(request, context);
    };
  const server = createWebhookServer({
    port: 0,
    host: '127.0.0.1',
    handlers: {
      '/gate-replicasets': recorded(gateReplicaSets),
      '/gate-deletes': recorded(gateDeletes),
      '/gate-evictions': recorded(gateEvictions),
    },
    tls: certificateSource(leaf),
    log: silentLogger,
    registry: new Registry(),
    drainSeconds: 0,
  });
  running.push(server.run(stop.signal));
  await until(() => server.port() !== undefined);
  const webhook = (
    name: string,
    condition: string,
    resources: string[],
    operation: string,
    timeoutSeconds: number,
  ) => ({
    name: `${name}.gate.graceful-rollout.io`,
    clientConfig: {
      url: `https://127.0.0.1:${server.port()}/gate-${name}`,
      caBundle: Buffer.from(authority.cert).toString('base64'),
    },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources, operations: [operation] }],
    matchConditions: [{ name: 'user', expression: condition }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    failurePolicy: 'Ignore' as const,
    sideEffects: 'NoneOnDryRun',
    admissionReviewVersions: ['v1'],
    timeoutSeconds,
  });
  const byController = `request.userInfo.username == '${replicaSetController}'`;
  await admin.create<WebhookConfiguration>(
    validatingWebhookConfigurations,
    {
      metadata: { name: configurationName },
      webhooks: [
        webhook('replicasets', byController, ['pods'], 'DELETE', 2),
        webhook('deletes', `!(${byController})`, ['pods'], 'DELETE', 30),
        webhook('evictions', 'true', ['pods/eviction'], 'CREATE', 2),
      ],
    },
    { signal },
  );
  // The API server reads its webhook configurations by a watch.
  await serve('probe');
  await until(async () => {
    await alice.delete(pods, { namespace, name: 'probe' }, { signal, dryRun: true });
    return asked.length > 0;
  });
});

afterAll(async () => {
  await admin.delete(validatingWebhookConfigurations, { name: configurationName }, { signal });
  await admin.delete(namespaces, { name: namespace }, { signal });
  stop.abort();
  await Promise.all(running);
  for (const client of clients) await client.close();
});

beforeEach(() => {
  asked = [];
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await condition()); waitedMs += 20) {
    if (waitedMs > 10_000) throw new Error('waited 10 s in vain');
    await systemClock.sleep(20, signal);
  }
}

/** A Running and Ready pod on a node that is not there, so that its deletion is graceful and nobody ends it. */
async function serve(name: string): Promise<Pod> {
  const { metadata, status } = storedPod();
  const pod = await admin.create<Pod>(
    pods,
    {
      metadata: { namespace, name, labels: metadata.labels ?? {}, ownerReferences: metadata.ownerReferences ?? [] },
      spec: { nodeName: 'nowhere', containers: [{ name: 'app', image: 'app' }], terminationGracePeriodSeconds: 35 },
    },
    { signal },
  );
  const body = { status };
  await admin.patch(pods, { namespace, name }, { type: 'merge', body }, { signal, subresource: 'status' });
  return pod;
}

const read = (name: string): Promise<Pod | undefined> => admin.find(pods, { namespace, name }, { signal });

async function stateOf(name: string): Promise<DrainState | undefined> {
  const pod = await read(name);
  const state = pod && readState(pod, key);
  return state?.kind === 'State' ? state.state : undefined;
}

/** What the leader does. */
async function lead(name: string, more: Partial<DrainState>): Promise<void> {
  const pod = await read(name);
  const state = await stateOf(name);
  const { uid = '' } = pod?.metadata ?? {};
  if (state === undefined) throw new Error('no state');
  const annotations = { [DRAIN_ANNOTATION]: encodeState({ ...state, ...more }, { namespace, name, uid }, key) };
  await own.patch(pods, { namespace, name }, { type: 'merge', body: { metadata: { annotations } } }, { signal });
}

function kubectl(...args: string[]) {
  const child = spawn(inject('kubectl'), ['-n', namespace, ...args], {
    env: { ...process.env, KUBECONFIG: inject('kubeconfig') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code, output }));
  return { child, ended };
}

const now = (): string => new Date().toISOString();

it('tells the ReplicaSet controller that the pod is gone, and keeps it', async () => {
  await serve('scaled');
  const ref = { namespace, name: 'scaled' };
  await expect(controller.delete(pods, ref, { signal })).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  expect(await stateOf('scaled')).toMatchObject({ path: 'ScaleDown', by: replicaSetController });
  expect((await read('scaled'))?.metadata.deletionTimestamp).toBeUndefined();
  // `judgeDeletion` leans on this: the webhook sees the pod's own grace period where the client named none.
  // Twice: a refusal counts only for the newest version of the pod, and our own write has just made one.
  expect(asked.map(({ options }) => options?.['gracePeriodSeconds'])).toEqual([35, 35]);
  await own.delete(pods, ref, { signal });
  expect((await read('scaled'))?.metadata.deletionTimestamp).toBeDefined();
});

it('answers an eviction 429 with the reason', async () => {
  await serve('evicted');
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name: 'evicted' } };
  const evict = () => alice.create(podEviction, eviction, { signal, retry: false });
  await expect(evict()).rejects.toMatchObject({ code: 429, reason: 'TooManyRequests' });
  await lead('evicted', { handedOverAt: now(), reason: 'its replacement has no node' });
  await until(async () => {
    const refusal: unknown = await evict().catch((error: unknown) => error);
    return String(refusal).includes('pod evicted is being drained: its replacement has no node');
  });
  expect((await read('evicted'))?.metadata.deletionTimestamp).toBeUndefined();
});

it('holds a DELETE until the pod is drained; our own writes make the API server ask again', async () => {
  await serve('held');
  let done = false;
  const deletion = alice.delete(pods, { namespace, name: 'held' }, { signal }).finally(() => {
    done = true;
  });
  await until(async () => (await stateOf('held'))?.path === 'Delete');
  await lead('held', { handedOverAt: now(), isolatedAt: now() });
  await systemClock.sleep(500, signal);
  expect(done).toBe(false);
  expect((await read('held'))?.metadata.deletionTimestamp).toBeUndefined();
  const drainedAtMs = performance.now();
  await lead('held', { drainedAt: now() });
  await deletion;
  // It may be held for 25 s.
  expect(performance.now() - drainedAtMs).toBeLessThan(10_000);
  expect((await read('held'))?.metadata.deletionTimestamp).toBeDefined();
  // Once for the request, and again because the pod had changed since: the leader wrote to it twice.
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(asked.length).toBeLessThanOrEqual(3);
  expect(asked.every(({ name }) => name === 'held')).toBe(true);
});

it('lets a DELETE go with the operator’s own, without an error', async () => {
  await serve('joined');
  await expect(controller.delete(pods, { namespace, name: 'joined' }, { signal })).rejects.toThrow('drained');
  const deletion = kubectl('delete', 'pod', 'joined', '--wait=false');
  await until(async () => (await stateOf('joined'))?.until !== undefined);
  expect((await stateOf('joined'))?.path).toBe('ScaleDown');
  const uid = (await read('joined'))?.metadata.uid ?? '';
  await own.delete(pods, { namespace, name: 'joined' }, { signal, preconditions: { uid } });
  expect(await deletion.ended).toEqual({ code: 0, output: expect.stringContaining('deleted') });
});

it('gives the pod back when the person hangs up', async () => {
  await serve('kept');
  const { child, ended } = kubectl('delete', 'pod', 'kept');
  await until(async () => (await stateOf('kept'))?.path === 'Delete');
  child.kill('SIGINT');
  await ended;
  await until(async () => (await stateOf('kept'))?.abandonedAt !== undefined);
  await systemClock.sleep(1_000, signal);
  expect((await read('kept'))?.metadata.deletionTimestamp).toBeUndefined();
});

it('does not slow down a forced deletion, a dry run, a precondition on the version', async () => {
  const { metadata } = await serve('forced');
  const ref = { namespace, name: 'forced' };
  await alice.delete(pods, ref, { signal, dryRun: true });
  expect(await stateOf('forced')).toBeUndefined();
  const beganMs = performance.now();
  const { code, output } = await kubectl('delete', 'pod', 'forced', '--force', '--grace-period=0').ended;
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(await read('forced')).toBeUndefined();
  expect(performance.now() - beganMs).toBeLessThan(10_000);

  await serve('exact');
  const exact = await read('exact');
  const resourceVersion = exact?.metadata.resourceVersion ?? '';
  await alice.delete(pods, { namespace, name: 'exact' }, { signal, preconditions: { resourceVersion } });
  expect((await read('exact'))?.metadata.deletionTimestamp).toBeDefined();
  expect(metadata.name).toBe('forced');
});
