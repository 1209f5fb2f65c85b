import { Counter } from 'prom-client';
import { type Claim, claimOf } from './api/claim.ts';
import { METRICS } from './api/index.ts';
import type { Deployment, KubeObject, Service } from './api/kubernetes.ts';
import { announceGivenBack } from './controllers/enforce/givenBack.ts';
import { byNamespace, byTarget, enforceController } from './controllers/enforce/index.ts';
import { createEnforceMetrics } from './controllers/enforce/metrics.ts';
import { createGateParts } from './gateParts.ts';
import { clientEventSink, EventRecorder } from './kube/events.ts';
import {
  type Client,
  createInformer,
  deployments,
  gracefulRollouts,
  type Informer,
  type InformerNote,
  mutatingWebhookConfigurations,
  services,
  validatingWebhookConfigurations,
} from './kube/index.ts';
import { LeaderElector, uniqueIdentity } from './kube/leaderElection.ts';
import { leaderOnly } from './kube/leaderElectionClient.ts';
import { leaseApi } from './kube/leaderElectionLease.ts';
import {
  type Clock,
  cacheDriftTask,
  HealthServer,
  type Logger,
  type ManagedServer,
  Manager,
  OperatorMetrics,
} from './runtime/index.ts';
import { createWarningParts } from './warningParts.ts';
import { runCertificates } from './webhooks/certificates/index.ts';
import { ContestReporter } from './webhooks/contestReport.ts';
import { Contests } from './webhooks/contests.ts';
import { deploymentWebhook } from './webhooks/deployment.ts';
import { createWebhookServer, type WebhookServer } from './webhooks/server.ts';
import type { PolicyDefaults } from './webhooks/warningsPolicy.ts';

export interface OperatorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the operator's own Secret and Lease are. */
  readonly namespace: string;
  readonly healthPort: number;
  readonly webhookPort: number;
  /** Address to listen on; default: all. */
  readonly host?: string;
  readonly webhookService: string;
  readonly webhookSecret: string;
  readonly webhookConfiguration: string;
  /** Further names in the webhook's certificate, for a webhook called by URL (`npm run dev`, tests). */
  readonly webhookNames: readonly string[];
  /** Name of the Lease; absent: this process leads without asking. */
  readonly lease?: string;
  /** How long the webhook goes on answering after SIGTERM. */
  readonly drainSeconds: number;
  readonly reportingInstance: string;
  /** Absent: no deletion gate (its webhooks, controllers and caches). */
  readonly gate?: {
    /** ValidatingWebhookConfiguration of the gate. */
    readonly configuration: string;
    /** The Service by which every node's service proxy is asked; absent: they are not asked, quiet time instead. */
    readonly barrierService?: string;
    readonly barrierMaxNodes: number;
    /** Namespaces that are never gated. */
    readonly excludedNamespaces: readonly string[];
    /** The operator's own user name: what it deletes is not asked about. */
    readonly ownUser: string;
  };
  /** Absent: no warnings on workloads (their webhook and caches, and the rules' findings in the status). */
  readonly warnings?: {
    /** ValidatingWebhookConfiguration of the warnings. */
    readonly configuration: string;
    /** Of namespaces without labels. */
    readonly defaults: PolicyDefaults;
    /** User names that are neither warned nor denied, the operator's own among them. */
    readonly exemptUsers: readonly string[];
  };
}

export interface Operator {
  /** Runs until `signal` is aborted, then shuts down in order; rejects when a part fails. */
  run(signal: AbortSignal): Promise<void>;
  readonly health: HealthServer;
  /** The port that the webhook listens on, once it does. */
  webhookPort(): number | undefined;
}

