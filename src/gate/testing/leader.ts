import { expect } from 'vitest';
import { matchesServiceSelector } from '../../api/labelSelector.ts';
import { looked, OWN_TIME_MS } from '../drainTime.ts';
import { cancelPatch, giveBackPatch, handOverPatch, isolatePatch, type PodPatch, statePatch } from '../handOver.ts';
import { refusedAgain } from '../refusal.ts';
import { decideStep } from '../step.ts';
import { controllerOf, servingOthers } from '../stepFacts.ts';
import type { DrainProgress, DrainState, GateSettings, GateStep, Observation, PodView } from '../types.ts';
import { isRefused } from './simPods.ts';
import { signingKey, TICK_MS, type World } from './world.ts';

/** The leader's side of the gate in a {@link World}: drives the steps and checks each against what is true there. */
export class SimLeader {
  readonly steps = new Set<string>();
  readonly outcomes: string[] = [];
  /** Of the next write; the leader is dead for so many ticks then. */
  crash: { readonly applied: boolean; readonly ticks: number } | undefined;
  readonly #world: World;
  readonly #settings: Omit<GateSettings, 'mode'>;
  #progress = new Map<string, DrainProgress>();
  /** Barriers on their way: the version of the slices that every proxy must have reached. */
  #barriers = new Map<
    string,
    { readonly version: number; readonly member: 'proxies' | 'replacementKnown'; readonly uids: readonly string[] }
  >();
  #pendingYes: { readonly uid: string; readonly atMs: number; isolatedAtVersion?: number } | undefined;
  /** The version of the slices that was found clean. */
  readonly #cleanAt = new Map<string, number>();
  readonly #isolatedAtTick = new Map<string, number>();
  /** The tick at which any leader saw a stage of a pod first, by uid and its time. */
  readonly #seenAtTick = new Map<string, number>();
  #downTicks = 0;

  constructor(world: World, settings: Omit<GateSettings, 'mode'>) {
    this.#world = world;
    this.#settings = settings;
  }

