import type { Claim } from '../../api/claim.ts';
import { evidenceOf } from '../../gate/evidence.ts';
import type { DrainState, GateSettings, PodView, ProxyAnswer } from '../../gate/types.ts';
import type { Clock, Logger, ObjectKey } from '../../runtime/index.ts';
import type { GateCaches } from './caches.ts';
import type { GateMemory } from './memory.ts';
import type { GateReporter } from './reporter.ts';
import { isListedReady } from './slicesCheck.ts';

export interface TerminationsOptions {
  readonly caches: GateCaches;
  readonly memory: GateMemory;
  readonly barrier: { confirm(signal: AbortSignal): Promise<ProxyAnswer> };
  readonly reporter: GateReporter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Ending {
  readonly pod: PodView;
  readonly state: DrainState | undefined;
  readonly claim: Claim | undefined;
  /** It is gone, but not yet known by when every proxy knew that. */
  readonly goneAtMs?: number;
}

/**
 * Follows every end of a pod of a target, gated or not, and makes its evidence when the pod is gone. For a pod that the
 * gate had no hand in (mode Observe, an exempt path, the operator was away) it finds out when the proxies let go of it,
 * also where that is after its process has ended: the case in which most is lost.
 */
export class Terminations {
  readonly #options: TerminationsOptions;
  readonly #endings = new Map<string, Ending>();

  constructor(options: TerminationsOptions) {
    this.#options = options;
  }

  /** A pod in drain, as it is now: what its evidence is made from if it vanishes before it is looked at again. */
  draining(pod: PodView, state: DrainState, claim: Claim | undefined): void {
    this.#endings.set(keyOf(pod), { pod, state, claim });
    this.#options.reporter.draining(pod, state, claim);
  }

  /** A drain that was called off. */
  calledOff(pod: PodView): void {
    this.#endings.delete(keyOf(pod));
  }

  /** Whether the evidence of this pod is still to be made. */
  follows(uid: string): boolean {
    return [...this.#endings.values()].some(({ pod }) => pod.metadata.uid === uid);
  }

  /** A pod with a deletionTimestamp. */
  ending(
    pod: PodView,
    state: DrainState | undefined,
    claim: Claim | undefined,
    settings: GateSettings,
  ): { readonly afterMs?: number } {
    const { memory, clock } = this.#options;
    const known = this.#endings.get(keyOf(pod));
    if (settings.mode === 'Off' && state === undefined && known === undefined) return {};
    this.#endings.set(keyOf(pod), {
      pod: withFirstDeletion(pod, known?.pod),
      state: state ?? known?.state,
      claim: claim ?? known?.claim,
    });
    const { uid = '' } = pod.metadata;
    const podMemory = memory.of(uid);
    const { progress, running } = podMemory;
    const listedReady = isListedReady(this.#options.caches, uid);
    // Isolated and deleted before this leader looked: the one before knew when the proxies had followed, and an answer of now
    // would say too late.
    if (state?.isolatedAt !== undefined && progress.sights === undefined) podMemory.served ??= false;
    podMemory.served ??= state !== undefined || pod.ready || listedReady;
    // It was no endpoint of anything: no proxy has to let go of it, and no margin can be told.
    if (!podMemory.served) return {};
    if (progress.slicesCleanAtMs === undefined) {
      // The next change of a slice brings us here again only for pods in drain: look again soon.
      if (listedReady) return { afterMs: LOOK_AGAIN_MS };
      memory.note(uid, { slicesCleanAtMs: clock.nowMs() });
    }
    if (progress.proxies === undefined && !running.has('proxies')) this.#askProxies(pod);
    return {};
  }

