import type { Counter } from 'prom-client';
import {
  type AdmitReason,
  identityOf,
  type JudgedPod,
  judgeDeletion,
  judgeEviction,
  type OwnerFacts,
  type RequestFacts,
} from '../gate/admit.ts';
import { type AdmitPlan, planIntent } from '../gate/admitPlan.ts';
import { type PodIdentity, readState } from '../gate/drainState.ts';
import type { DrainPath, DrainState, PodView } from '../gate/types.ts';
import type { ClientOf, Pod } from '../kube/index.ts';
import { isOlderVersion } from '../kube/versions.ts';
import { type Clock, type Logger, linkAbort } from '../runtime/index.ts';
import type { AdmissionRequest, AdmissionResponse } from './admissionReview.ts';
import { type Asked, GateAnswers, type GateWebhook } from './gateAnswers.ts';
import { GateIntents } from './gateIntent.ts';
import type { PodPredicate } from './gatePodWaits.ts';
import { judgedPodOf, requestFactsOf } from './gateRequest.ts';
import type { AdmissionHandler } from './server.ts';

/** What the handlers know of the cluster; answered from caches. */
export interface GateView {
  /** False until the first complete lists that the answers below are made from are there. */
  synced(): boolean;
  /** What states are signed with; undefined until it is read. */
  key(): Uint8Array | undefined;
  leaderAlive(): boolean;
  podNamed(namespace: string, name: string): PodView | undefined;
  /** By the pod's controller owner, or by `state.owner` where the pod was handed over. */
  ownersOf(pod: JudgedPod, state: DrainState | undefined): OwnerFacts;
  /** See `AdmitInput.listedReady`. */
  listedReady(uid: string): boolean;
  /** See `PodWaits.waitForPod`. */
  waitForPod(pod: PodIdentity, isOver: PodPredicate, signal: AbortSignal): Promise<PodView | undefined>;
}

export interface GateWebhookOptions {
  readonly client: Pick<ClientOf<Pod>, 'find' | 'patch'>;
  readonly view: GateView;
  /** `system:serviceaccount:<namespace>:<name>` of the operator. */
  readonly ownUser: string;
  readonly clock: Clock;
  /** graceful_rollout_gate_answers_total */
  readonly answers: Counter<'webhook' | 'answer'>;
  readonly log: Logger;
}

/** A person's delete waits this long for its drain; the API server's own limit is 34 s. */
export const HOLD_MS = 25_000;
/**
 * Of the 2 s that the API server gives: what is not written with more than 500 ms left admits. A little earlier than the
 * server of ours, which would call it a fault.
 */
const QUICK_ANSWER_MS = 1_400;
/** Of the 30 s. */
const HELD_ANSWER_MS = 29_000;
/**
 * Requests that one replica holds at once; one more goes through as in plain Kubernetes. Each is a connection of the API server's and
 * one of its requests in flight, of which it has hundreds for everything.
 */
export const MOST_HELD = 100;
/**
 * The cache shows a pod that becomes Ready a moment late, and an eviction comes without the stored one. What an eviction of a
 * starting pod waits for the stored one.
 */
const FRESH_READ_MS = 500;
/** One write of a held request. */
const HELD_WRITE_MS = 5_000;
/** A pod that is given back again and again under a waiting person is not worth more writes than this. */
const MOST_WRITES = 6;

interface Call extends Asked {
  readonly facts: RequestFacts;
  readonly signal: AbortSignal;
  readonly key: Uint8Array;
  /** Monotonic: when the answer has to be there. */
  readonly answerByMs: number;
  /** Wall clock: when a person's wait ends. */
  readonly untilMs: number;
}

type Look =
  | { readonly answer: 'Admit'; readonly why: AdmitReason }
  | { readonly answer: 'Gate'; readonly path: DrainPath; readonly plan: AdmitPlan; readonly forged: boolean };

/** The handlers of the three webhooks of the deletion gate (design.md §5, step 1). They never throw. */
export function gateWebhooks(options: GateWebhookOptions): {
  /** `/gate-replicasets`, 2 s: 404 once the intent is written. */
  readonly gateReplicaSets: AdmissionHandler;
  /** `/gate-deletes`, 30 s: waits, then admits. */
  readonly gateDeletes: AdmissionHandler;
  /** `/gate-evictions`, 2 s: 429 with the reason. */
  readonly gateEvictions: AdmissionHandler;
} {
  const gate = new Gate(options);
  return {
    gateReplicaSets: (request, { signal }) => gate.answer('gate-replicasets', request, signal),
    gateDeletes: (request, { signal }) => gate.answer('gate-deletes', request, signal),
    gateEvictions: (request, { signal }) => gate.answer('gate-evictions', request, signal),
  };
}

class Gate {
  readonly #options: GateWebhookOptions;
  readonly #intents: GateIntents;
  readonly #answers: GateAnswers;
  #held = 0;

