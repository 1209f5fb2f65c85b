import type { Claim } from '../../api/claim.ts';
import { DRAIN_ANNOTATION } from '../../api/index.ts';
import type { Deployment, KubeObject, Service } from '../../api/kubernetes.ts';
import { readState } from '../../gate/drainState.ts';
import { DEFAULT_GATE_SETTINGS } from '../../gate/settings.ts';
import { decideStep } from '../../gate/step.ts';
import type { BudgetView, GateSettings, GateStep, PodView, ReplicaSetView, SliceView } from '../../gate/types.ts';
import type { Informer } from '../../kube/index.ts';
import { isConflict, isNotFound } from '../../kube/index.ts';
import { type Clock, Controller, type Logger, type ObjectKey, type OperatorMetrics } from '../../runtime/index.ts';
import type { GateActions } from './act.ts';
import {
  byNamespace,
  deploymentOwner,
  type GateCaches,
  governing,
  type IngressView,
  type NodeView,
  type PolicyView,
} from './caches.ts';
import type { GateMemory } from './memory.ts';
import { NamespaceLock } from './namespaceLock.ts';
import { observe } from './observe.ts';
import type { PodMonitors } from './podMonitors.ts';
import type { Routes } from './routes.ts';
import { listedInCache } from './slicesCheck.ts';
import type { Terminations } from './terminations.ts';

type Watched<T extends KubeObject> = Pick<Informer<T>, 'store' | 'onChange'>;

/** The informers behind {@link GateCaches}. */
export interface GateInformers {
  readonly claims: Watched<Claim>;
  readonly deployments: Watched<Deployment>;
  readonly services: Watched<Service>;
  readonly pods: Watched<PodView>;
  readonly replicaSets: Watched<ReplicaSetView>;
  readonly slices: Watched<SliceView>;
  readonly budgets: Watched<BudgetView>;
  readonly nodes: Watched<NodeView>;
  readonly policies: Watched<PolicyView>;
  readonly ingresses: Watched<IngressView>;
}

export interface GateOptions {
  readonly informers: GateInformers;
  readonly memory: GateMemory;
  readonly actions: GateActions;
  readonly terminations: Terminations;
  readonly podMonitors: Pick<PodMonitors, 'selectorsIn'>;
  readonly routes: Pick<Routes, 'routeTo'>;
  /** Signs and checks what is kept on pods; undefined until it was read. */
  readonly key: () => Uint8Array | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  readonly concurrency?: number;
}

/** Steps of one pod in one reconcile; more means that the world does not follow our writes. */
const MAX_STEPS = 8;
/** After a conflict the watch brings the newer pod soon. */
const CONFLICT_MS = 50;
/** A wait that names no end is looked at again; what it waits for has no watch of ours (a PodMonitor, a clock). */
const RECHECK_MS = 5_000;
/** The key is read while the caches fill; a pod that is terminating may not wait long for who takes over. */
const KEY_MS = 250;
/** Changes in a namespace are gathered for this long before its pods in drain are looked at again, */
const GATHER_MS = 10;
/**
 * or, where there are many, for this long for each: a look costs about 1 ms where 500 of 1,000 pods of a namespace drain, and
 * every change is a look at each of them.
 */
const GATHER_PER_DRAIN_MS = 2;
/** What is remembered of pods that are gone is dropped this often. */
const SWEEP_MS = 60_000;

/**
 * Nothing is asked for before this process leads, or a replica that only waits would gather the name of every pod that ever
 * ended; what is there then is looked at once.
 */
class GateController extends Controller {
  leading = false;
  onLead: () => void = () => {};

  override async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    this.leading = true;
    this.onLead();
    await super.run(stop, abort);
  }
}

/** The caches that the informers fill. */
export function cachesOf(informers: GateInformers): GateCaches {
  return {
    claims: informers.claims.store,
    deployments: informers.deployments.store,
    services: informers.services.store,
    pods: informers.pods.store,
    replicaSets: informers.replicaSets.store,
    slices: informers.slices.store,
    budgets: informers.budgets.store,
    nodes: informers.nodes.store,
    policies: informers.policies.store,
    ingresses: informers.ingresses.store,
  };
}

