import { setTimeout as sleep } from 'node:timers/promises';
import { DRAIN_ANNOTATION, type GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import {
  ApiError,
  createInformer,
  deployments,
  type EndpointSlice,
  endpointSlices,
  events,
  gracefulRollouts,
  type Informer,
  type Pod,
  podEviction,
  pods,
  replicaSets,
  typed,
} from '../../src/kube/index.ts';
import { type GateHarness, pretendedNode } from './gateHarness.ts';
import { until } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject, waitForCondition } from './objects.ts';

/** What is in the namespace of a {@link Scene}. */
export interface SceneOptions {
  readonly namespace: string;
  readonly replicas?: number;
  /** minAvailable of a PodDisruptionBudget. */
  readonly minAvailable?: number;
  /** Of the GracefulRollout. */
  readonly spec?: object;
  readonly podSpec?: object;
  readonly deploymentSpec?: object;
  /** Instead of the one Service `web`. */
  readonly services?: readonly object[];
}

/** One namespace with a target `web`, watched from the outside: what its Services could send to, and which pods ended. */
export class Scene {
  readonly namespace: string;
  readonly #harness: GateHarness;
  #stop = new AbortController();
  #pods: Informer<Pod> | undefined;
  #slices: Informer<EndpointSlice> | undefined;
  #running: readonly Promise<void>[] = [];
  readonly #ended = new Set<string>();
  readonly #fewest = new Map<string, number>();
  readonly #watched = new Set<string>();
  #templates = 1;
  #asking: Promise<unknown> = Promise.resolve();

  private constructor(harness: GateHarness, { namespace }: SceneOptions) {
    this.#harness = harness;
    this.namespace = namespace;
  }

  /** Makes everything; resolves when it is Ready and enforced. Gated it is when `GateHarness.untilGated` says so. */
  static async make(harness: GateHarness, options: SceneOptions): Promise<Scene> {
    const scene = new Scene(harness, options);
    const { namespace, replicas = 3, minAvailable, podSpec = {}, deploymentSpec = {} } = options;
    const { api } = harness;
    const spec = { endpointCheck: { quietSeconds: 1 }, ...options.spec };
    await api.apply([
      namespaceObject(namespace),
      ...(options.services ?? [serviceObject(namespace)]),
      rolloutObject(namespace, spec),
      ...(minAvailable === undefined ? [] : [budgetObject(namespace, minAvailable)]),
    ]);
    await waitForCondition(api, namespace, 'TargetFound=False');
    const placed = { nodeName: pretendedNode, tolerations: [{ operator: 'Exists' }], ...podSpec };
    await api.apply([deploymentObject(namespace, 'web', placed, { replicas, ...deploymentSpec })]);
    await waitForCondition(api, namespace, 'ContractEnforced');
    await scene.settled(replicas);
    return scene;
  }

  /** From now on the ready endpoints of the Services are counted and the pods that end are noted. */
  async watch(): Promise<void> {
    this.#stop = new AbortController();
    this.#ended.clear();
    this.#fewest.clear();
    this.#watched.clear();
    const { signal } = this.#stop;
    const { client } = this.#harness.api;
    const { namespace } = this;
    const podInformer = createInformer<Pod>({ client, resource: pods, namespace });
    const sliceInformer = createInformer<EndpointSlice>({ client, resource: endpointSlices, namespace });
    this.#pods = podInformer;
    this.#slices = sliceInformer;
    podInformer.onChange((_key, { old, new: now }) => {
      const pod = now ?? old;
      const ends = now === undefined || now.metadata.deletionTimestamp !== undefined;
      if (pod !== undefined && ends) this.#ended.add(pod.metadata.name ?? '');
    });
    const count = (): void => {
      if (sliceInformer.hasSynced()) this.#count(sliceInformer.store.list());
    };
    sliceInformer.onChange(count);
    this.#running = [podInformer.run(signal), sliceInformer.run(signal)];
    await Promise.all([podInformer.waitForSync(signal), sliceInformer.waitForSync(signal)]);
    count();
  }

  #count(slices: readonly EndpointSlice[]): void {
    const ready = new Map<string, Set<string>>();
    for (const { metadata, endpoints = [] } of slices) {
      const service = metadata.labels?.['kubernetes.io/service-name'] ?? '';
      const uids = ready.get(service) ?? new Set();
      for (const { conditions, targetRef } of endpoints) if (conditions?.ready === true) uids.add(targetRef?.uid ?? '');
      ready.set(service, uids);
    }
    for (const [service, { size }] of ready) {
      if (size > 0) this.#watched.add(service);
      if (this.#watched.has(service)) this.#fewest.set(service, Math.min(size, this.#fewest.get(service) ?? size));
    }
  }

