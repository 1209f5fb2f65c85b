import { expect } from 'vitest';
import { DRAIN_ANNOTATION } from '../../api/index.ts';
import { matchesServiceSelector } from '../../api/labelSelector.ts';
import { encodeState, readState } from '../drainState.ts';
import type { PodPatch } from '../handOver.ts';
import { controllerOf } from '../stepFacts.ts';
import type { DrainPath, DrainState, PodView } from '../types.ts';
import { isTerminating, type Refusing, type SimPod, type SimReplicaSet, startingPod } from './simPods.ts';

/** Of simulated time. */
export const TICK_MS = 500;
export const signingKey = new Uint8Array(32).fill(1);

/** Somebody who wants one pod gone, and for how long they say so. */
interface Asker {
  readonly uid: string;
  readonly path: 'Eviction' | 'Delete';
  readonly fromTick: number;
  readonly untilTick: number;
  readonly abandons: boolean;
}

export interface WorldOptions {
  readonly replicas: number;
  readonly selectors: readonly Readonly<Record<string, string>>[];
  /** Traffic policy of all Services. */
  readonly local: boolean;
  readonly minAvailable?: number;
  /** Ticks after which the disruption controller counts no more: the budget's status stays as it is. */
  readonly countsUntilTick: number;
  readonly seed: number;
  /** Ticks until a new pod is Ready. */
  readonly startTicks: number;
  /** Of ten new pods so many are never Ready. */
  readonly duds: number;
}

type Listed = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * A small cluster in memory: one Deployment, the ReplicaSet, EndpointSlice and disruption controllers, two service
 * proxies, a kubelet, the gate's webhook, and people. Each of them is late by chance, none of them is wrong.
 */