  step(): void {
    const world = this.#world;
    if (this.#downTicks > 0) {
      this.#downTicks -= 1;
      world.leaderDeadTicks = this.#downTicks === 0 ? 0 : world.leaderDeadTicks + 1;
      return;
    }
    for (const [uid, { version, member, uids }] of this.#barriers) {
      if (world.proxies.some((proxy) => proxy.version < version)) continue;
      this.#barriers.delete(uid);
      const answer = { evidence: 'Barrier', atMs: world.nowMs, confirmed: 2, silent: [] } as const;
      const heardMs = world.monoMs;
      if (member === 'proxies') this.#note(uid, { proxies: answer, proxiesHeardMs: heardMs });
      else this.#note(uid, { replacementKnown: answer, replacementHeardMs: heardMs, replacementUids: uids });
    }
    for (const uid of world.pods.keys()) {
      // Late, too.
      if (world.chance() < 0.5) continue;
      for (let left = 8; left > 0 && this.#once(uid); left -= 1);
    }
  }

  #once(uid: string): boolean {
    const view = this.#world.pods.get(uid)?.view;
    const state = view === undefined ? undefined : this.#world.stateOf(view);
    if (view === undefined || state === undefined || this.#downTicks > 0) return false;
    this.#look(uid, state);
    // As the cache tells of every change of a slice.
    const cleanAt = this.#cleanAt.get(uid) ?? Infinity;
    if (this.#world.slices.some((_, version) => version > cleanAt && this.#world.listed(version, uid)))
      this.#unverify(uid);
    for (const at of [state.handedOverAt, state.isolatedAt]) {
      const key = `${uid} ${at}`;
      if (!this.#seenAtTick.has(key)) this.#seenAtTick.set(key, this.#world.tick);
    }
    const observation = this.#observe(view, state);
    const step = decideStep(observation);
    this.steps.add(`${state.path}: ${step.do}`);
    return this.#act(step, observation);
  }

  #act(step: GateStep, observation: Observation): boolean {
    const world = this.#world;
    const { pod, state } = observation;
    const { uid = '' } = pod.metadata;
    const now = new Date(world.nowMs).toISOString();
    switch (step.do) {
      case 'Wait':
        expect(step.forMs ?? 1).toBeGreaterThan(0);
        return false;
      case 'Cancel':
        this.#forget(uid);
        return this.#write(cancelPatch(pod));
      case 'GiveBack': {
        const { owner } = state;
        this.#forget(uid);
        const wrote = this.#write(giveBackPatch(pod, state));
        const after = world.pods.get(uid)?.view;
        if (wrote && after !== undefined) {
          expect(controllerOf(after)).toEqual(owner);
          expect(after.metadata.labels).toEqual({ app: 'web', tier: 'front', zone: 'a' });
          expect(world.stateOf(after)).toBeUndefined();
        }
        return wrote;
      }
      case 'HandOver': {
        this.#expectSurplus(observation);
        const { deployment = { name: '', uid: '' } } = observation;
        return this.#writeUnlessRefused(uid, handOverPatch(pod, state, deployment, now, signingKey).patch);
      }
      case 'Isolate': {
        if (step.handOver) this.#expectSurplus(observation);
        if (state.isolatedAt !== undefined) this.steps.add(`${state.path}: Isolate, again`);
        if (Object.keys(step.labels).length === 0) this.steps.add(`${state.path}: Isolate, no label`);
        this.#expectOthersServe(observation, step);
        const wrote = this.#writeUnlessRefused(uid, isolatePatch(pod, state, step, observation, now, signingKey).patch);
        this.#unverify(uid);
        this.#isolatedAtTick.set(uid, world.tick);
        if (this.#pendingYes?.uid === uid) this.#pendingYes.isolatedAtVersion = world.budget?.version ?? 0;
        return wrote;
      }
      case 'AskBudget': {
        const allowed = (world.budget?.allowed ?? 0) > 0;
        expect(observation.budgets.every(({ pendingUid }) => pendingUid === undefined)).toBe(true);
        if (allowed) this.#pendingYes = { uid, atMs: world.nowMs };
        this.#note(uid, { budget: { heardMs: world.monoMs, allowed, message: 'no' } });
        return true;
      }
      case 'ConfirmReplacement':
      case 'VerifyProxies': {
        const member = step.do === 'VerifyProxies' ? 'proxies' : 'replacementKnown';
        if (this.#barriers.get(uid)?.member !== member) {
          this.#barriers.set(uid, { version: world.slices.length - 1, member, uids: servingOthers(observation) });
        }
        return false;
      }
      case 'VerifySlices': {
        const isolatedAtTick = this.#isolatedAtTick.get(uid);
        const unseen = isolatedAtTick !== undefined && world.tick - isolatedAtTick < 2;
        if (observation.listed === 'Now') this.#unverify(uid);
        if (unseen || observation.listed === 'Now') return false;
        this.#note(uid, { slicesCleanAtMs: world.nowMs });
        this.#cleanAt.set(uid, world.slices.length - 1);
        return true;
      }
      case 'CheckDrained':
        this.#note(uid, { drained: { atMs: world.nowMs, met: true } });
        return true;
      case 'MarkDrained':
        this.#expectClean(observation, step);
        this.#expectWaited(observation, step.outcome);
        this.outcomes.push(step.outcome);
        return this.#write(statePatch(pod, { ...state, drainedAt: now }, signingKey));
      case 'LetGo':
        this.#expectClean(observation, step);
        this.#expectWaited(observation, step.outcome);
        if (state.isolatedAt === undefined && this.#pendingYes?.uid === uid) {
          this.#pendingYes.isolatedAtVersion = world.budget?.version ?? 0;
        }
        this.outcomes.push(step.outcome);
        if (this.#dies(() => world.terminate(uid))) return false;
        return false;
    }
  }

  /** Never more pods of a ReplicaSet than it has to lose; who is evicted or deleted is replaced. */
  #expectSurplus({ state, replicaSet }: Observation): void {
    if (state.path !== 'ScaleDown') return;
    const owned = this.#world.ownedBy(replicaSet?.uid ?? '');
    expect(owned.length, 'pods owned').toBeGreaterThan(replicaSet?.replicas ?? 0);
  }

  #expectOthersServe(observation: Observation, step: GateStep): void {
    const { pod, state, replicaSet, settings, budgets, progress } = observation;
    const world = this.#world;
    const servingOthers = (selector: Readonly<Record<string, string>>): readonly PodView[] =>
      world
        .serving(selector)
        .filter((view) => view.metadata.uid !== pod.metadata.uid && world.stateOf(view)?.drainedAt === undefined);
    const others = (selector: Readonly<Record<string, string>>): number => servingOthers(selector).length;
    for (const { name, selector } of world.services) {
      if (matchesServiceSelector(selector, pod.metadata.labels ?? {})) {
        expect(others(selector), `${name} without ${pod.metadata.uid}`).toBeGreaterThan(0);
        if (world.isLocal && step.do === 'Isolate' && state.isolatedAt === undefined) {
          const neighbours = servingOthers(selector).filter(({ nodeName }) => nodeName === pod.nodeName);
          expect(neighbours.length, `${name} on ${pod.nodeName}`).toBeGreaterThan(0);
        }
      }
    }
    if (state.path !== 'Eviction' || state.isolatedAt !== undefined) return;
    if (step.do === 'Isolate' && step.unmet !== undefined) {
      expect(settings.replacementTimeoutSeconds).toBeDefined();
      this.#expectWaited(observation, 'ReplacementTimeout');
      this.steps.add('Eviction: Isolate, unmet');
      return;
    }
    const isServed = step.do === 'Isolate' && Object.keys(step.labels).length > 0;
    if (isServed && !step.handOver && replicaSet !== undefined) {
      const owned = world.ownedBy(replicaSet.uid);
      // Those that were not Ready long before it was handed over stand in for nobody.
      const longBefore = Date.parse(state.handedOverAt ?? '') - 10_000;
      const failing = owned.filter(
        ({ ready, metadata }) => !ready && Date.parse(metadata.creationTimestamp ?? '') < longBefore,
      );
      const ready = owned.filter((view) => view.ready);
      expect(ready.length, 'replacements').toBeGreaterThanOrEqual(replicaSet.replicas - failing.length);
    }
    if (budgets.length > 0 && (replicaSet?.replicas ?? 0) > 0) expect(progress.budget?.allowed).toBe(true);
    const wanted = Math.min(settings.minReady ?? 0, world.deployment.replicas);
    if ((replicaSet?.replicas ?? 0) > 0) expect(others({ app: 'web' })).toBeGreaterThanOrEqual(wanted);
  }

  #expectClean(observation: Observation, step: Extract<GateStep, { do: 'LetGo' | 'MarkDrained' }>): void {
    const { pod, state } = observation;
    const { outcome } = step;
    if (outcome === 'LastOnNode') {
      this.steps.add(`${state.path}: ${step.do}, LastOnNode`);
      expect(this.#world.isLocal && state.isolatedAt === undefined, 'not isolated').toBe(true);
      this.#expectOthersServe(observation, step);
      return;
    }
    if (outcome === 'Refused') {
      this.steps.add(`${state.path}: ${step.do}, Refused`);
      expect(observation.progress.refused?.message).toBe('a policy');
      const { replicaSet, budgets, progress } = observation;
      const isSurplus = this.#world.ownedBy(replicaSet?.uid ?? '').length > (replicaSet?.replicas ?? 0);
      if (state.path === 'Eviction' && budgets.length > 0 && state.handedOverAt === undefined && !isSurplus) {
        expect(progress.budget?.allowed).toBe(true);
      }
      return;
    }
    if (outcome !== 'Verified' && state.unmet === undefined) return;
    if (outcome === 'DeadlinePassed') return;
    const world = this.#world;
    const { uid = '' } = pod.metadata;
    expect(world.listed(world.slices.length - 1, uid), 'listed in a slice').toBe(false);
    for (const { version } of world.proxies) expect(world.listed(version, uid), 'known to a proxy').toBe(false);
  }

  /** Whatever the clocks say, nothing goes unverified before its limit was over, or a new leader had half a minute to itself. */
  #expectWaited({ pod, state, settings }: Observation, outcome: string): void {
    const { timeoutSeconds, replacementTimeoutSeconds = Infinity } = settings;
    const limits: Readonly<Record<string, readonly [at: string | undefined, seconds: number]>> = {
      DeadlinePassed: [state.isolatedAt, timeoutSeconds],
      LastEndpoint: [state.handedOverAt, timeoutSeconds],
      ReplacementTimeout: [state.handedOverAt, replacementTimeoutSeconds],
    };
    const [at, seconds = 0] = limits[outcome] ?? [];
    if (at === undefined || state.drainedAt !== undefined) return;
    const seenAtTick = this.#seenAtTick.get(`${pod.metadata.uid} ${at}`) ?? 0;
    const waitedMs = (this.#world.tick - seenAtTick) * TICK_MS;
    expect(waitedMs, `${outcome} after`).toBeGreaterThanOrEqual(Math.min(seconds * 1000, OWN_TIME_MS));
  }

  #writeUnlessRefused(uid: string, patch: PodPatch): boolean {
    const { refused, ...progress } = this.#progress.get(uid) ?? {};
    if (isRefused(patch, this.#world.refusing)) {
      this.#note(uid, { refused: refusedAgain(refused, this.#world.monoMs, 'a policy') });
      return false;
    }
    const wrote = this.#write(patch);
    if (wrote) this.#progress.set(uid, progress);
    return wrote;
  }

  #write(patch: PodPatch): boolean {
    let wrote = false;
    const died = this.#dies(() => {
      wrote = this.#world.patch(patch);
    });
    return wrote && !died;
  }

  /** Killed at a write: it may have arrived or not; what was in memory is lost. */
  #dies(write: () => void): boolean {
    const { crash } = this;
    if (crash === undefined || crash.applied) write();
    if (crash === undefined) return false;
    this.crash = undefined;
    this.#downTicks = crash.ticks;
    this.#progress = new Map();
    this.#barriers = new Map();
    this.#pendingYes = undefined;
    return true;
  }

  #look(uid: string, state: DrainState): void {
    const { nowMs, monoMs } = this.#world;
    this.#note(uid, { sights: looked(this.#progress.get(uid)?.sights, state, nowMs, monoMs) });
  }

  #note(uid: string, progress: Partial<DrainProgress>): void {
    this.#progress.set(uid, { ...this.#progress.get(uid), ...progress });
  }

  #unverify(uid: string): void {
    const { slicesCleanAtMs: _, proxies: __, drained: ___, ...progress } = this.#progress.get(uid) ?? {};
    this.#progress.set(uid, progress);
    this.#cleanAt.delete(uid);
    if (this.#barriers.get(uid)?.member === 'proxies') this.#barriers.delete(uid);
  }

  #forget(uid: string): void {
    this.#progress.delete(uid);
    this.#barriers.delete(uid);
    if (this.#pendingYes?.uid === uid) this.#pendingYes = undefined;
  }

  #observe(pod: PodView, state: DrainState): Observation {
    const world = this.#world;
    const { uid = '' } = pod.metadata;
    const owner = state.owner ?? controllerOf(pod);
    const replicaSet = world.replicaSets.find((known) => known.uid === owner?.uid);
    const labels = { ...state.removedLabels, ...pod.metadata.labels };
    const views = [...world.pods.values()].map(({ view }) => view);
    return {
      nowMs: world.nowMs,
      monoMs: world.monoMs,
      settings: { ...this.#settings, mode: world.mode },
      pod,
      state,
      progress: this.#progress.get(uid) ?? {},
      deployment: {
        name: 'web',
        uid: 'deployment',
        replicas: world.deployment.replicas,
        recreate: false,
        deleting: false,
      },
      ...(replicaSet === undefined
        ? {}
        : { replicaSet: { name: replicaSet.uid, uid: replicaSet.uid, replicas: replicaSet.replicas } }),
      siblings: views.map((view) => {
        const itsState = world.stateOf(view);
        return {
          uid: view.metadata.uid ?? '',
          ready: view.ready,
          terminating: view.metadata.deletionTimestamp !== undefined,
          ownerUid: controllerOf(view)?.uid ?? '',
          createdAt: view.metadata.creationTimestamp ?? '',
          ...(itsState === undefined ? {} : { state: itsState }),
        };
      }),
      services: world.services
        .filter(({ selector }) => matchesServiceSelector(selector, labels))
        .map(({ name, selector }) => {
          // Slices lag behind; like the controller, the leader counts only pods that are there.
          const readyUids = [...(world.slices.at(-1)?.get(name) ?? [])].filter((other) => world.pods.has(other));
          const localUids = readyUids.filter((other) => world.pods.get(other)?.view.nodeName === pod.nodeName);
          return { name, selector, readyUids, ...(world.isLocal ? { localUids } : {}) };
        }),
      listed: this.#listingOf(uid),
      budgets: this.#budgetsFor(uid),
      node: { unschedulable: false, ready: true },
      selectedOn: [],
    };
  }

  #listingOf(uid: string): Observation['listed'] {
    const { slices } = this.#world;
    const latest = slices.length - 1;
    if (this.#world.listed(latest, uid)) return 'Now';
    const before = slices.slice(-30).some((_, back) => this.#world.listed(latest - back, uid));
    return before ? 'Before' : 'Never';
  }

  #budgetsFor(uid: string): Observation['budgets'] {
    const { budget, nowMs } = this.#world;
    if (budget === undefined) return [];
    const pending = this.#pendingYes;
    const shown = pending?.isolatedAtVersion !== undefined && pending.isolatedAtVersion !== budget.version;
    if (pending !== undefined && (shown || Math.abs(nowMs - pending.atMs) > 30_000)) this.#pendingYes = undefined;
    const other = this.#pendingYes !== undefined && this.#pendingYes.uid !== uid;
    return [
      {
        name: 'web',
        disruptionsAllowed: budget.allowed,
        ...(other ? { pendingUid: this.#pendingYes?.uid ?? '' } : {}),
      },
    ];
  }
}