/**
 * The leader's side of the gate: one reconcile per pod in drain, observe → decide (pure) → act, step by step until there is
 * something to wait for. Everything that must survive this process is on the pod.
 */
export function gateController(options: GateOptions): Controller {
  const { informers, memory, actions, terminations, clock } = options;
  const caches = cachesOf(informers);
  const locks = new NamespaceLock();

  const settingsOf = (pod: PodView): { readonly claim?: Claim; readonly settings: GateSettings } => {
    const owner = deploymentOwner(pod, caches.replicaSets);
    const governed =
      owner === undefined ? undefined : governing(caches.claims, pod.metadata.namespace ?? '', owner.name);
    return governed ?? { settings: { ...DEFAULT_GATE_SETTINGS, mode: 'Off' } };
  };

  /**
   * From its isolation on nothing about a pod hangs on what others do, and nobody counts it any more: the checks and the delete
   * of many need not wait for each other, nor hold up the next isolation.
   */
  const isDecidedAlone = (ref: ObjectKey): boolean => {
    const key = options.key();
    const cached = caches.pods.get(ref.namespace, ref.name);
    if (cached === undefined || key === undefined || cached.metadata.deletionTimestamp !== undefined) return true;
    const read = readState(memory.newest(cached), key);
    return read.kind === 'State' && read.state.isolatedAt !== undefined;
  };

  /** One look and one step; before its isolation a pod is alone in its namespace from the look to the write. */
  const once = async (
    ref: ObjectKey,
    context: { readonly signal: AbortSignal; readonly log: Logger },
  ): Promise<{ readonly again: true } | { readonly afterMs?: number }> => {
    const key = options.key();
    const cached = caches.pods.get(ref.namespace, ref.name);
    if (cached === undefined) {
      terminations.gone(ref);
      return {};
    }
    if (key === undefined) return { afterMs: KEY_MS };
    const pod = memory.newest(cached);
    const uid = pod.metadata.uid ?? '';
    const read = readState(pod, key);
    const { claim, settings } = settingsOf(pod);
    if (pod.metadata.deletionTimestamp !== undefined) {
      const ending = terminations.ending(pod, read.kind === 'State' ? read.state : undefined, claim, settings);
      if (read.kind === 'State') await actions.returnToReplicaSet(pod, read.state, context.signal);
      return ending;
    }
    if (read.kind === 'None') {
      calledOff(pod);
      return {};
    }
    if (read.kind === 'Forged') {
      await actions.removeForged(pod, claim, context);
      return {};
    }
    const podMemory = memory.of(uid);
    if (!podMemory.listed && listedInCache(caches, uid)) podMemory.listed = true;
    terminations.draining(pod, read.state, claim);
    const observation = observe({
      caches,
      memory,
      podMonitors: options.podMonitors,
      routes: options.routes,
      key,
      pod,
      state: read.state,
      settings,
      nowMs: clock.nowMs(),
      monoMs: clock.monotonicMs(),
    });
    const step = decideStep(observation);
    context.log.debug('next step of a drain', { step: step.do, path: read.state.path, ...reasonOf(step) });
    const outcome = await actions.act(step, { pod, state: read.state, observation, settings, key, context, claim });
    if (step.do === 'Cancel' || step.do === 'GiveBack') calledOff(pod);
    return outcome;
  };

  /** It goes on as if it had never been asked to leave; when it ends, that is another end. */
  const calledOff = (pod: PodView): void => {
    memory.reset(pod.metadata.uid ?? '');
    terminations.calledOff(pod);
  };

  let sweptAtMs = clock.monotonicMs();
  const sweep = (): void => {
    if (clock.monotonicMs() - sweptAtMs < SWEEP_MS) return;
    sweptAtMs = clock.monotonicMs();
    const there = new Set(caches.pods.list().map(({ metadata }) => metadata.uid));
    // The evidence of a pod that has just gone is still to be made.
    memory.retain((uid) => there.has(uid) || terminations.follows(uid));
  };

  const reconcile = async (ref: ObjectKey, context: { readonly signal: AbortSignal; readonly log: Logger }) => {
    sweep();
    for (let steps = 0; steps < MAX_STEPS; steps += 1) {
      try {
        const look = () => once(ref, context);
        const outcome = await (isDecidedAlone(ref) ? look() : locks.run(ref.namespace, look));
        if (!('again' in outcome)) {
          return outcome.afterMs === undefined ? undefined : { requeueAfterMs: outcome.afterMs };
        }
      } catch (error) {
        if (isConflict(error)) return { requeueAfterMs: CONFLICT_MS };
        if (isNotFound(error)) return { requeueAfterMs: CONFLICT_MS };
        throw error;
      }
    }
    context.log.warn('a drain took many steps at once and is looked at again', { steps: MAX_STEPS });
    return { requeueAfterMs: RECHECK_MS };
  };

  const controller = new GateController({
    name: 'gate',
    reconcile,
    clock,
    log: options.log,
    metrics: options.metrics,
    concurrency: options.concurrency ?? 16,
    // A pod stands isolated meanwhile: what failed is tried again as soon as anything else is looked at again.
    queue: { maxDelayMs: RECHECK_MS },
  });

  const isInDrain = ({ metadata }: PodView): boolean => metadata.annotations?.[DRAIN_ANNOTATION] !== undefined;
  const enqueue = ({ metadata }: PodView): void => {
    if (controller.leading) controller.enqueue({ namespace: metadata.namespace ?? '', name: metadata.name ?? '' });
  };
  const enqueueDrainsIn = (object: KubeObject | undefined): void => {
    if (!controller.leading) return;
    const drains = caches.pods.byIndex(byNamespace, object?.metadata.namespace ?? '').filter(isInDrain);
    const gatherMs = Math.max(GATHER_MS, drains.length * GATHER_PER_DRAIN_MS);
    for (const { metadata } of drains) {
      controller.enqueueAfter({ namespace: metadata.namespace ?? '', name: metadata.name ?? '' }, gatherMs);
    }
  };
  controller.onLead = () => {
    for (const pod of caches.pods.list()) {
      if (isInDrain(pod) || pod.metadata.deletionTimestamp !== undefined) enqueue(pod);
    }
  };
  informers.pods.onChange((_key, { old, new: now }) => {
    const pod = now ?? old;
    if (pod === undefined) return;
    // Also where somebody took the state off, and when it is gone.
    const wasInDrain = old !== undefined && isInDrain(old);
    if (isInDrain(pod) || wasInDrain || pod.metadata.deletionTimestamp !== undefined || now === undefined) enqueue(pod);
    // Readiness, owners and ends of siblings decide about the others.
    enqueueDrainsIn(pod);
  });
  for (const informer of [informers.slices, informers.replicaSets, informers.budgets, informers.services]) {
    informer.onChange((_key: string, { old, new: now }: { readonly old?: KubeObject; readonly new?: KubeObject }) =>
      enqueueDrainsIn(now ?? old),
    );
  }
  // Every replica: who takes over must know what the proxies may not have followed yet.
  informers.slices.onChange((_key, { old, new: now }) => {
    memory.unlisted.changed(old, now, clock.monotonicMs());
    memory.relisted(now);
  });
  informers.claims.onChange((_key, { old, new: now }) => enqueueDrainsIn(now ?? old));
  informers.deployments.onChange((_key, { old, new: now }) => enqueueDrainsIn(now ?? old));
  actions.onDone((ref) => controller.enqueue(ref));
  return controller;
}

function reasonOf(step: GateStep): { readonly reason?: string } {
  return 'reason' in step ? { reason: step.reason } : {};
}
