import { Counter, Registry } from 'prom-client';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import type { OwnerFacts } from '../gate/admit.ts';
import { encodeState, readState } from '../gate/drainState.ts';
import type { DrainState, PodView } from '../gate/types.ts';
import { ApiError, type ChangeHandler, type Pod } from '../kube/index.ts';
import { ManualClock, silentLogger } from '../runtime/index.ts';
import type { AdmissionRequest } from './admissionReview.ts';
import { type GateView, type GateWebhookOptions, gateWebhooks } from './gate.ts';
import { PodWaits } from './gatePodWaits.ts';
import { judgedPodOf } from './gateRequest.ts';

export const replicaSetController = 'system:serviceaccount:kube-system:replicaset-controller';
export const key = new Uint8Array(32).fill(7);
export const identity = { namespace: 'shop', name: 'web-1', uid: 'p1' };

const owner = (kind: string, name: string, uid: string) => ({
  apiVersion: 'apps/v1',
  kind,
  name,
  uid,
  controller: true,
});

/** A pod as it is stored. */
export function storedPod(version = 1): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...identity,
      resourceVersion: String(version),
      labels: { app: 'web' },
      ownerReferences: [owner('ReplicaSet', 'web-a', 'rs')],
    },
    spec: { containers: [{ name: 'app' }], terminationGracePeriodSeconds: 35 },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

export function viewOf(pod: Pod): PodView {
  const judged = judgedPodOf(pod);
  if (judged === undefined) throw new Error('not a pod');
  return { ...judged, ips: [], preStopSeconds: 0 };
}

export interface FakeOptions {
  readonly owners?: Partial<OwnerFacts>;
  readonly synced?: boolean;
  readonly leaderAlive?: boolean;
  readonly listedReady?: boolean;
  readonly key?: Uint8Array | undefined;
  /** What the API server does to a patch before it looks at it. */
  readonly onPatch?: (cluster: FakeCluster) => void | Promise<void>;
  /** The same of a read. */
  readonly onFind?: () => void;
  readonly cached?: boolean;
}