export class World {
  tick = 0;
  /** Added to the operator's clock. */
  jumpMs = 0;
  mode: 'Gate' | 'Off' = 'Gate';
  refusing: Refusing = 'Nothing';
  leaderDeadTicks = 0;
  readonly pods = new Map<string, SimPod>();
  readonly replicaSets: SimReplicaSet[] = [];
  readonly deployment = { replicas: 0 };
  services: readonly { readonly name: string; readonly selector: Readonly<Record<string, string>> }[] = [];
  /** Every state that the slices ever had; each proxy has one of them programmed. */
  readonly slices: Listed[] = [new Map()];
  readonly proxies = [{ version: 0 }, { version: 0 }];
  readonly budget: { readonly minAvailable: number; allowed: number; version: number } | undefined;
  readonly #options: WorldOptions;
  readonly #askers: Asker[] = [];
  readonly #read = new WeakMap<PodView, DrainState | undefined>();
  #random: number;
  #made = 0;
  #version = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = options.seed;
    this.reselect(options.selectors);
    const { minAvailable } = options;
    this.budget = minAvailable === undefined ? undefined : { minAvailable, allowed: 0, version: 0 };
    this.deployment.replicas = options.replicas;
    this.replicaSets.push({ uid: 'rs-1', replicas: options.replicas, dirty: false });
    for (let made = 0; made < options.replicas; made += 1) this.#make('rs-1', -1);
    for (const pod of this.pods.values()) this.#update(pod, { ready: true });
    this.#writeSlices();
    for (const proxy of this.proxies) proxy.version = this.slices.length - 1;
    this.#countBudget();
  }

  get nowMs(): number {
    return Date.UTC(2026, 0, 1) + this.tick * TICK_MS + this.jumpMs;
  }

  get monoMs(): number {
    return this.tick * TICK_MS;
  }

  /** Evenly in [0, 1), the same for the same seed (mulberry32). */
  chance(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  step(): void {
    this.tick += 1;
    for (const pod of this.pods.values()) {
      if (pod.goneAtTick !== undefined && pod.goneAtTick <= this.tick) this.#remove(pod);
      else if (!pod.view.ready && pod.readyAtTick <= this.tick && !isTerminating(pod.view)) {
        this.#update(pod, { ready: true });
      }
    }
    for (const asker of this.#askers) this.#ask(asker);
    this.#rollOn();
    for (const replicaSet of this.replicaSets) if (replicaSet.dirty && this.chance() < 0.8) this.#manage(replicaSet);
    if (this.chance() < 0.6) this.#writeSlices();
    for (const proxy of this.proxies) if (this.chance() < 0.4) proxy.version = this.slices.length - 1;
    if (this.chance() < 0.5) this.#countBudget();
  }

  scale(replicas: number): void {
    this.deployment.replicas = replicas;
    const newest = this.replicaSets.at(-1);
    if (newest !== undefined) Object.assign(newest, { replicas, dirty: true });
  }

  /** Services are made, deleted, and given other selectors; the slices follow. */
  reselect(selectors: WorldOptions['selectors']): void {
    this.services = selectors.map((selector, index) => ({ name: `service-${index}`, selector }));
  }

  /** A new template: its ReplicaSet first, the old ones go as its pods become Ready. */
  rollOut(): void {
    if (this.replicaSets.length > 3) return;
    const { replicas } = this.deployment;
    this.replicaSets.push({ uid: `rs-${this.replicaSets.length + 1}`, replicas, dirty: true });
  }

  askFor(path: 'Eviction' | 'Delete', index: number, seconds: number, abandons: boolean): void {
    const pods = [...this.pods.keys()];
    const uid = pods[index % Math.max(1, pods.length)];
    if (uid === undefined || this.#askers.some((asker) => asker.uid === uid)) return;
    const ticks = Math.ceil(((path === 'Delete' ? Math.min(seconds, 25) : seconds) * 1000) / TICK_MS);
    this.#askers.push({ uid, path, fromTick: this.tick, untilTick: this.tick + ticks, abandons });
  }

  /** What the API server does with a patch; false: a conflict. */
  patch({ metadata }: PodPatch): boolean {
    const pod = this.pods.get(metadata.uid ?? '');
    if (pod === undefined || pod.view.metadata.resourceVersion !== metadata.resourceVersion) return false;
    const merged = { ...pod.view.metadata };
    const text = metadata.annotations[DRAIN_ANNOTATION];
    this.#touch(pod);
    this.#update(pod, {
      metadata: {
        ...merged,
        annotations: text === null ? {} : { [DRAIN_ANNOTATION]: text },
        labels: Object.fromEntries(
          Object.entries(merged.labels ?? {}).filter(([key]) => !(key in (metadata.labels ?? {}))),
        ),
        ...(metadata.ownerReferences === undefined ? {} : { ownerReferences: metadata.ownerReferences }),
      },
    });
    this.#touch(pod);
    return true;
  }

  terminate(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined || isTerminating(pod.view)) return;
    pod.goneAtTick = this.tick + 4 + Math.floor(this.chance() * 20);
    const deletionTimestamp = new Date(this.nowMs + 30_000).toISOString();
    this.#update(pod, { metadata: { ...pod.view.metadata, deletionTimestamp } });
    this.#touch(pod);
  }

  /** All Services send within nodes only. */
  get isLocal(): boolean {
    return this.#options.local;
  }

  stateOf(view: PodView): DrainState | undefined {
    if (view.metadata.annotations?.[DRAIN_ANNOTATION] === undefined) return undefined;
    if (!this.#read.has(view)) {
      const read = readState(view, signingKey);
      expect(read.kind).toBe('State');
      this.#read.set(view, read.kind === 'State' ? read.state : undefined);
    }
    return this.#read.get(view);
  }

  /** Nobody wants anything any more, and everything that was wanted has happened. */
  get isQuiet(): boolean {
    return (
      this.#askers.every(({ uid, untilTick }) => untilTick < this.tick || !this.pods.has(uid)) &&
      this.replicaSets.every(({ dirty }) => !dirty) &&
      [...this.pods.values()].every(({ view }) => !isTerminating(view) && this.stateOf(view) === undefined)
    );
  }

  /** Ready, not terminating, and with the labels still that the selector wants. */
  serving(selector: Readonly<Record<string, string>>): readonly PodView[] {
    return [...this.pods.values()]
      .map(({ view }) => view)
      .filter(
        (view) => view.ready && !isTerminating(view) && matchesServiceSelector(selector, view.metadata.labels ?? {}),
      );
  }

  /** It serves, and nobody else does, for some Service. */
  isLast({ metadata: { uid, labels = {} } }: PodView): boolean {
    return this.services.some(({ selector }) => {
      const others = this.serving(selector).filter(({ metadata }) => metadata.uid !== uid);
      return others.length === 0 && matchesServiceSelector(selector, labels);
    });
  }

  listed(version: number, uid: string): boolean {
    return [...(this.slices[version]?.values() ?? [])].some((uids) => uids.has(uid));
  }

  ownedBy(uid: string): readonly PodView[] {
    return [...this.pods.values()]
      .map(({ view }) => view)
      .filter((view) => controllerOf(view)?.uid === uid && !isTerminating(view));
  }

  /** The webhook: false: denied for now. */
  #admits(view: PodView, path: DrainPath, { until, now }: { until?: string; now: string }): boolean {
    const state = this.stateOf(view);
    const isDead = this.leaderDeadTicks * TICK_MS > 30_000;
    if (this.mode === 'Off' || isDead || !view.ready || isTerminating(view) || this.deployment.replicas === 0)
      return true;
    if (state === undefined) {
      this.#write(view, { path, by: path, askedAt: now, ...(until === undefined ? {} : { until }) });
      return false;
    }
    if (state.drainedAt !== undefined) return true;
    if (
      path === 'Eviction' &&
      state.path === 'Eviction' &&
      Date.parse(now) - Date.parse(state.lastAskedAt ?? state.askedAt) > 30_000
    ) {
      this.#write(view, { ...state, lastAskedAt: now });
    }
    return false;
  }

  #write(view: PodView, state: DrainState): void {
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = view.metadata;
    const text = encodeState(state, { namespace, name, uid }, signingKey);
    this.patch({ metadata: { uid, resourceVersion, annotations: { [DRAIN_ANNOTATION]: text } } });
  }

  #ask({ uid, path, fromTick, untilTick, abandons }: Asker): void {
    const pod = this.pods.get(uid);
    if (pod === undefined || isTerminating(pod.view) || this.tick > untilTick) return;
    const now = new Date(this.nowMs).toISOString();
    if (path === 'Eviction') {
      if ((this.tick - fromTick) % 10 !== 1 || !this.#admits(pod.view, path, { now })) return;
      if (this.budget !== undefined && this.budget.allowed <= 0) return;
      if (this.budget !== undefined) this.budget.allowed -= 1;
      this.terminate(uid);
      return;
    }
    const until = new Date(this.nowMs + (untilTick - fromTick) * TICK_MS).toISOString();
    const state = this.stateOf(pod.view);
    if (this.tick === fromTick + 1) {
      if (state === undefined && this.#admits(pod.view, path, { until, now })) this.terminate(uid);
    } else if (state === undefined || state.drainedAt !== undefined) {
      this.terminate(uid);
    } else if (this.tick === untilTick) {
      if (!abandons) this.terminate(uid);
      else if (state.path === 'Delete') this.#write(pod.view, { ...state, abandonedAt: now });
    }
  }

  /** The ReplicaSet controller: unready victims first, else any; a denial looks like a pod that is gone. */
  #manage(replicaSet: SimReplicaSet): void {
    replicaSet.dirty = false;
    const owned = this.ownedBy(replicaSet.uid);
    for (let missing = replicaSet.replicas - owned.length; missing > 0; missing -= 1) this.#make(replicaSet.uid);
    const ranked = owned
      .map((view) => ({ view, rank: Number(view.ready) + this.chance() * 0.5 }))
      .sort((a, b) => a.rank - b.rank);
    for (const { view } of ranked.slice(0, Math.max(0, owned.length - replicaSet.replicas))) {
      if (this.#admits(view, 'ScaleDown', { now: new Date(this.nowMs).toISOString() }))
        this.terminate(view.metadata.uid ?? '');
    }
  }

  #rollOn(): void {
    const newest = this.replicaSets.at(-1);
    const ready = this.ownedBy(newest?.uid ?? '').filter((view) => view.ready).length;
    let keep = Math.max(0, this.deployment.replicas - ready);
    for (const old of this.replicaSets.slice(0, -1).toReversed()) {
      const replicas = Math.min(old.replicas, keep);
      keep -= replicas;
      if (replicas !== old.replicas) Object.assign(old, { replicas, dirty: true });
    }
  }

  #make(replicaSet: string, readyAtTick?: number): void {
    this.#made += 1;
    const uid = `pod-${this.#made}`;
    const isDud = this.chance() * 10 < this.#options.duds;
    const pod: SimPod = {
      readyAtTick: readyAtTick ?? (isDud ? Infinity : this.tick + this.#options.startTicks),
      view: startingPod(uid, replicaSet, this.nowMs, `node-${Math.floor(this.chance() * 3)}`),
    };
    this.pods.set(uid, pod);
    this.#touch(pod);
  }

  #remove(pod: SimPod): void {
    this.pods.delete(pod.view.metadata.uid ?? '');
    this.#touch(pod);
  }

  #update(pod: SimPod, change: Partial<PodView>): void {
    this.#version += 1;
    const view = { ...pod.view, ...change };
    pod.view = { ...view, metadata: { ...view.metadata, resourceVersion: String(this.#version) } };
    this.#touch(pod);
  }

  /** An event of a pod wakes the controller that owns it. */
  #touch(pod: SimPod): void {
    const owner = this.replicaSets.find(({ uid }) => uid === controllerOf(pod.view)?.uid);
    if (owner !== undefined) owner.dirty = true;
  }

  #writeSlices(): void {
    const next = new Map(
      this.services.map(({ name, selector }) => [
        name,
        new Set(this.serving(selector).map(({ metadata }) => metadata.uid ?? '')),
      ]),
    );
    this.slices.push(next);
  }

  #countBudget(): void {
    if (this.budget === undefined || this.tick > this.#options.countsUntilTick) return;
    const allowed = Math.max(0, this.serving({ app: 'web' }).length - this.budget.minAvailable);
    if (allowed !== this.budget.allowed) this.budget.version += 1;
    this.budget.allowed = allowed;
  }
}
