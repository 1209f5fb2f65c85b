import type { BarrierBook, ProxyKey, SlicePlan } from '../../gate/barrierBook.ts';
import { barrierSlice } from '../../gate/barrierSlices.ts';
import { isConflict } from '../../kube/index.ts';
import { type Clock, type Logger, linkAbort } from '../../runtime/index.ts';
import { askProxy } from './barrierProbe.ts';
import type { BarrierService, BarrierStore } from './barrierSlicesStore.ts';

/** Times of a round, milliseconds. */
export interface BarrierLimits {
  /** A node that has not confirmed after this time is silent. Default 20,000. */
  readonly waitMs: number;
  /** The same for a node that was silent in its last round, until it shows life. Default 2,000. */
  readonly silentWaitMs: number;
  /** For one question to one proxy. Default 1,000. */
  readonly questionMs: number;
  /** Between the first questions to one proxy; later ones come slower. Default 50. */
  readonly pollMs: number;
  /** For one call of the API server. Default 5,000. */
  readonly callMs: number;
}

export const DEFAULT_LIMITS: BarrierLimits = {
  waitMs: 20_000,
  silentWaitMs: 2_000,
  questionMs: 1_000,
  pollMs: 50,
  callMs: 5_000,
};

/** Questions a second to all proxies together: each is a connection of its own, some 0.3 ms of CPU. */
const QUESTIONS_PER_SECOND = 400;
const SLOWEST_POLL_MS = 1_000;
const POLL_GROWTH = 1.3;
/** While the round's number is being written there is nothing to ask for. */
const UNPUBLISHED_MS = 20;
const WAVE_GAP_MS = 50;
const LONGEST_WAVE_GAP_MS = 2_000;

/** One proxy in one round. */
export interface RoundTarget {
  readonly key: ProxyKey;
  readonly address: string;
  /** Present: it was silent in its last round, and reported this then (undefined: nothing). */
  readonly silentBefore?: { readonly report: number | undefined };
  state: 'Waiting' | 'Confirmed' | 'Silent' | 'Gone';
  /** Written for this round. */
  number?: number;
  /** Monotonic. */
  deadlineMs: number;
  lastReport?: number;
  /** Wall clock. */
  confirmedAtMs?: number;
  problem?: string;
}

export interface RoundInput {
  readonly service: BarrierService;
  readonly store: BarrierStore;
  readonly book: BarrierBook;
  readonly targets: readonly RoundTarget[];
  /** Whether the node is (still) in the cluster. */
  readonly isPresent: (node: string) => boolean;
  readonly limits: BarrierLimits;
  /** Monotonic: the round is over. */
  readonly endMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A round: writes new numbers and asks every target until it reports its own. Its outcome is in the targets. */
export class BarrierRound {
  readonly #input: RoundInput;
  #failed = false;

  constructor(input: RoundInput) {
    this.#input = input;
  }

  /** Resolves when no target is waiting. Rejects only with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const over = linkAbort(signal);
    const publishing = this.#publish(over.signal);
    try {
      await Promise.all(this.#input.targets.map((target) => this.#follow(target, signal)));
    } finally {
      over.abort(new Error('the round is over'));
      await publishing;
      over.release();
    }
  }

  /**
   * Writes numbers for the targets that can be given one: most at once, those of which too little is known (a new leader, a new
   * node) as soon as they have reported their present one. Ends with the signal.
   */
  async #publish(signal: AbortSignal): Promise<void> {
    const { clock, log, service } = this.#input;
    let gapMs = WAVE_GAP_MS;
    while (!signal.aborted) {
      let wrote = true;
      try {
        wrote = await this.#wave(signal);
      } catch (error) {
        if (signal.aborted) return;
        // Tried again until the round is over; a line per round is enough. A conflict is the last leader's write.
        if (!this.#failed && !isConflict(error))
          log.warn('the slices of the barrier could not be written', { ...nameOf(service), err: error });
        this.#failed ||= !isConflict(error);
      }
      // Each write reaches every watch of slices in the cluster, so stragglers gather longer and longer.
      await clock.sleep(wrote ? gapMs : WAVE_GAP_MS, signal).catch(() => undefined);
      if (wrote) gapMs = Math.min(gapMs * 2, LONGEST_WAVE_GAP_MS);
    }
  }