/** One pod on a fake API server, and the cache that follows it (at once, or when told to). */
export class FakeCluster {
  readonly clock = new ManualClock(Date.parse('2026-03-01T12:00:00Z'));
  pod: Pod | undefined = storedPod();
  cached: PodView | undefined;
  /** While true the cache shows nothing new. */
  lagging = false;
  readonly patches: unknown[] = [];
  finds = 0;
  leaderAlive: boolean;
  readonly #handlers = new Set<ChangeHandler<PodView>>();
  readonly #answers = new Counter({
    name: 'a',
    help: 'a',
    labelNames: ['webhook', 'answer'] as const,
    registers: [new Registry()],
  });
  readonly handlers: ReturnType<typeof gateWebhooks>;

  constructor(options: FakeOptions = {}) {
    this.leaderAlive = options.leaderAlive ?? true;
    if (options.cached !== false && this.pod !== undefined) this.cached = viewOf(this.pod);
    const named = (namespace: string | undefined, name: string) =>
      namespace === 'shop' && name === 'web-1' ? this.cached : undefined;
    const waits = new PodWaits({
      store: {
        get: named,
        list: () => (this.cached === undefined ? [] : [this.cached]),
        byIndex: () => [],
        size: 1,
      },
      onChange: (handler) => {
        this.#handlers.add(handler);
        return () => this.#handlers.delete(handler);
      },
    });
    const view: GateView = {
      synced: () => options.synced ?? true,
      key: () => ('key' in options ? options.key : key),
      leaderAlive: () => this.leaderAlive,
      podNamed: named,
      ownersOf: () => ({
        deployment: { name: 'web', uid: 'd', replicas: 3, recreate: false, deleting: false },
        replicaSet: { name: 'web-a', uid: 'rs', replicas: 2, owned: 3 },
        settings: { mode: 'Gate', timeoutSeconds: 60 },
        ...options.owners,
      }),
      listedReady: (uid) => uid === identity.uid && options.listedReady === true,
      waitForPod: (pod, isOver, signal) => waits.waitForPod(pod, isOver, signal),
    };
    const client: GateWebhookOptions['client'] = {
      find: async (_resource, _ref, { signal }) => {
        this.finds += 1;
        options.onFind?.();
        signal.throwIfAborted();
        return this.pod;
      },
      patch: async (_resource, _ref, patch: { type: 'merge'; body: Patch }, { signal }) => {
        this.patches.push(patch.body);
        await options.onPatch?.(this);
        signal.throwIfAborted();
        return this.#patch(patch.body);
      },
    };
    this.handlers = gateWebhooks({
      client,
      view,
      ownUser: 'system:serviceaccount:ours:ours',
      clock: this.clock,
      answers: this.#answers,
      log: silentLogger,
    });
  }

  #patch({ metadata }: Patch): Pod {
    const { pod } = this;
    if (pod === undefined) throw refused(404, 'NotFound');
    if (metadata.uid !== pod.metadata.uid || metadata.resourceVersion !== pod.metadata.resourceVersion) {
      throw refused(409, 'Conflict');
    }
    return this.write({ annotations: { ...pod.metadata.annotations, ...metadata.annotations } });
  }

  /** Somebody writes the pod. */
  write(metadata: Partial<Pod['metadata']>, more: Partial<Pod> = {}): Pod {
    const { pod } = this;
    if (pod === undefined) throw new Error('the pod is gone');
    const version = String(Number(pod.metadata.resourceVersion) + 1);
    this.pod = { ...pod, ...more, metadata: { ...pod.metadata, ...metadata, resourceVersion: version } };
    if (!this.lagging) this.show();
    return this.pod;
  }

  /** The leader (or anybody with the key) writes a state. */
  setState(state: DrainState): void {
    this.write({ annotations: { [DRAIN_ANNOTATION]: encodeState(state, identity, key) } });
  }

  removeState(): void {
    this.write({ annotations: {} });
  }

  remove(): void {
    this.pod = undefined;
    this.show();
  }

  /** The cache catches up. */
  show(): void {
    const old = this.cached;
    this.cached = this.pod === undefined ? undefined : viewOf(this.pod);
    const change = { ...(old && { old }), ...(this.cached && { new: this.cached }) };
    for (const handler of this.#handlers) handler('shop/web-1', change);
  }

  get state(): DrainState | undefined {
    const read = this.pod && readState(this.pod, key);
    return read?.kind === 'State' ? read.state : undefined;
  }

  async answers(): Promise<string[]> {
    const { values } = await this.#answers.get();
    return values.flatMap(({ labels, value }) => Array.from({ length: value }, () => String(labels.answer)));
  }

  deletion(more: Partial<AdmissionRequest> = {}): AdmissionRequest {
    return {
      uid: 'r1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: 'web-1',
      namespace: 'shop',
      operation: 'DELETE',
      userInfo: { username: 'alice' },
      object: null,
      oldObject: this.pod === undefined ? null : { ...this.pod },
      dryRun: false,
      options: { gracePeriodSeconds: 35 },
      ...more,
    };
  }

  eviction(more: Partial<AdmissionRequest> = {}): AdmissionRequest {
    return this.deletion({
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      subResource: 'eviction',
      operation: 'CREATE',
      object: { metadata: { name: 'web-1', namespace: 'shop' } },
      oldObject: null,
      options: null,
      ...more,
    });
  }
}

interface Patch {
  readonly metadata: Required<Pick<Pod['metadata'], 'uid' | 'resourceVersion' | 'annotations'>>;
}

/** An answer of the API server. */
export function refused(code: number, reason: string): ApiError {
  return new ApiError({ method: 'PATCH', path: '/' }, code, { code, reason, message: 'no' });
}
