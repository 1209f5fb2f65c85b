import { Counter, type Registry } from 'prom-client';
import type { Claim } from './api/claim.ts';
import { METRICS } from './api/index.ts';
import type { Deployment, KubeObject, Service } from './api/kubernetes.ts';
import { GateActions } from './controllers/gate/act.ts';
import { barrierStore, ProxyBarrier } from './controllers/gate/barrier.ts';
import { barrierAddressTask } from './controllers/gate/barrierAddress.ts';
import { barrierMetrics } from './controllers/gate/barrierMetrics.ts';
import { byNamespace, deploymentOwner } from './controllers/gate/caches.ts';
import { EvidenceLog } from './controllers/gate/evidenceLog.ts';
import { cachesOf, gateController } from './controllers/gate/index.ts';
import { GateMemory } from './controllers/gate/memory.ts';
import { createGateMetrics } from './controllers/gate/metrics.ts';
import { ownersOf } from './controllers/gate/owners.ts';
import { createPodMonitors } from './controllers/gate/podMonitors.ts';
import { GateReporter } from './controllers/gate/reporter.ts';
import { createRoutes } from './controllers/gate/routes.ts';
import { type GateScope, gateScope } from './controllers/gate/scope.ts';
import { isListedReady } from './controllers/gate/slicesCheck.ts';
import { createStateKey } from './controllers/gate/stateKey.ts';
import { GateStatus } from './controllers/gate/status.ts';
import { Terminations } from './controllers/gate/terminations.ts';
import { readState } from './gate/drainState.ts';
import type { DrainState, PodView, ProxyAnswer } from './gate/types.ts';
import { createGateInformers } from './gateInformers.ts';
import type { EventRecorder } from './kube/events.ts';
import { type Client, type Informer, type InformerNote } from './kube/index.ts';
import type { LeaseApi } from './kube/leaderElectionLease.ts';
import { LeaderHealth } from './kube/leaderHealth.ts';
import type { Clock, Controller, Logger, ManagedTask, OperatorMetrics } from './runtime/index.ts';
import { gateWebhooks } from './webhooks/gate.ts';
import { PodWaits } from './webhooks/gatePodWaits.ts';
import type { AdmissionHandler } from './webhooks/server.ts';

export interface GatePartsOptions {
  readonly client: Client;
  /** Refuses writes where this process does not lead (any more). */
  readonly leaderClient: Client;
  readonly leases?: Pick<LeaseApi, 'get'>;
  readonly isLeader: () => boolean;
  readonly claims: Informer<Claim>;
  readonly deployments: Informer<Deployment>;
  readonly services: Informer<Service>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  readonly registry: Registry;
  readonly onNote: (resource: string) => (note: InformerNote) => void;
  /** Where the operator's own Secret and Service are. */
  readonly namespace: string;
  readonly secretName: string;
  /** Absent: the service proxies are not asked. */
  readonly barrierService?: string;
  readonly barrierMaxNodes: number;
  readonly configuration: string;
  readonly excludedNamespaces: readonly string[];
  /** `system:serviceaccount:<namespace>:<name>` of the operator. */
  readonly ownUser: string;
}

/** The parts of the deletion gate, put together; nothing is decided here. */
export interface GateParts {
  readonly informers: ReadonlyMap<string, Informer<KubeObject>>;
  readonly tasks: readonly ManagedTask[];
  readonly controllers: readonly Controller[];
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
  readonly scope: GateScope;
  /** Why the webhooks would admit everything; undefined when they would not. */
  problem(): string | undefined;
}

/** A replica that has just started takes the leader for dead until it has seen the Lease change; it is not waited for longer. */
const LEADER_SEEN_MS = 10_000;