  /** The fewest ready endpoints that any Service had since {@link watch}. */
  get fewestReady(): number {
    return Math.min(...this.#fewest.values());
  }

  /** Pods that were deleted or terminating since {@link watch}. */
  get ended(): ReadonlySet<string> {
    return this.#ended;
  }

  pods(): readonly Pod[] {
    return this.#pods?.store.list() ?? [];
  }

  slices(): readonly EndpointSlice[] {
    return this.#slices?.store.list() ?? [];
  }

  async listPods(): Promise<readonly Pod[]> {
    const { client, signal } = this.#harness.api;
    return (await client.list(pods, { namespace: this.namespace, signal })).items;
  }

  async deployment(): Promise<Deployment> {
    const { client, signal } = this.#harness.api;
    return client.get(deployments, { namespace: this.namespace, name: 'web' }, { signal });
  }

  async rollout(): Promise<GracefulRollout> {
    const { client, signal } = this.#harness.api;
    return client.get(typed<GracefulRollout>(gracefulRollouts), { namespace: this.namespace, name: 'web' }, { signal });
  }

  async scale(replicas: number): Promise<void> {
    await this.#patchDeployment({ spec: { replicas } });
  }

  /** A new image: a rollout. */
  async newTemplate(): Promise<void> {
    this.#templates += 1;
    const containers = [{ name: 'app', image: `registry.invalid/app:${this.#templates}` }];
    await this.#patchDeployment({ spec: { template: { spec: { containers } } } });
  }

  async #patchDeployment(body: object): Promise<void> {
    const { client, signal } = this.#harness.api;
    await client.patch(
      deployments,
      { namespace: this.namespace, name: 'web' },
      { type: 'strategic', body },
      { signal },
    );
  }

  kubectl(args: readonly string[], options: { readonly allowFailure?: boolean } = {}) {
    return this.#harness.api.kubectl([...args, '-n', this.namespace], options);
  }

  /** Resolves when nothing is under way any more; rejects with what still is. */
  async settled(replicas: number, deadlineMs = 60_000): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      const missing = await this.unsettled(replicas);
      if (missing === undefined) return;
      if (performance.now() > endMs) {
        throw new Error(`${this.namespace} is not settled after ${deadlineMs / 1000} s: ${missing}`);
      }
      await sleep(100);
    }
  }

  /** What is still under way, or was left behind. */
  async unsettled(replicas: number): Promise<string | undefined> {
    const { client, signal } = this.#harness.api;
    const { namespace } = this;
    const { metadata, spec, status } = await this.deployment();
    if (status?.observedGeneration !== metadata.generation) return 'the Deployment was not looked at yet';
    const counts = [status?.replicas, status?.updatedReplicas, status?.readyReplicas, status?.availableReplicas];
    if (counts.some((count) => (count ?? 0) !== replicas)) return `the Deployment has ${JSON.stringify(status)}`;
    const [sets, all] = await Promise.all([
      client.list(replicaSets, { namespace, signal }),
      client.list(pods, { namespace, signal }),
    ]);
    const newest = sets.items.find((set) => (set.spec.replicas ?? 0) > 0);
    if (all.items.length !== replicas) return `there are ${all.items.length} pods`;
    for (const pod of all.items) {
      const { name, ownerReferences, annotations, labels, deletionTimestamp } = pod.metadata;
      if (deletionTimestamp !== undefined) return `pod ${name} is terminating`;
      if (ownerReferences?.[0]?.uid !== newest?.metadata.uid)
        return `pod ${name} is owned by ${JSON.stringify(ownerReferences)}`;
      if (annotations?.[DRAIN_ANNOTATION] !== undefined) return `pod ${name} carries ${annotations[DRAIN_ANNOTATION]}`;
      const wanted = Object.entries(spec.template.metadata?.labels ?? {});
      if (!wanted.every(([key, value]) => labels?.[key] === value))
        return `pod ${name} has the labels ${JSON.stringify(labels)}`;
    }
    return undefined;
  }

  /** Pods that the status still shows as being drained. */
  async drainsInStatus(): Promise<number> {
    return (await this.rollout()).status?.endpointCheck?.draining?.length ?? 0;
  }

  /** `kind reason: note` of the Warning events. */
  async warnings(): Promise<readonly string[]> {
    const { client, signal } = this.#harness.api;
    const { items } = await client.list(events, { namespace: this.namespace, signal });
    return items
      .filter(({ type }) => type === 'Warning')
      .map((event) => `${event.regarding?.kind} ${event.reason}: ${event.note}`);
  }

  /**
   * Those of {@link warnings} that blame the Deployment, its ReplicaSets or pods. Ours are about the GracefulRollout; those of
   * Services come with every change of many (EndpointSlices written from a cache that is behind, an address not yet allocated).
   */
  async complaints(): Promise<readonly string[]> {
    return (await this.warnings()).filter((line) => !/^(GracefulRollout|Service) /.test(line));
  }

  /** Evicts as `kubectl drain` does, but for asking every second; resolves when the eviction was granted, rejects on what drain fails on. */
  async evict(name: string, deadlineMs = 60_000): Promise<void> {
    const { client, signal } = this.#harness.api;
    const { namespace } = this;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      try {
        this.#asking = client.create(podEviction, eviction, { signal, retry: false });
        await this.#asking;
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 404) return;
        if (error.code !== 429) throw error;
        if (performance.now() > endMs)
          throw new Error(`pod ${name} was not evicted: ${error.message}`, { cause: error });
      }
      await sleep(1_000);
      // Without the operator an eviction is plain Kubernetes': a case of its own.
      await until('the operator serves', async () => (this.#harness.away ? undefined : true));
    }
  }

  /** Resolves when no eviction is being asked for. */
  async asked(): Promise<void> {
    await Promise.allSettled([this.#asking]);
  }

  /** Ends what {@link watch} began. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

function budgetObject(namespace: string, minAvailable: number): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace },
    spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
  };
}
