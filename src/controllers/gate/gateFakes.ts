import { type Claim, claimOf } from '../../api/claim.ts';
import { API_VERSION, DRAIN_ANNOTATION, type GracefulRolloutSpecInput, KIND } from '../../api/index.ts';
import type { Deployment, KubeObject, OwnerReference, Service } from '../../api/kubernetes.ts';
import { encodeState, readState } from '../../gate/drainState.ts';
import type { BudgetView, DrainState, Evidence, PodView, ProxyAnswer } from '../../gate/types.ts';
import { podViewOf } from '../../gate/views.ts';
import {
  ApiError,
  type ChangeHandler,
  type Client,
  type EndpointSlice,
  type Patch,
  type Pod,
  type Resource,
} from '../../kube/index.ts';
import { type Indexer, ObjectStore, type StoreChange } from '../../kube/store.ts';
import { ManualClock, OperatorMetrics, silentLogger } from '../../runtime/index.ts';
import { GateActions } from './act.ts';
import {
  byController,
  byNamespace,
  byPeerLabel,
  byPodUid,
  byTarget,
  controllerUid,
  type GateCaches,
} from './caches.ts';
import { EvidenceLog } from './evidenceLog.ts';
import { cachesOf, type GateInformers, gateController } from './index.ts';
import { GateMemory } from './memory.ts';
import { GateReporter } from './reporter.ts';
import { peerLabelsOf } from './selectedOn.ts';
import { Terminations } from './terminations.ts';

export const KEY = new Uint8Array(32).fill(5);
export const START = '2026-01-01T12:00:00.000Z';

const controlledBy = (kind: string, name: string, uid: string): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind,
  name,
  uid,
  controller: true,
  blockOwnerDeletion: true,
});
export const rsOwner = controlledBy('ReplicaSet', 'web-1', 'rs');
export const deploymentOwner = controlledBy('Deployment', 'web', 'deployment');

/** What an API server refuses with. */
export function refusal(code: number, reason: string, message = reason, cause?: string): ApiError {
  const details = cause === undefined ? {} : { details: { causes: [{ message: cause }] } };
  return new ApiError({ method: 'POST', path: '/x' }, code, { code, reason, message, ...details });
}

/** A store that tells of its changes, as an informer's does. */
export class FakeInformer<T extends KubeObject> {
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
    const { namespace, name = '', uid = name, resourceVersion = `${this.#version}` } = object.metadata;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    this.#tell(this.store.upsert({ key, uid, resourceVersion, object }));
  }

  remove(key: string, uid: string): void {
    this.#tell(this.store.remove(key, uid));
  }

  #tell(changes: readonly StoreChange<T>[]): void {
    for (const { key, ...change } of changes) for (const handler of this.#handlers) handler(key, change);
  }
}

const ofNamespace = ({ metadata }: KubeObject): readonly string[] => [metadata.namespace ?? ''];

function fakeInformers() {
  return {
    claims: new FakeInformer<Claim>({
      [byTarget]: ({ metadata, targetName }) => [`${metadata.namespace}/${targetName}`],
    }),
    deployments: new FakeInformer<Deployment>(),
    services: new FakeInformer<Service>({ [byNamespace]: ofNamespace }),
    pods: new FakeInformer<PodView>({ [byNamespace]: ofNamespace, [byController]: controllerUid }),
    replicaSets: new FakeInformer<ReturnType<GateInformers['replicaSets']['store']['list']>[number]>({
      [byController]: controllerUid,
    }),
    slices: new FakeInformer<ReturnType<GateInformers['slices']['store']['list']>[number]>({
      [byNamespace]: ofNamespace,
      [byPodUid]: ({ endpoints }) => endpoints.flatMap(({ uid }) => uid ?? []),
    }),
    budgets: new FakeInformer<BudgetView>({ [byNamespace]: ofNamespace }),
    nodes: new FakeInformer<ReturnType<GateInformers['nodes']['store']['list']>[number]>(),
    policies: new FakeInformer<ReturnType<GateInformers['policies']['store']['list']>[number]>({
      [byNamespace]: ofNamespace,
      [byPeerLabel]: peerLabelsOf,
    }),
    ingresses: new FakeInformer<ReturnType<GateInformers['ingresses']['store']['list']>[number]>({
      [byNamespace]: ofNamespace,
    }),
  } satisfies GateInformers;
}

