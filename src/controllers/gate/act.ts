import type { Claim } from '../../api/claim.ts';
import { DRAIN_ANNOTATION, GATE_FIELD_MANAGER, RECOUNT_ANNOTATION } from '../../api/index.ts';
import {
  cancelPatch,
  giveBackPatch,
  handOverPatch,
  isolatePatch,
  ownerPatch,
  statePatch,
} from '../../gate/handOver.ts';
import { refusedAgain } from '../../gate/refusal.ts';
import { lastOnNodeOf, servingOthers, sinceMs } from '../../gate/stepFacts.ts';
import type { DrainState, GateSettings, GateStep, Observation, PodView, ProxyAnswer } from '../../gate/types.ts';
import { podViewOf } from '../../gate/views.ts';
import { ApiError, type Client, isConflict, isNotFound, type ObjectRef, type Pod, pods } from '../../kube/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { askBudget } from './budgetQuestion.ts';
import { podsToTouch } from './budgetRecount.ts';
import type { GateCaches } from './caches.ts';
import { askUntilDrained } from './drainedCheck.ts';
import type { GateMemory } from './memory.ts';
import { budgetKeysOf } from './observe.ts';
import { forgetRefusal, mayBeRefusedForGood, REFUSED_AGAIN_MS, refusalOf, refusedWaitMs } from './refusals.ts';
import type { GateReporter } from './reporter.ts';
import { listedInCache } from './slicesCheck.ts';
import { verifySlices } from './verifySlices.ts';

/** A reason that only changes its figures is not worth a write each time. */
const REASON_EVERY_MS = 10_000;
const RECHECK_MS = 5_000;
/** A pod that was let go and does not show it yet is not deleted again before this. */
const LET_GO_AGAIN_MS = 5_000;
/** A replacement that starts is nothing to warn of; one that does not come within this time is, and so often again. */
const LONG_WAIT_MS = 60_000;

/** What one step is taken with. */
export interface StepInput {
  readonly pod: PodView;
  readonly state: DrainState;
  readonly observation: Observation;
  readonly settings: GateSettings;
  readonly key: Uint8Array;
  readonly claim?: Claim | undefined;
  readonly context: { readonly signal: AbortSignal; readonly log: Logger };
}

/** `again`: look anew at once. Else wait for a change, or for so long. */
export type StepOutcome = { readonly again: true } | { readonly afterMs?: number };

export interface GateActionsOptions {
  /** Refuses writes where this process does not lead (any more). */
  readonly client: Client;
  readonly caches: GateCaches;
  readonly memory: GateMemory;
  readonly barrier: { confirm(signal: AbortSignal): Promise<ProxyAnswer> };
  readonly reporter: GateReporter;
  readonly clock: Clock;
  /** Ends what runs beside the reconciles. */
  readonly signal: AbortSignal;
}

/** Does what was decided: one write, or one question. */
export class GateActions {
  readonly #options: GateActionsOptions;
  #done: (ref: ObjectRef) => void = () => {};

  constructor(options: GateActionsOptions) {
    this.#options = options;
  }

  /** Hears of the end of what ran beside the reconciles. */
  onDone(listener: (ref: ObjectRef) => void): void {
    this.#done = listener;
  }

  /** Rejects with what went wrong; that the hand-over or the isolation is refused is something to decide on. */
  async act(step: GateStep, input: StepInput): Promise<StepOutcome> {
    const { memory, clock } = this.#options;
    const waitMs = refusedWaitMs(step, input.observation);
    if (waitMs > 0) return { afterMs: waitMs };
    try {
      const outcome = await this.#take(step, input);
      if (mayBeRefusedForGood(step)) forgetRefusal(memory.of(input.pod.metadata.uid ?? ''));
      return outcome;
    } catch (error) {
      const message = refusalOf(error);
      if (message === undefined) throw error;
      input.context.log.warn('the API server refuses a step of a drain', { step: step.do, refusal: message });
      if (mayBeRefusedForGood(step)) {
        const { refused } = input.observation.progress;
        memory.note(input.pod.metadata.uid ?? '', { refused: refusedAgain(refused, clock.monotonicMs(), message) });
        return { afterMs: REFUSED_AGAIN_MS };
      }
      await this.#refused(step, input, message);
      if (step.do === 'LetGo') return { afterMs: LET_GO_AGAIN_MS };
      throw error;
    }
  }