  /** False: there was nothing to write. */
  async #wave(signal: AbortSignal): Promise<boolean> {
    const { book, store, targets, isPresent, clock } = this.#input;
    if (book.isStale) {
      book.adopt(await store.slices(this.#call(signal)));
      for (const target of targets) {
        // Somebody else gave it another number in between: it is asked for a new one.
        if (target.number !== book.known(target.key).latest) delete target.number;
      }
    }
    const wanted = targets.filter((target) => isUnpublished(target) && book.free(target.key)).map(({ key }) => key);
    if (wanted.length === 0) return false;
    const plans = book.plan(wanted, ({ node }) => isPresent(node), clock.monotonicMs());
    const results = await Promise.allSettled(plans.map((plan) => this.#write(plan, signal)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return true;
  }

  async #write(plan: SlicePlan, signal: AbortSignal): Promise<void> {
    const { book, service, store, targets, limits, clock } = this.#input;
    try {
      const written = await store.write(barrierSlice(service, plan, plan.seated), this.#call(signal));
      book.written(plan, written.metadata.resourceVersion ?? '');
    } catch (error) {
      // Whether it was written is not known, nor what the slice holds if somebody else was quicker.
      book.doubt(plan.name);
      throw error;
    }
    const numbers = new Map(plan.raised.map(({ node, number }) => [node, number]));
    for (const target of targets) {
      const number = target.key.family === plan.family ? numbers.get(target.key.node) : undefined;
      if (number === undefined) continue;
      target.number = number;
      if (target.silentBefore !== undefined)
        target.deadlineMs = this.#within(clock.monotonicMs() + limits.silentWaitMs);
    }
  }

  async #follow(target: RoundTarget, signal: AbortSignal): Promise<void> {
    const { book, clock, endMs, isPresent, limits, service, targets } = this.#input;
    const fastestMs = Math.max(limits.pollMs, (targets.length / QUESTIONS_PER_SECOND) * 1000);
    let waitMs = fastestMs;
    let asked = false;
    while (target.state === 'Waiting') {
      if (clock.monotonicMs() >= target.deadlineMs) {
        target.state = 'Silent';
      } else if (!isPresent(target.key.node)) {
        target.state = 'Gone';
      } else if (book.isStale || (isUnpublished(target) && book.free(target.key))) {
        await clock.sleep(UNPUBLISHED_MS, signal);
      } else {
        if (!asked && target.silentBefore !== undefined)
          target.deadlineMs = this.#within(clock.monotonicMs() + limits.silentWaitMs);
        // Not all at once.
        await clock.sleep(asked ? waitMs : Math.random() * fastestMs, signal);
        asked = true;
        waitMs = Math.min(waitMs * POLL_GROWTH, Math.max(SLOWEST_POLL_MS, fastestMs));
        const timeoutMs = Math.max(1, Math.min(limits.questionMs, endMs - clock.monotonicMs()));
        const report = await askProxy(target.address, service.healthCheckNodePort, { timeoutMs, signal });
        if (report.kind === 'Number') this.#heard(target, report.number);
        else target.problem = report.problem;
      }
    }
  }

  #heard(target: RoundTarget, number: number): void {
    const { book, clock, endMs } = this.#input;
    target.lastReport = number;
    target.problem = `still reports ${number}`;
    book.reported(target.key, number);
    if (target.number !== undefined && number === target.number) {
      target.state = 'Confirmed';
      target.confirmedAtMs = clock.nowMs();
    } else if (target.silentBefore !== undefined && number !== target.silentBefore.report) {
      // It has moved since: slow, not stuck.
      target.deadlineMs = endMs;
    }
  }

  #within(deadlineMs: number): number {
    return Math.min(deadlineMs, this.#input.endMs);
  }

  #call(signal: AbortSignal): { readonly signal: AbortSignal; readonly deadlineMs: number } {
    const { clock, endMs, limits } = this.#input;
    return { signal, deadlineMs: Math.max(1, Math.min(limits.callMs, endMs - clock.monotonicMs())) };
  }
}

function isUnpublished({ state, number }: RoundTarget): boolean {
  return state === 'Waiting' && number === undefined;
}

function nameOf({ namespace, name }: BarrierService): { readonly namespace: string; readonly name: string } {
  return { namespace, name };
}