export function createGateParts(options: GatePartsOptions): GateParts {
  const { client, leaderClient, clock, log, metrics, registry, onNote } = options;
  const startedMs = clock.monotonicMs();
  const own = createGateInformers(client, onNote);
  const informers = {
    claims: options.claims,
    deployments: options.deployments,
    services: options.services,
    ...own,
  };
  const caches = cachesOf(informers);

  const stateKey = createStateKey({ client, namespace: options.namespace, secretName: options.secretName, clock, log });
  const health = new LeaderHealth({
    ...(options.leases === undefined ? {} : { leases: options.leases }),
    isLeader: options.isLeader,
    clock,
    log,
  });
  const scope = gateScope({
    client: leaderClient,
    configuration: options.configuration,
    claims: options.claims,
    excludedNamespaces: options.excludedNamespaces,
    clock,
    log,
  });
  const { barrierService } = options;
  const barrier =
    barrierService === undefined
      ? { confirm: () => Promise.resolve(quietAnswer(clock)) }
      : new ProxyBarrier({
          store: barrierStore(leaderClient, { namespace: options.namespace, name: barrierService }),
          service: barrierService,
          nodes: caches.nodes,
          clock,
          log,
          maxNodes: options.barrierMaxNodes,
          metrics: barrierMetrics(registry),
        });

  const stateOf = (pod: PodView): DrainState | undefined => {
    const key = stateKey.current();
    const read = key === undefined ? undefined : readState(pod, key);
    return read?.kind === 'State' ? read.state : undefined;
  };
  const drains = (namespace?: string): readonly { readonly pod: PodView; readonly state: DrainState }[] => {
    const all = namespace === undefined ? caches.pods.list() : caches.pods.byIndex(byNamespace, namespace);
    return all.flatMap((pod) => {
      const state = pod.metadata.deletionTimestamp === undefined ? stateOf(pod) : undefined;
      return state === undefined ? [] : [{ pod, state }];
    });
  };
  const podMonitors = createPodMonitors({ client, clock, log });
  const routes = createRoutes({ client, clock, log });
  const memory = new GateMemory();
  const evidence = new EvidenceLog();
  const status = new GateStatus({
    client: leaderClient,
    caches,
    evidence,
    drainsOf: (claim) =>
      drains(claim.metadata.namespace ?? '').filter(
        ({ pod }) => deploymentOwner(pod, caches.replicaSets)?.name === claim.targetName,
      ),
    clock,
    log,
    metrics,
  });
  options.claims.onChange((key, { new: claim }) => {
    if (claim === undefined) evidence.forget(key);
    else status.seen(claim);
  });
  const reporter = new GateReporter({
    events: options.events,
    evidence,
    metrics: createGateMetrics(registry, () =>
      drains().map(({ pod, state }) => ({ namespace: pod.metadata.namespace ?? '', state })),
    ),
    onNews: (claim) => status.note(claim),
  });
  // What runs beside the reconciles ends with the process; where this process does not lead any more its writes are refused.
  const beside = new AbortController();
  const shared = { caches, memory, barrier, reporter, clock, signal: beside.signal };
  const controller = gateController({
    informers,
    memory,
    actions: new GateActions({ ...shared, client: leaderClient }),
    podMonitors,
    routes,
    terminations: new Terminations({ ...shared, log }),
    key: () => stateKey.current(),
    clock,
    log,
    metrics,
  });

  const waits = new PodWaits(own.pods);
  const needed = [
    own.pods,
    own.replicaSets,
    own.slices,
    own.budgets,
    options.claims,
    options.deployments,
    options.services,
  ];
  const handlers = gateWebhooks({
    client,
    ownUser: options.ownUser,
    clock,
    log,
    answers: new Counter({
      name: 'graceful_rollout_gate_answers_total',
      help: METRICS.graceful_rollout_gate_answers_total.help,
      labelNames: ['webhook', 'answer'],
      registers: [registry],
    }),
    view: {
      synced: () => needed.every((informer) => informer.hasSynced()),
      key: () => stateKey.current(),
      leaderAlive: () => health.alive(),
      podNamed: (namespace, name) => caches.pods.get(namespace, name),
      listedReady: (uid) => isListedReady(caches, uid),
      waitForPod: (pod, isOver, abort) => waits.waitForPod(pod, isOver, abort),
      ownersOf: (pod, state) => ownersOf(caches, pod, state),
    },
  });

  return {
    informers: new Map<string, Informer<KubeObject>>([
      ['pods', own.pods],
      ['replicasets', own.replicaSets],
      ['endpointslices', own.slices],
      ['poddisruptionbudgets', own.budgets],
      ['nodes', own.nodes],
      ['networkpolicies', own.policies],
      ['ingresses', own.ingresses],
    ]),
    tasks: [
      { name: 'gate-key', run: (stop) => stateKey.run(stop) },
      { name: 'leader-health', run: (stop) => health.run(stop).then(() => untilAborted(stop)) },
      { name: 'gate-checks', run: (stop) => untilAborted(stop).then(() => beside.abort(stop.reason)) },
      scope,
      podMonitors,
      ...routes.tasks,
      ...(barrierService === undefined
        ? []
        : [
            barrierAddressTask({
              client: leaderClient,
              namespace: options.namespace,
              service: barrierService,
              clock,
              log,
            }),
          ]),
    ],
    controllers: [controller, status.controller],
    handlers: {
      '/gate-replicasets': handlers.gateReplicaSets,
      '/gate-deletes': handlers.gateDeletes,
      '/gate-evictions': handlers.gateEvictions,
    },
    scope,
    problem: () => {
      if (stateKey.current() === undefined) return 'the key of the gate was not read yet';
      const early = clock.monotonicMs() - startedMs < LEADER_SEEN_MS;
      return early && !health.alive() ? 'no leader was seen yet' : undefined;
    },
  };
}

/** A task must not end before it is told to, even if it has nothing to do. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The proxies are not asked: quiet time from now on. */
function quietAnswer(clock: Clock): ProxyAnswer {
  return { evidence: 'QuietTime', atMs: clock.nowMs(), confirmed: 0, silent: [] };
}
