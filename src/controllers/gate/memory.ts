import type { DrainProgress, DrainState, Evidence, PodView, SliceView } from '../../gate/types.ts';
import { isOlderVersion } from '../../kube/versions.ts';
import { UnlistedEndpoints } from './unlisted.ts';

/** What the leader remembers of one pod; all of it can be found out again. */
export interface PodMemory {
  progress: DrainProgress;
  /** Work that runs beside the reconciles: a barrier, a drained check. */
  readonly running: Set<string>;
  /** Slices listed it at some time since its drain began or it was isolated, so their being clean means something. */
  listed: boolean;
  /** When this process isolated it last, by the monotonic clock. */
  isolatedAtMs?: number;
  /** The version at which the API server listed no slice with it. */
  unlistedAtVersion?: string;
  /** Questions to the API server in a row that found it in a slice. */
  stillListed?: number;
  /** The budgets that lost it with its label were told. */
  recounted?: boolean;
  /** A budget has counted that it left, or had the time to. */
  counted?: boolean;
  /** When the API server last heard a reason of ours. */
  reasonAtMs?: number;
  /** When people were last told that it waits. */
  toldAtMs?: number;
  /** When people were last told that the API server refuses what is due. */
  refusedToldAtMs?: number;
  /** When it was let go last, by the monotonic clock. */
  letGoAtMs?: number;
  /** Whether it was an endpoint when its end was first seen. */
  served?: boolean;
  outcome?: Evidence['outcome'];
  violation?: string;
}

/** A yes that a budget has given and not shown in its status yet. */
export interface PendingYes {
  readonly podUid: string;
  readonly atMs: number;
  /** Version of the budget when the pod was isolated; undefined: not isolated yet. */
  isolatedAtVersion?: string;
}

/** What this process knows beyond the caches, by the uid of the pod. Bounded by the pods being drained. */
export class GateMemory {
  readonly #pods = new Map<string, PodMemory>();
  readonly #fresh = new Map<string, PodView>();
  readonly #isolated = new Set<string>();
  /** By `namespace/name` of the budget. */
  readonly pendingYes = new Map<string, PendingYes>();
  readonly unlisted = new UnlistedEndpoints();

  of(uid: string): PodMemory {
    const known = this.#pods.get(uid);
    if (known !== undefined) return known;
    const made: PodMemory = { progress: {}, running: new Set(), listed: false };
    this.#pods.set(uid, made);
    return made;
  }

  peek(uid: string): PodMemory | undefined {
    return this.#pods.get(uid);
  }

  note(uid: string, progress: Partial<DrainProgress>): void {
    const memory = this.of(uid);
    memory.progress = { ...memory.progress, ...progress };
  }

  /**
   * It was isolated (again), or a slice lists it again: what was found out about its removal before tells nothing any more.
   * @param isListed by the cache
   */
  unverify(uid: string, isListed: boolean): void {
    const memory = this.of(uid);
    const { slicesCleanAtMs: _, proxies: __, drained: ___, drainedAskedMs: ____, ...progress } = memory.progress;
    memory.progress = progress;
    memory.listed = isListed;
    delete memory.outcome;
    delete memory.violation;
  }

  /** A slice as the cache has it now: an isolated pod that it lists is to be verified anew, also where the next version does not. */
  relisted(slice: SliceView | undefined): void {
    for (const { uid } of slice?.endpoints ?? []) {
      const known = uid !== undefined && this.#isolated.has(uid) ? this.#pods.get(uid) : undefined;
      if (uid === undefined || known?.progress.slicesCleanAtMs === undefined || known.letGoAtMs !== undefined) continue;
      this.unverify(uid, true);
    }
  }

  /** Our own write, until the watch brings it back. */
  wrote(pod: PodView, state: DrainState | undefined): void {
    const { uid = '', resourceVersion = '' } = pod.metadata;
    const known = this.#fresh.get(uid)?.metadata.resourceVersion;
    // Answers of writes that were under way at once (a touch for a budget is nobody's turn) may come in any order.
    if (known === undefined || !isOlderVersion(resourceVersion, known)) this.#fresh.set(uid, pod);
    if (state?.isolatedAt !== undefined) this.#isolated.add(uid);
  }

  /** The pod as it is after our own writes. */
  newest(cached: PodView): PodView {
    const { uid = '', resourceVersion = '' } = cached.metadata;
    const fresh = this.#fresh.get(uid);
    if (fresh === undefined) return cached;
    if (isOlderVersion(resourceVersion, fresh.metadata.resourceVersion ?? '')) return fresh;
    this.#fresh.delete(uid);
    return cached;
  }

  /** Seen isolated, on the pod itself or in our own write. */
  markIsolated(uid: string): void {
    this.#isolated.add(uid);
  }

  isIsolated(uid: string): boolean {
    return this.#isolated.has(uid);
  }

  /** The drain was called off; what this process wrote last still counts. */
  reset(uid: string): void {
    this.#pods.delete(uid);
    this.#isolated.delete(uid);
    this.#dropYes(uid);
  }

  forget(uid: string): void {
    this.reset(uid);
    this.#fresh.delete(uid);
  }

  #dropYes(uid: string): void {
    for (const [budget, pending] of this.pendingYes) if (pending.podUid === uid) this.pendingYes.delete(budget);
  }

  /** Nothing is remembered of pods that are not there any more. */
  retain(isThere: (uid: string) => boolean): void {
    for (const uid of new Set([...this.#pods.keys(), ...this.#fresh.keys(), ...this.#isolated])) {
      if (!isThere(uid)) this.forget(uid);
    }
  }
}