  /** The pod is not there any more. Its evidence is made when it is known since when no proxy sends to it. */
  gone(ref: ObjectKey): void {
    const key = `${ref.namespace}/${ref.name}`;
    const ending = this.#endings.get(key);
    if (ending === undefined) return;
    const { pod } = ending;
    const { progress, running, served, outcome } = this.#options.memory.of(pod.metadata.uid ?? '');
    if (ending.goneAtMs !== undefined) {
      // The barrier that it waited for was one of the drain's own, and has ended.
      if (!running.has('proxies')) this.#conclude(key, ending);
      return;
    }
    const gone = { ...ending, goneAtMs: this.#options.clock.nowMs() };
    if (served !== true || progress.proxies !== undefined || outcome !== undefined) {
      this.#conclude(key, gone);
      return;
    }
    this.#endings.set(key, gone);
    if (!running.has('proxies')) this.#askProxies(pod);
  }

  /** When no slice lists the pod as ready any more, asks when every proxy knows; at once where that was seen already. */
  #askProxies(pod: PodView): void {
    const { memory, log, signal } = this.#options;
    const { uid = '' } = pod.metadata;
    const { running } = memory.of(uid);
    running.add('proxies');
    void this.#proxiesOf(uid)
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn('when the proxies let go of a pod is not known', { err: error });
      })
      .finally(() => {
        running.delete('proxies');
        // Whoever leads now tells what it has seen itself.
        if (signal.aborted) return;
        const ending = this.#endings.get(keyOf(pod));
        if (ending?.goneAtMs !== undefined && ending.pod.metadata.uid === uid) this.#conclude(keyOf(pod), ending);
      });
  }

  async #proxiesOf(uid: string): Promise<void> {
    const { memory, clock, barrier, signal } = this.#options;
    for (
      let waitedMs = 0;
      isListedReady(this.#options.caches, uid) && waitedMs < SLICES_WAIT_MS;
      waitedMs += LOOK_AGAIN_MS
    ) {
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
    if (isListedReady(this.#options.caches, uid)) return;
    if (memory.of(uid).progress.slicesCleanAtMs === undefined) memory.note(uid, { slicesCleanAtMs: clock.nowMs() });
    const podMemory = memory.of(uid);
    const answer = await barrier.confirm(signal);
    // Called off, and forgotten, by then.
    if (memory.peek(uid) === podMemory) memory.note(uid, { proxies: answer });
  }

  /** Makes the evidence, tells it, and forgets the pod. */
  #conclude(key: string, { pod, state, claim, goneAtMs }: Ending): void {
    this.#endings.delete(key);
    const { memory, reporter } = this.#options;
    const { uid = '' } = pod.metadata;
    const { progress, outcome, violation } = memory.of(uid);
    const evidence = evidenceOf({
      pod,
      ...(state === undefined ? {} : { state }),
      progress,
      ...(outcome === undefined ? {} : { outcome }),
      ...(violation === undefined ? {} : { violation }),
      ...(goneAtMs === undefined ? {} : { goneAtMs }),
    });
    memory.forget(uid);
    // What the leader did not decide itself was not told yet.
    if (state !== undefined && violation === undefined && evidence.violation !== undefined) {
      reporter.violation(pod, state, evidence.violation, claim);
    }
    reporter.ended(pod, evidence, claim);
  }
}

/** A slice that lists a pod which is gone for longer is not the endpoint slice controller's. */
const SLICES_WAIT_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/**
 * The pod with the deletion that was asked for. When its containers have ended, the kubelet deletes it once more, without
 * grace, and the API server stamps that moment on it: a last `MODIFIED` before `DELETED` (seen on 1.37: `markAsDeleting`,
 * staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go). It says nothing of when SIGTERM came.
 */
function withFirstDeletion(pod: PodView, known: PodView | undefined): PodView {
  const { uid, deletionGracePeriodSeconds } = pod.metadata;
  const first = known?.metadata;
  if (deletionGracePeriodSeconds !== 0 || first?.uid !== uid || first?.deletionTimestamp === undefined) return pod;
  const { deletionTimestamp, deletionGracePeriodSeconds: graceSeconds } = first;
  const metadata = { ...pod.metadata, deletionTimestamp };
  return {
    ...pod,
    metadata: graceSeconds === undefined ? metadata : { ...metadata, deletionGracePeriodSeconds: graceSeconds },
  };
}

function keyOf({ metadata }: PodView): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