/** Puts the parts together; nothing is decided here. */
export function createOperator(options: OperatorOptions): Operator {
  const { client, clock, log, namespace } = options;
  const metrics = new OperatorMetrics({ processMetrics: true });
  const { registry } = metrics;
  const health = new HealthServer({
    port: options.healthPort,
    ...(options.host === undefined ? {} : { host: options.host }),
    registry,
    clock,
    log,
  });
  const elector =
    options.lease === undefined
      ? undefined
      : new LeaderElector({
          leases: leaseApi(client, namespace, options.lease),
          identity: uniqueIdentity(),
          clock,
          log,
          onChange: (isLeader) => metrics.leader(options.lease ?? '', isLeader),
        });
  const manager = new Manager({
    clock,
    log,
    health,
    lingerMs: options.drainSeconds * 1000,
    ...(elector === undefined ? {} : { elector }),
  });

  const onNote = (resource: string) => (note: InformerNote) => noteOf(log, resource, note);
  const claims = createInformer<KubeObject, Claim>({
    client,
    resource: gracefulRollouts,
    project: claimOf,
    indexers: {
      [byTarget]: (claim) =>
        claim.targetName === undefined ? [] : [`${claim.metadata.namespace ?? ''}/${claim.targetName}`],
      [byNamespace]: namespaceOf,
    },
    onNote: onNote('gracefulrollouts'),
  });
  const targets = createInformer<Deployment>({ client, resource: deployments, onNote: onNote('deployments') });
  const endpoints = createInformer<Service>({
    client,
    resource: services,
    indexers: { [byNamespace]: namespaceOf },
    onNote: onNote('services'),
  });
  manager.addInformer('gracefulrollouts', claims);
  manager.addInformer('deployments', targets);
  manager.addInformer('services', endpoints);

  const events = new EventRecorder({
    sink: clientEventSink(client),
    reportingController: 'graceful-rollout.io/controller',
    reportingInstance: options.reportingInstance,
    clock,
    log,
    onResult: (result) => metrics.event(result),
  });
  manager.addTask({ name: 'events', run: (signal) => events.run(signal) });

  const registers = [registry];
  const decisions = new Counter({
    name: 'graceful_rollout_admission_requests_total',
    help: METRICS.graceful_rollout_admission_requests_total.help,
    labelNames: ['webhook', 'decision'],
    registers,
  });
  const isLeader = (): boolean => elector?.isLeader() ?? true;
  const leaderClient = elector === undefined ? client : leaderOnly(client, elector);
  const gate =
    options.gate === undefined
      ? undefined
      : createGateParts({
          ...options.gate,
          client,
          leaderClient,
          ...(options.lease === undefined ? {} : { leases: leaseApi(client, namespace, options.lease) }),
          isLeader,
          claims,
          deployments: targets,
          services: endpoints,
          events,
          clock,
          log,
          metrics,
          registry,
          onNote,
          namespace,
          secretName: options.webhookSecret,
        });
  const warnings =
    options.warnings === undefined
      ? undefined
      : createWarningParts({
          ...options.warnings,
          client,
          claims,
          deployments: targets,
          services: endpoints,
          decisions,
          clock,
          log,
          onNote,
        });
  for (const [name, informer] of warnings?.informers ?? []) manager.addInformer(name, informer);
  for (const [name, informer] of gate?.informers ?? []) manager.addInformer(name, informer);
  for (const task of gate?.tasks ?? []) manager.addTask(task);
  for (const controller of gate?.controllers ?? []) manager.addController(controller);
  announceGivenBack({ deployments: targets, events, isLeader });
  manager.addController(
    enforceController({
      client: leaderClient,
      ...(gate === undefined ? {} : { beforeAdoption: (ns, signal) => gate.scope.ensure(ns, signal) }),
      ...(warnings === undefined ? {} : { rules: warnings.rules }),
      claims,
      deployments: targets,
      services: endpoints,
      events,
      clock,
      log,
      metrics,
      adoptions: createEnforceMetrics(registry, claims.store).adoptions,
    }),
  );

  const certificates = runCertificates({
    client,
    namespace,
    secretName: options.webhookSecret,
    serviceName: options.webhookService,
    webhookConfigurations: [
      { resource: mutatingWebhookConfigurations, name: options.webhookConfiguration },
      ...(options.gate === undefined
        ? []
        : [{ resource: validatingWebhookConfigurations, name: options.gate.configuration }]),
      ...(options.warnings === undefined
        ? []
        : [{ resource: validatingWebhookConfigurations, name: options.warnings.configuration }]),
    ],
    extraNames: options.webhookNames,
    clock,
    log,
    registry,
  });
  manager.addTask({ name: 'certificates', run: (signal) => certificates.run(signal) });

  manager.addTask(
    cacheDriftTask({
      client,
      informers: new Map<string, Informer<KubeObject>>([
        ['gracefulrollouts', claims],
        ['deployments', targets],
        ['services', endpoints],
        ...(gate?.informers ?? []),
        ...(warnings?.informers ?? []),
      ]),
      clock,
      log,
      registry,
    }),
  );

  const contests = new Contests();
  const reporter = new ContestReporter({ client, clock, log });
  manager.addTask({ name: 'contest-reports', run: (signal) => reporter.run(signal) });
  const mutateDeployments = deploymentWebhook({
    view: {
      synced: () => claims.hasSynced() && endpoints.hasSynced(),
      claimsOf: (ns, deployment) => claims.store.byIndex(byTarget, `${ns}/${deployment}`),
      servicesIn: (ns) => endpoints.store.byIndex(byNamespace, ns),
    },
    note: (reassertion) => contests.note(reassertion, clock.nowMs()),
    onContest: (claim, contest) => reporter.report(claim, contest),
    contested: new Counter({
      name: 'graceful_rollout_contested_writes_total',
      help: METRICS.graceful_rollout_contested_writes_total.help,
      labelNames: ['namespace', 'deployment'],
      registers,
    }),
    decisions,
    log,
  });
  const webhook = createWebhookServer({
    port: options.webhookPort,
    ...(options.host === undefined ? {} : { host: options.host }),
    handlers: {
      '/mutate-deployments': async (request) => mutateDeployments(request),
      ...gate?.handlers,
      ...warnings?.handlers,
    },
    tls: certificates,
    log,
    registry,
    clock,
    drainSeconds: options.drainSeconds,
  });
  manager.addServer(managed(webhook, clock));
  health.addReadinessCheck('webhook', () => (webhook.ready() ? undefined : 'the webhook does not serve yet'));
  if (gate !== undefined) health.addReadinessCheck('gate', () => gate.problem());
  health.addReadinessCheck('certificate', () =>
    certificates.ready() ? undefined : 'the certificate of the webhook is not issued or its CA not published yet',
  );
  return { run: (signal) => manager.run(signal), health, webhookPort: () => webhook.port() };
}