  constructor(options: GateWebhookOptions) {
    this.#options = options;
    this.#intents = new GateIntents(options.client, options.clock, options.log);
    this.#answers = new GateAnswers(options.answers, options.log);
  }

  async answer(webhook: GateWebhook, request: AdmissionRequest, signal: AbortSignal): Promise<AdmissionResponse> {
    try {
      return await this.#decide(webhook, request, signal);
    } catch (err) {
      // After an abort nobody hears the answer.
      if (!signal.aborted) {
        const { namespace, name } = request;
        this.#options.log.error('the gate failed, request admitted', { webhook, namespace, name, err });
      }
      return this.#answers.admit({ webhook, request }, signal.aborted ? 'HungUp' : 'Failed');
    }
  }

  async #decide(webhook: GateWebhook, request: AdmissionRequest, signal: AbortSignal): Promise<AdmissionResponse> {
    const { clock, view } = this.#options;
    const key = view.key();
    if (!view.synced() || key === undefined) return this.#answers.admit({ webhook, request }, 'NotSynced');
    const call: Call = {
      webhook,
      request,
      facts: requestFactsOf(request),
      signal,
      key,
      answerByMs: clock.monotonicMs() + (webhook === 'gate-deletes' ? HELD_ANSWER_MS : QUICK_ANSWER_MS),
      // A person asks at `/gate-deletes`; elsewhere there is no time to wait.
      untilMs: clock.nowMs() + (webhook === 'gate-deletes' ? HOLD_MS : 0),
    };
    const pod = await this.#podOf(call);
    if (pod === undefined) return this.#answers.admit(call, 'NotAPod');
    if (webhook !== 'gate-deletes') return this.#settle(call, pod);
    const look = this.#look(call, pod);
    if (look.answer === 'Admit') return this.#answers.admit(call, look.why, pod);
    if (this.#held >= MOST_HELD) return this.#answers.admitUnheld(call, pod);
    this.#held += 1;
    try {
      return await this.#settle(call, pod);
    } finally {
      this.#held -= 1;
    }
  }

