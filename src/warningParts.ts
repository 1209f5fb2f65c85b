import type { Counter } from 'prom-client';
import type { Claim } from './api/claim.ts';
import type { Deployment, KubeObject, Service } from './api/kubernetes.ts';
import {
  type Client,
  createInformer,
  defineResource,
  type Informer,
  type InformerNote,
  ingresses,
  namespaces,
  podDisruptionBudgets,
  type Resource,
} from './kube/index.ts';
import type { Clock, Logger } from './runtime/index.ts';
import { contextReaders } from './safety/index.ts';
import type { AdmissionHandler } from './webhooks/server.ts';
import { type WarningsView, warningsWebhook } from './webhooks/warnings.ts';
import { createContexts, type Known, knownBy, namespaceViewOf } from './webhooks/warningsContexts.ts';
import { type TargetVerdict, targetRules } from './webhooks/warningsOfTarget.ts';
import type { PolicyDefaults } from './webhooks/warningsPolicy.ts';

export interface WarningPartsOptions {
  readonly client: Client;
  readonly claims: Informer<Claim>;
  readonly deployments: Informer<Deployment>;
  readonly services: Informer<Service>;
  readonly defaults: PolicyDefaults;
  /** Who is neither warned nor denied, the operator itself among them. */
  readonly exemptUsers: readonly string[];
  readonly decisions: Counter<'webhook' | 'decision'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onNote: (resource: string) => (note: InformerNote) => void;
}

/** What the rules say of targets, and when to ask again. */
export interface TargetRules {
  verdictOf(target: Deployment): TargetVerdict;
  onChange(handler: (namespace: string) => void): void;
}

/** The parts of the warnings, put together; nothing is decided here. */
export interface WarningParts {
  /** By a name that no other informer of the operator has. */
  readonly informers: ReadonlyMap<string, Informer<KubeObject>>;
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
  readonly rules: TargetRules;
}

const statefulSets = defineResource({
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
});
const daemonSets = defineResource({
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
});
const horizontalPodAutoscalers = defineResource({
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
});
const persistentVolumeClaims = defineResource({
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
});

export function createWarningParts(options: WarningPartsOptions): WarningParts {
  const { client, clock, log, onNote, claims, deployments, services } = options;
  const informerOf = <F>(resource: Resource, read: (object: unknown) => F | undefined): Informer<Known<F>> =>
    createInformer<KubeObject, Known<F>>({
      client,
      resource,
      project: knownBy(read),
      onNote: onNote(resource.plural),
    });
  const own = {
    statefulSets: informerOf(statefulSets, contextReaders.workload),
    daemonSets: informerOf(daemonSets, contextReaders.workload),
    podDisruptionBudgets: informerOf(podDisruptionBudgets, contextReaders.podDisruptionBudget),
    horizontalPodAutoscalers: informerOf(horizontalPodAutoscalers, contextReaders.horizontalPodAutoscaler),
    ingresses: informerOf(ingresses, contextReaders.ingress),
    persistentVolumeClaims: informerOf(persistentVolumeClaims, contextReaders.persistentVolumeClaim),
    namespaces: createInformer<KubeObject>({
      client,
      resource: namespaces,
      project: namespaceViewOf,
      onNote: onNote('namespaces'),
    }),
  };
  const needed: readonly Pick<Informer<KubeObject>, 'hasSynced'>[] = [
    claims,
    deployments,
    services,
    ...Object.values(own),
  ];
  const contexts = createContexts({ claims, deployments, services, ...own });
  const view: WarningsView = {
    synced: () => needed.every((informer) => informer.hasSynced()),
    contextOf: (namespace) => contexts.contextOf(namespace),
    deployment: (namespace, name) => deployments.store.get(namespace, name),
    namespaceLabels: (namespace) => contexts.namespaceLabels(namespace),
  };
  const nowMs = (): number => clock.nowMs();
  const handle = warningsWebhook({
    view,
    defaults: options.defaults,
    exemptUsers: options.exemptUsers,
    nowMs,
    decisions: options.decisions,
    log,
  });
  return {
    informers: new Map<string, Informer<KubeObject>>([
      ['statefulsets', own.statefulSets],
      ['daemonsets', own.daemonSets],
      // The gate has caches of these two as well, with what it needs of them.
      ['warnings-poddisruptionbudgets', own.podDisruptionBudgets],
      ['warnings-ingresses', own.ingresses],
      ['horizontalpodautoscalers', own.horizontalPodAutoscalers],
      ['persistentvolumeclaims', own.persistentVolumeClaims],
      ['namespaces', own.namespaces],
    ]),
    handlers: { '/warn-workloads': async (request) => handle(request) },
    rules: {
      verdictOf: targetRules({ view, defaults: options.defaults, nowMs, log }),
      onChange: (handler) => contexts.onChange(handler),
    },
  };
}