/** One call that the leader made. */
export interface Call {
  readonly verb: 'patch' | 'delete' | 'create' | 'list';
  readonly resource: string;
  readonly name: string;
  readonly body?: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

interface PodPatchBody {
  readonly metadata: {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string | null>>;
    readonly annotations?: Readonly<Record<string, string | null>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
}

/** Deployment `web` with ReplicaSet `web-1` and Ready pods in Service `web`, on an API server and in the leader's caches. */
export class FakeGate {
  readonly clock = new ManualClock(Date.parse(START));
  readonly informers = fakeInformers();
  readonly caches: GateCaches = cachesOf(this.informers);
  readonly memory = new GateMemory();
  readonly evidence = new EvidenceLog();
  readonly ended: Evidence[] = [];
  readonly events: { readonly reason: string; readonly note: string }[] = [];
  readonly news: string[] = [];
  readonly calls: Call[] = [];
  /** While false the cache does not hear of writes. */
  watching = true;
  /** The answer of the next dry-run evictions. */
  evictionAnswer: ApiError | undefined;
  /** Calls are answered when this is. */
  held: Promise<void> = Promise.resolve();
  /** Every call takes so long. */
  latencyMs = 0;
  /** Errors of the next calls, by verb. */
  readonly failures: { readonly verb: Call['verb']; readonly error: Error }[] = [];
  /** What barriers wait for. */
  barrier = Promise.withResolvers<ProxyAnswer>();
  barriers = 0;
  readonly pods = new Map<string, Pod>();
  readonly slice: { items: EndpointSlice[] } = { items: [] };
  readonly actions: GateActions;
  readonly terminations: Terminations;
  readonly reporter: GateReporter;
  readonly beside = new AbortController();
  #version = 100;

  constructor(options: { readonly pods?: readonly string[]; readonly replicas?: number; readonly claim?: Spec } = {}) {
    const names = options.pods ?? ['a', 'b', 'c'];
    const replicas = options.replicas ?? names.length;
    this.informers.claims.set(claim(options.claim));
    this.informers.deployments.set({
      metadata: { namespace: 'shop', name: 'web', uid: 'deployment' },
      spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
    });
    this.scale(replicas);
    this.informers.services.set({
      metadata: { namespace: 'shop', name: 'web' },
      spec: { selector: { app: 'web' }, clusterIP: '10.0.0.1' },
    });
    this.informers.nodes.set({ metadata: { name: 'n1' }, unschedulable: false, ready: true, addresses: [] });
    for (const name of names) this.put(storedPod(name));
    this.list(names);
    this.reporter = new GateReporter({
      events: { record: ({ reason, note }) => void this.events.push({ reason, note }) },
      evidence: this.evidence,
      metrics: { ended: (evidence) => void this.ended.push(evidence) },
      onNews: ({ metadata }) => void this.news.push(metadata.name ?? ''),
    });
    const { caches, memory, reporter, clock } = this;
    const confirm = () => {
      this.barriers += 1;
      return this.barrier.promise;
    };
    const shared = { caches, memory, reporter, clock, barrier: { confirm }, signal: this.beside.signal };
    this.actions = new GateActions({ ...shared, client: this.client() });
    this.terminations = new Terminations({ ...shared, log: silentLogger });
  }

  /** The controller over all of it; runs until the test ends. */
  controller(key: () => Uint8Array | undefined = () => KEY) {
    return gateController({
      informers: this.informers,
      memory: this.memory,
      actions: this.actions,
      terminations: this.terminations,
      podMonitors: { selectorsIn: () => [] },
      routes: { routeTo: () => undefined },
      key,
      clock: this.clock,
      log: silentLogger,
      metrics: new OperatorMetrics(),
    });
  }

  lead(key?: () => Uint8Array | undefined): void {
    const never = new AbortController().signal;
    void this.controller(key).run(never, never);
  }

  scale(replicas: number): void {
    const metadata = { namespace: 'shop', name: 'web-1', uid: 'rs', ownerReferences: [deploymentOwner] };
    this.informers.replicaSets.set({ metadata, replicas });
  }

  /** Which pods the slice of the Service lists. */
  list(names: readonly string[], notReady: readonly string[] = []): void {
    const metadata = { namespace: 'shop', name: 'web-x', labels: { 'kubernetes.io/service-name': 'web' } };
    const endpoints = names.map((name) => {
      const ready = !notReady.includes(name);
      return { uid: name, addresses: [`10.0.0.${name}`], ready, serving: ready, terminating: false };
    });
    this.slice.items = [
      {
        metadata,
        addressType: 'IPv4',
        endpoints: names.map((name) => ({ addresses: [], targetRef: { kind: 'Pod', uid: name } })),
      },
    ];
    this.informers.slices.set({ metadata: { namespace: 'shop', name: 'web-x' }, service: 'web', endpoints });
  }