  /** Tells people; what the operator may not delete, whoever asks next may. */
  async #refused(step: GateStep, input: StepInput, message: string): Promise<void> {
    const { pod, state, claim } = input;
    const { memory, clock, reporter } = this.#options;
    const podMemory = memory.of(pod.metadata.uid ?? '');
    if (step.do !== 'Wait' && clock.monotonicMs() - (podMemory.refusedToldAtMs ?? -Infinity) >= LONG_WAIT_MS) {
      podMemory.refusedToldAtMs = clock.monotonicMs();
      reporter.refused(pod, step.do, message, claim);
    }
    if (step.do === 'LetGo' && state.drainedAt === undefined) {
      const next: DrainState = { ...state, drainedAt: this.#now() };
      try {
        await this.#patch(statePatch(pod, next, input.key), input, next);
      } catch (error) {
        if (refusalOf(error) === undefined) throw error;
      }
    }
  }

  async #take(step: GateStep, input: StepInput): Promise<StepOutcome> {
    const { pod, state, observation } = input;
    const { memory, clock, reporter } = this.#options;
    const { uid = '' } = pod.metadata;
    switch (step.do) {
      case 'Wait':
        await this.#tellReason(step.reason, input);
        return { afterMs: Math.min(step.forMs ?? RECHECK_MS, RECHECK_MS) };
      case 'Cancel':
        await this.#patch(cancelPatch(pod), input, undefined);
        reporter.cancelled(pod, state, step.reason, input.claim);
        memory.reset(uid);
        return {};
      case 'GiveBack':
        await this.#patch(giveBackPatch(pod, state), input, undefined);
        reporter.cancelled(pod, state, step.reason, input.claim);
        memory.reset(uid);
        return {};
      case 'HandOver': {
        const { deployment } = observation;
        if (deployment === undefined) return { afterMs: RECHECK_MS };
        const { patch, state: next } = handOverPatch(pod, state, deployment, this.#now(), input.key);
        await this.#patch(patch, input, next);
        return { again: true };
      }
      case 'Isolate': {
        const { patch, state: next } = isolatePatch(pod, state, step, observation, this.#now(), input.key);
        await this.#patch(patch, input, next);
        this.#markBudgets(pod, state);
        memory.unverify(uid, listedInCache(this.#options.caches, uid));
        Object.assign(memory.of(uid), { recounted: false, isolatedAtMs: clock.monotonicMs() });
        reporter.isolated(step.collateral, input.claim);
        return { again: true };
      }
      case 'AskBudget':
        return this.#askBudget(input);
      case 'ConfirmReplacement':
        this.#beside(input, 'replacement', async (signal) => {
          const answer = await this.#options.barrier.confirm(signal);
          return () => {
            const replacementHeardMs = clock.monotonicMs();
            memory.note(uid, {
              replacementKnown: answer,
              replacementHeardMs,
              replacementUids: servingOthers(observation),
            });
          };
        });
        return { afterMs: RECHECK_MS };
      case 'VerifySlices':
        return verifySlices(this.#options, input, () => this.#recountBudgets(input));
      case 'VerifyProxies':
        this.#beside(input, 'proxies', async (signal) => {
          const answer = await this.#options.barrier.confirm(signal);
          reporter.silentProxies(answer.silent, input.claim);
          // One that began before a slice listed the pod again proves nothing.
          const { slicesCleanAtMs } = observation.progress;
          return () => {
            if (memory.of(uid).progress.slicesCleanAtMs === slicesCleanAtMs) {
              memory.note(uid, { proxies: answer, proxiesHeardMs: clock.monotonicMs() });
            }
          };
        });
        return { afterMs: RECHECK_MS };
      case 'CheckDrained': {
        const { drainedAskedMs, slicesCleanAtMs } = observation.progress;
        if (drainedAskedMs === undefined) memory.note(uid, { drainedAskedMs: clock.monotonicMs() });
        const [address] = pod.ips;
        this.#beside(input, 'drained', async (signal) => {
          const answer =
            address === undefined
              ? { met: false, why: 'the pod has no address' }
              : await askUntilDrained(step.check, address, { clock, signal });
          return () => {
            // Asked before a slice listed the pod again: it is asked anew.
            if (memory.of(uid).progress.slicesCleanAtMs !== slicesCleanAtMs) return;
            memory.note(uid, { drained: { atMs: clock.nowMs(), met: answer.met } });
            if (!answer.met) reporter.notDrained(pod, answer.why, input.claim);
          };
        });
        return { afterMs: RECHECK_MS };
      }
      case 'MarkDrained': {
        const podMemory = memory.of(uid);
        podMemory.outcome = step.outcome;
        const next: DrainState = { ...state, drainedAt: this.#now() };
        await this.#patch(statePatch(pod, next, input.key), input, next);
        if (step.outcome === 'LastOnNode') reporter.lastOnNode(lastOnNodeOf(observation)?.name, input.claim);
        if (step.violation !== undefined) {
          podMemory.violation = step.violation;
          reporter.violation(pod, state, step.violation, input.claim);
        }
        return { again: true };
      }
      case 'LetGo':
        return this.#letGo(step, input);
    }
  }

  /**
   * The scale-down of a pod that ends, though this process has not let it go, may have been its ReplicaSet's own DELETE:
   * see {@link ownerPatch}.
   */
  async returnToReplicaSet(pod: PodView, state: DrainState, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata;
    if (state.path !== 'ScaleDown' || this.#options.memory.of(uid).outcome !== undefined) return;
    const body = ownerPatch(pod, state);
    if (body === undefined) return;
    const options = { signal, fieldManager: GATE_FIELD_MANAGER };
    const written = await this.#options.client.patch(pods, { namespace, name }, { type: 'merge', body }, options);
    this.#options.memory.wrote(podViewOf(written), state);
  }

  /** Takes a state off that was not written by the operator. */
  async removeForged(
    pod: PodView,
    claim: Claim | undefined,
    { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
  ): Promise<void> {
    const { namespace = '', name = '', uid, resourceVersion } = pod.metadata;
    log.warn('the drain state of a pod is not signed by this operator and is taken off');
    const body = { metadata: { uid, resourceVersion, annotations: { [DRAIN_ANNOTATION]: null } } };
    await this.#options.client.patch(
      pods,
      { namespace, name },
      { type: 'merge', body },
      {
        signal,
        fieldManager: GATE_FIELD_MANAGER,
      },
    );
    this.#options.reporter.forged(pod, claim);
  }

  async #letGo(step: Extract<GateStep, { do: 'LetGo' }>, input: StepInput): Promise<StepOutcome> {
    const { pod, state, claim } = input;
    const { namespace = '', name = '', uid, resourceVersion } = pod.metadata;
    const isIsolated = state.isolatedAt !== undefined;
    const { clock } = this.#options;
    const memory = this.#options.memory.of(uid ?? '');
    const { letGoAtMs } = memory;
    const againMs = letGoAtMs === undefined ? 0 : letGoAtMs + LET_GO_AGAIN_MS - clock.monotonicMs();
    if (againMs > 0) return { afterMs: againMs };
    memory.outcome = step.outcome;
    // One that no Service selects is not isolated: its deletion is what the budget hears of.
    if (!isIsolated) this.#markBudgets(pod, state);
    if (step.violation === undefined) delete memory.violation;
    else memory.violation = step.violation;
    try {
      await this.#options.client.delete(
        pods,
        { namespace, name },
        {
          signal: input.context.signal,
          // Before isolation it is let go on the strength of its state, which somebody may have taken off or renewed.
          preconditions: {
            ...(uid === undefined ? {} : { uid }),
            ...(isIsolated || resourceVersion === undefined ? {} : { resourceVersion }),
          },
        },
      );
    } catch (error) {
      if (!isIsolated && isConflict(error)) {
        delete memory.outcome;
        delete memory.violation;
        throw error;
      }
      // Gone, or another pod of that name: what was asked for is done.
      if (!isNotFound(error) && !(error instanceof ApiError && error.code === 409)) throw error;
    }
    memory.letGoAtMs = clock.monotonicMs();
    if (step.outcome === 'LastOnNode' && letGoAtMs === undefined) {
      this.#options.reporter.lastOnNode(lastOnNodeOf(input.observation)?.name, claim);
    }
    if (step.violation !== undefined && letGoAtMs === undefined) {
      this.#options.reporter.violation(pod, state, step.violation, claim);
    }
    return { afterMs: LET_GO_AGAIN_MS };
  }

  async #askBudget(input: StepInput): Promise<StepOutcome> {
    const { pod, state } = input;
    const { memory, clock, client, caches } = this.#options;
    const { uid = '' } = pod.metadata;
    const answer = await askBudget(client, pod, input.context.signal);
    memory.note(uid, { budget: { heardMs: clock.monotonicMs(), ...answer } });
    if (!answer.allowed) return { again: true };
    for (const budget of budgetKeysOf(caches, pod, state)) {
      memory.pendingYes.set(budget, { podUid: uid, atMs: clock.nowMs() });
    }
    return { again: true };
  }

  /** From the status that each budget has now on, the next one shows that the pod has left. */
  #markBudgets(pod: PodView, state: DrainState): void {
    const { caches, memory } = this.#options;
    for (const budget of budgetKeysOf(caches, pod, state)) {
      const pending = memory.pendingYes.get(budget);
      if (pending === undefined || pending.podUid !== pod.metadata.uid) continue;
      const [namespace = '', name = ''] = budget.split('/');
      pending.isolatedAtVersion = caches.budgets.get(namespace, name)?.metadata.resourceVersion ?? '';
    }
  }

  /** Best effort: where the pod to be touched goes at that moment, that is a change too. */
  async #recountBudgets({ pod, state, context }: StepInput): Promise<void> {
    const { caches, memory, client } = this.#options;
    for (const { metadata } of podsToTouch(caches, memory, pod, state)) {
      const { namespace = '', name = '', uid } = metadata;
      const body = { metadata: { uid, annotations: { [RECOUNT_ANNOTATION]: this.#now() } } };
      const options = { signal: context.signal, retry: false, fieldManager: GATE_FIELD_MANAGER };
      try {
        const written = await client.patch(pods, { namespace, name }, { type: 'merge', body }, options);
        memory.wrote(podViewOf(written), undefined);
        this.#markBudgets(pod, state);
      } catch (err) {
        context.log.warn('a budget may allow an eviction too many until one of its pods changes', { pod: name, err });
      }
    }
  }

  /** What the next evictor is told; written where it changed, and not too often. */
  async #tellReason(reason: string, input: StepInput): Promise<void> {
    const { pod, state } = input;
    const { memory, clock, reporter } = this.#options;
    if (state.path !== 'Eviction' || state.isolatedAt !== undefined) return;
    const podMemory = memory.of(pod.metadata.uid ?? '');
    const nowMs = clock.monotonicMs();
    const waitedMs = sinceMs(input.observation, state.askedAt);
    if (waitedMs >= LONG_WAIT_MS && nowMs - (podMemory.toldAtMs ?? -Infinity) >= LONG_WAIT_MS) {
      podMemory.toldAtMs = nowMs;
      reporter.waiting(pod, state, reason, input.claim);
    }
    if (state.reason === reason || nowMs - (podMemory.reasonAtMs ?? -Infinity) < REASON_EVERY_MS) return;
    podMemory.reasonAtMs = nowMs;
    const next: DrainState = { ...state, reason };
    await this.#patch(statePatch(pod, next, input.key), input, next);
  }

  async #patch(body: unknown, { pod, context }: StepInput, state: DrainState | undefined): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata;
    const written: Pod = await this.#options.client.patch(
      pods,
      { namespace, name },
      { type: 'merge', body },
      { signal: context.signal, fieldManager: GATE_FIELD_MANAGER },
    );
    this.#options.memory.wrote(podViewOf(written), state);
  }

  /**
   * Runs `work` once at a time per pod and kind, outside of the reconcile; its end asks for the next one. What it found is
   * noted only while it is about the same drain: one that was called off and begun anew, or is over, asks for itself.
   */
  #beside(input: StepInput, kind: string, work: (signal: AbortSignal) => Promise<() => void>): void {
    const { namespace = '', name = '', uid = '' } = input.pod.metadata;
    const { memory } = this.#options;
    const asked = memory.of(uid);
    const { running } = asked;
    if (running.has(kind)) return;
    running.add(kind);
    const { signal } = this.#options;
    void work(signal)
      .then((note) => (memory.peek(uid) === asked ? note() : undefined))
      .catch((error: unknown) => {
        if (!signal.aborted) input.context.log.warn(`the check "${kind}" of a drain failed`, { err: error });
      })
      .finally(() => {
        running.delete(kind);
        this.#done({ namespace, name });
      });
  }

  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }
}