  /** The pod that is asked about: of a DELETE the stored one, of an eviction the cached one. */
  async #podOf(call: Call): Promise<JudgedPod | undefined> {
    const { resource, subResource, operation, oldObject, namespace, name } = call.request;
    if (resource.group !== '' || resource.resource !== 'pods') return undefined;
    if (call.webhook !== 'gate-evictions') {
      return operation === 'DELETE' && (subResource ?? '') === '' ? judgedPodOf(oldObject) : undefined;
    }
    if (operation !== 'CREATE' || subResource !== 'eviction' || !namespace || !name) return undefined;
    const cached = this.#options.view.podNamed(namespace, name);
    if (cached === undefined) return this.#read(call, { namespace, name });
    return this.#mayServeByNow(call, cached) ? this.#readFresh(call, cached) : cached;
  }

  /** Only that it is not Ready keeps it out of the gate's business. */
  #mayServeByNow(call: Call, cached: JudgedPod): boolean {
    if (cached.phase !== 'Running' && cached.phase !== 'Pending') return false;
    const look = this.#look(call, cached);
    if (look.answer === 'Gate' || look.why !== 'NotServing') return false;
    return this.#look(call, { ...cached, phase: 'Running', ready: true }).answer === 'Gate';
  }

  /** The stored pod; the cached one where the API server does not give it in time. */
  async #readFresh(call: Call, cached: JudgedPod): Promise<JudgedPod> {
    const deadlineMs = Math.max(1, Math.min(FRESH_READ_MS, this.#writeLimitMs(call)));
    try {
      return (await this.#intents.read(refOf(cached), { signal: call.signal, deadlineMs })) ?? cached;
    } catch (err) {
      if (call.signal.aborted) throw err;
      const { namespace, name, uid } = cached.metadata;
      this.#options.log.debug('cannot read a pod that is to be evicted', { namespace, name, uid, err });
      return cached;
    }
  }

  /** Looks, writes, waits and looks again until there is an answer: every answer is a function of the pod as it is then. */
  async #settle(call: Call, asked: JudgedPod): Promise<AdmissionResponse> {
    let pod = asked;
    let conflicts = 0;
    for (let writes = 0; writes < MOST_WRITES; ) {
      const look = this.#look(call, pod);
      if (look.answer === 'Admit') return this.#answers.admit(call, look.why, pod);
      const { path, plan } = look;
      if (plan.do === 'Keep') {
        if (path !== 'Delete') return this.#answers.refuse(call, path, plan.state, pod);
        const seen = await this.#wait(call, pod, plan.state);
        if (seen === 'TimeIsUp') return this.#answers.admitUndrained(call, plan.state, pod);
        if (seen === 'Gone') return this.#answers.admit(call, 'Gone', pod);
        pod = seen;
        conflicts = 0;
        continue;
      }
      if (look.forged) {
        const { namespace, name, uid } = pod.metadata;
        this.#options.log.warn('a drain state that is not ours is overwritten', { namespace, name, uid });
      }
      const deadlineMs = this.#writeLimitMs(call);
      if (deadlineMs <= 0 && plan.do === 'Write') return this.#answers.admit(call, 'NoTime', pod);
      const write = await this.#write(call, pod, plan.state, deadlineMs);
      writes += 1;
      if (plan.do === 'Refresh') return this.#answers.refuse(call, path, plan.state, pod);
      if (write.result === 'Written') {
        if (path !== 'Delete') return this.#answers.refuse(call, path, plan.state, write.pod);
        pod = write.pod;
      } else if (write.result === 'Conflict' && conflicts === 0) {
        conflicts += 1;
        const read = await this.#read(call, refOf(pod));
        if (read === undefined) return this.#answers.admit(call, 'Gone', pod);
        pod = read;
      } else {
        return this.#answers.admit(call, write.result === 'Gone' ? 'Gone' : 'WriteFailed', pod);
      }
    }
    return this.#answers.admit(call, 'WriteFailed', pod);
  }

  #look(call: Call, pod: JudgedPod): Look {
    const { clock, view, ownUser } = this.#options;
    const nowMs = clock.nowMs();
    const state = readState(pod, call.key);
    const input = {
      nowMs,
      request: call.facts,
      ownUser,
      synced: true,
      leaderAlive: view.leaderAlive(),
      pod,
      state,
      listedReady: view.listedReady(pod.metadata.uid ?? ''),
      ...view.ownersOf(pod, state.kind === 'State' ? state.state : undefined),
    };
    const judgement = call.webhook === 'gate-evictions' ? judgeEviction(input) : judgeDeletion(input);
    if (judgement.answer === 'Admit') return judgement;
    const { path } = judgement;
    const { username } = call.facts;
    const plan = planIntent({ path, username, nowMs, untilMs: call.untilMs, state });
    return { answer: 'Gate', path, plan, forged: state.kind === 'Forged' };
  }

  /** Until the answer would be another one. A hang-up on the way gives the pod back and rejects. */
  async #wait(call: Call, pod: JudgedPod, state: DrainState): Promise<JudgedPod | 'Gone' | 'TimeIsUp'> {
    const { clock, view } = this.#options;
    const identity = identityOf(pod);
    if (identity === undefined) return 'Gone';
    const known = pod.metadata.resourceVersion ?? '';
    const endMs = Math.min(call.untilMs, state.until === undefined ? call.untilMs : Date.parse(state.until));
    const time = linkAbort(call.signal);
    const cancel = clock.schedule(endMs - clock.nowMs(), () => time.abort(new Error('the wait is over')));
    try {
      const isOver: PodPredicate = (seen) => {
        if (seen === undefined) return true;
        // The cache may not have our own write yet.
        if (isOlderVersion(seen.metadata.resourceVersion ?? '', known)) return false;
        const look = this.#look(call, seen);
        return look.answer === 'Admit' || look.plan.do !== 'Keep';
      };
      return (await view.waitForPod(identity, isOver, time.signal)) ?? 'Gone';
    } catch (err) {
      if (call.signal.aborted || !time.signal.aborted) throw err;
      return 'TimeIsUp';
    } finally {
      cancel();
      time.release();
      await this.#abandonIfHungUp(call, pod);
    }
  }

  async #write(call: Call, pod: JudgedPod, state: DrainState, deadlineMs: number) {
    try {
      return await this.#intents.write(pod, state, call.key, { signal: call.signal, deadlineMs });
    } finally {
      await this.#abandonIfHungUp(call, pod);
    }
  }

  async #abandonIfHungUp(call: Call, pod: JudgedPod): Promise<void> {
    const identity = identityOf(pod);
    if (!call.signal.aborted || call.webhook !== 'gate-deletes' || identity === undefined) return;
    const abandoned = await this.#intents.abandon(identity, call.facts.username, call.key);
    this.#options.log.debug('a deletion was given up by who asked', { ...identity, abandoned });
  }

  #read(call: Call, ref: { readonly namespace: string; readonly name: string }): Promise<JudgedPod | undefined> {
    return this.#intents.read(ref, { signal: call.signal, deadlineMs: Math.max(1, this.#writeLimitMs(call)) });
  }

  #writeLimitMs({ webhook, answerByMs }: Call): number {
    const leftMs = answerByMs - this.#options.clock.monotonicMs();
    return webhook === 'gate-deletes' ? Math.min(HELD_WRITE_MS, leftMs) : leftMs;
  }
}

function refOf({ metadata }: JudgedPod): { readonly namespace: string; readonly name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}