  /** Somebody writes the pod. */
  put(pod: Pod): Pod {
    this.#version += 1;
    const stored = { ...pod, metadata: { ...pod.metadata, resourceVersion: String(this.#version) } };
    this.pods.set(pod.metadata.name ?? '', stored);
    if (this.watching) this.show(pod.metadata.name ?? '');
    return stored;
  }

  /** The cache catches up. */
  show(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined) this.informers.pods.remove(`shop/${name}`, name);
    else this.informers.pods.set(podViewOf(pod));
  }

  remove(name: string): void {
    this.pods.delete(name);
    this.show(name);
  }

  stored(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  view(name: string): PodView {
    return podViewOf(this.stored(name));
  }

  /** The webhook writes an intent, or whatever else the state is. */
  ask(name: string, state: Partial<DrainState> = {}): void {
    const asked: DrainState = { path: 'ScaleDown', by: 'somebody', askedAt: this.now(), ...state };
    const { metadata } = this.stored(name);
    const annotations = { [DRAIN_ANNOTATION]: encodeState(asked, { namespace: 'shop', name, uid: name }, KEY) };
    this.put({ ...this.stored(name), metadata: { ...metadata, annotations } });
  }

  /** It gets a deletionTimestamp. */
  terminate(name: string): void {
    const { metadata, ...pod } = this.stored(name);
    const deletionTimestamp = new Date(this.clock.nowMs() + 30_000).toISOString();
    this.put({ ...pod, metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds: 30 } });
  }

  state(name: string): DrainState | undefined {
    const read = readState(this.stored(name), KEY);
    return read.kind === 'State' ? read.state : undefined;
  }

  now(): string {
    return new Date(this.clock.nowMs()).toISOString();
  }

  verbs(): string[] {
    return this.calls.map(({ verb, name }) => `${verb} ${name}`);
  }

  answer(evidence: ProxyAnswer['evidence'] = 'Barrier'): void {
    this.barrier.resolve({ evidence, atMs: this.clock.nowMs(), confirmed: 2, silent: [] });
    this.barrier = Promise.withResolvers();
  }

  /** The fake knows pods, evictions and slices. */
  client(): Client {
    const call = async (verb: Call['verb'], resource: Resource, name: string, options: object, body?: unknown) => {
      this.calls.push({ verb, resource: resource.plural, name, options: { ...options }, ...(body ? { body } : {}) });
      const index = this.failures.findIndex((failure) => failure.verb === verb);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      await this.held;
      if (this.latencyMs > 0) await this.clock.sleep(this.latencyMs, this.beside.signal);
      if (index !== -1) throw this.failures.splice(index, 1)[0]?.error ?? new Error('none');
    };
    const client = {
      patch: async (resource: Resource, { name }: { name: string }, { body }: Patch, options: object) => {
        await call('patch', resource, name, options, body);
        return this.#merge(name, body as PodPatchBody);
      },
      delete: async (resource: Resource, { name }: { name: string }, options: object) => {
        await call('delete', resource, name, options);
        if (!this.pods.has(name)) throw refusal(404, 'NotFound');
        this.terminate(name);
      },
      create: async (resource: Resource, object: KubeObject, options: object) => {
        await call('create', resource, object.metadata.name ?? '', options, object);
        if (this.evictionAnswer !== undefined) throw this.evictionAnswer;
        return object;
      },
      list: async (resource: Resource, options: object) => {
        await call('list', resource, '', options);
        return { items: this.slice.items, resourceVersion: String(this.#version) };
      },
    };
    return client as unknown as Client;
  }

  #merge(name: string, { metadata: wanted }: PodPatchBody): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw refusal(404, 'NotFound');
    const { metadata } = pod;
    if (
      wanted.uid !== metadata.uid ||
      (wanted.resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion
    ) {
      throw refusal(409, 'Conflict');
    }
    return this.put({
      ...pod,
      metadata: {
        ...metadata,
        labels: merged(metadata.labels, wanted.labels),
        annotations: merged(metadata.annotations, wanted.annotations),
        ...(wanted.ownerReferences === undefined ? {} : { ownerReferences: wanted.ownerReferences }),
      },
    });
  }
}

/** A JSON merge patch of one map of strings. */
function merged(
  old: Readonly<Record<string, string>> = {},
  patch: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ ...old, ...patch }).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

type Spec = Omit<GracefulRolloutSpecInput, 'targetRef'>;

/** A GracefulRollout `gr` for Deployment `web`. */
export function claim(spec: Spec = {}): Claim {
  const object = { apiVersion: API_VERSION, kind: KIND, spec: { targetRef: { name: 'web' }, ...spec } };
  return claimOf({ ...object, metadata: { namespace: 'shop', name: 'gr', uid: 'gr', creationTimestamp: START } });
}

/** A Ready pod of ReplicaSet `web-1`; its uid is its name. */
export function storedPod(name: string): Pod {
  return {
    metadata: {
      namespace: 'shop',
      name,
      uid: name,
      labels: { app: 'web' },
      creationTimestamp: START,
      ownerReferences: [rsOwner],
    },
    spec: { containers: [{ name: 'app', lifecycle: { preStop: { sleep: { seconds: 5 } } } }], nodeName: 'n1' },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.9.9.9' }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: START }],
    },
  };
}