/**
 * The webhook server for the manager: it drains by itself from the beginning of the shutdown (`Connection: close`), and
 * the manager waits for its end.
 */
function managed(webhook: WebhookServer, clock: Clock): ManagedServer {
  const leaving = new AbortController();
  let running: Promise<void> | undefined;
  return {
    name: 'webhook',
    async start(signal) {
      running = webhook.run(leaving.signal);
      // A failure to listen rejects here and ends the operator.
      const listening = async (): Promise<void> => {
        while (webhook.port() === undefined && !signal.aborted) await Promise.allSettled([clock.sleep(10, signal)]);
      };
      await Promise.race([running, listening()]);
    },
    drain: () => leaving.abort(new Error('the operator shuts down')),
    async stop(signal) {
      leaving.abort(new Error('the operator shuts down'));
      // A call that never ends must not keep the process: it goes when the manager's patience is over.
      const patience = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      );
      await Promise.race([running, patience]);
    },
  };
}

function namespaceOf(object: KubeObject): readonly string[] {
  return [object.metadata.namespace ?? ''];
}

function noteOf(log: Logger, resource: string, note: InformerNote): void {
  switch (note.note) {
    case 'listed':
      log.debug('listed', { resource, objects: note.objects, resourceVersion: note.resourceVersion });
      return;
    case 'watching':
      log.debug('watching', { resource, resourceVersion: note.resourceVersion });
      return;
    case 'watchEnded':
      log.debug('watch ended', { resource, why: note.why, err: note.error });
      return;
    case 'failed':
      log.warn('cannot read from the API server, trying again', {
        resource,
        during: note.during,
        retryInMs: Math.round(note.retryInMs),
        err: note.error,
      });
      return;
    case 'unusable':
      log.error('an object cannot be read and is left out', { resource, key: note.key, err: note.error });
      return;
    case 'handlerThrew':
      log.error('a handler of changes failed', { resource, key: note.key, err: note.error });
  }
}
