import { isDeepStrictEqual } from 'node:util';
import type { Claim } from '../api/claim.ts';
import { API_VERSION, type GracefulRollout, KIND } from '../api/index.ts';
import type { Deployment, KubeObject, Service } from '../api/kubernetes.ts';
import type { Informer } from '../kube/index.ts';
import {
  type Autoscaler,
  type Context,
  contextReaders,
  type DisruptionBudget,
  type IngressFacts,
  seenByOthers,
  type Workload,
} from '../safety/index.ts';

/** What is kept of an object that only the rules read. */
export interface Known<F> extends KubeObject {
  /** Absent: the rules cannot read it. */
  readonly fact?: F;
}

/** Projection for the cache of such objects; `read` is one of {@link contextReaders}. */
export function knownBy<F>(read: (object: unknown) => F | undefined): (object: KubeObject) => Known<F> {
  return (object) => {
    const { namespace, name } = object.metadata;
    const fact = read(object);
    return {
      metadata: { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) },
      ...(fact === undefined ? {} : { fact }),
    };
  };
}

/** What a Namespace says about how its workloads are judged. */
export function namespaceViewOf({ metadata: { name, labels, deletionTimestamp } }: KubeObject): KubeObject {
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(labels === undefined ? {} : { labels }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
  };
}

/** Name and access modes of a PersistentVolumeClaim. */
type ClaimModes = readonly [string, readonly string[]];

type Changes<T extends KubeObject> = Pick<Informer<T>, 'onChange'>;

/** What contexts are made from. Without Argo Rollouts, bare ReplicaSets and pods: rules that need those say nothing. */
export interface ContextInformers {
  readonly claims: Changes<Claim>;
  readonly deployments: Changes<Deployment>;
  readonly services: Changes<Service>;
  readonly statefulSets: Changes<Known<Workload>>;
  readonly daemonSets: Changes<Known<Workload>>;
  readonly podDisruptionBudgets: Changes<Known<DisruptionBudget>>;
  readonly horizontalPodAutoscalers: Changes<Known<Autoscaler>>;
  readonly ingresses: Changes<Known<IngressFacts>>;
  readonly persistentVolumeClaims: Changes<Known<ClaimModes>>;
  readonly namespaces: Pick<Informer<KubeObject>, 'onChange' | 'store'>;
}

/** What is known of each namespace. */
export interface Contexts {
  contextOf(namespace: string): Context;
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
  /**
   * Told when the rules may say something else of the workloads of a namespace, though neither they themselves nor a Service
   * changed. Many times in a row where much changes.
   */
  onChange(handler: (namespace: string) => void): void;
}

/**
 * Contexts that follow the caches object by object: each is read once, when it changes, so that a request finds lists and
 * reads nothing. Never older than the caches.
 */
export function createContexts(informers: ContextInformers): Contexts {
  const handlers = new Set<(namespace: string) => void>();
  const tell = (namespace: string): void => {
    for (const handler of handlers) handler(namespace);
  };
  const quiet = (): void => {};
  const known = <F>({ fact }: Known<F>): F | undefined => fact;
  const services = follow(informers.services, contextReaders.service, listed, quiet);
  const rollouts = follow(informers.claims, rolloutOf, listed, quiet);
  const budgets = follow(informers.podDisruptionBudgets, known, listed, tell);
  // Most rollouts of a neighbour change nothing that the others' rules read, some of its labels neither.
  const neighbour = (namespace: string, before: Workload | undefined, after: Workload | undefined): void => {
    const around = { services: services(namespace), podDisruptionBudgets: budgets(namespace) };
    if (!isDeepStrictEqual(seenByOthers(before, around), seenByOthers(after, around))) tell(namespace);
  };
  const deployments = follow(informers.deployments, contextReaders.workload, listed, neighbour);
  const statefulSets = follow(informers.statefulSets, known, listed, neighbour);
  const daemonSets = follow(informers.daemonSets, known, listed, neighbour);
  const autoscalers = follow(informers.horizontalPodAutoscalers, known, listed, tell);
  const ingresses = follow(informers.ingresses, known, listed, tell);
  const modes = follow(informers.persistentVolumeClaims, known, (facts) => Object.fromEntries(facts), tell);
  const namespaces = informers.namespaces.store;
  informers.namespaces.onChange((name, change) => {
    if (!isDeepStrictEqual(change.old?.metadata.labels, change.new?.metadata.labels)) tell(name);
  });
  const namespaceLabels = (namespace: string) => {
    const found = namespaces.get(undefined, namespace);
    return found === undefined ? undefined : (found.metadata.labels ?? {});
  };
  return {
    contextOf(namespace) {
      const labels = namespaceLabels(namespace);
      return {
        services: services(namespace),
        podDisruptionBudgets: budgets(namespace),
        horizontalPodAutoscalers: autoscalers(namespace),
        gracefulRollouts: rollouts(namespace),
        ingresses: ingresses(namespace),
        workloads: [...deployments(namespace), ...statefulSets(namespace), ...daemonSets(namespace)],
        claimAccessModes: modes(namespace),
        ...(labels === undefined ? {} : { namespaceLabels: labels }),
      };
    },
    namespaceLabels,
    onChange: (handler) => void handlers.add(handler),
  };
}

function listed<F>(facts: readonly F[]): readonly F[] {
  return facts;
}

/** One that is being deleted, or cannot be used, governs nothing. */
function rolloutOf({ metadata, spec }: Claim): GracefulRollout | undefined {
  if (spec === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  return { apiVersion: API_VERSION, kind: KIND, metadata, spec };
}

/** Reads each object as it changes; what a namespace has of them is put together when it is asked for, and kept. */
function follow<T extends KubeObject, F, S>(
  informer: Changes<T>,
  read: (object: T) => F | undefined,
  sum: (facts: readonly F[]) => S,
  onChange: (namespace: string, before: F | undefined, after: F | undefined) => void,
): (namespace: string) => S {
  const byNamespace = new Map<string, Map<string, F>>();
  const sums = new Map<string, S>();
  informer.onChange((key, change) => {
    const { namespace = '' } = (change.new ?? change.old)?.metadata ?? {};
    const facts = byNamespace.get(namespace) ?? new Map<string, F>();
    const fact = change.new === undefined ? undefined : read(change.new);
    const before = facts.get(key);
    // Most changes are of the status.
    if (isDeepStrictEqual(fact, before)) return;
    if (fact === undefined) facts.delete(key);
    else facts.set(key, fact);
    if (facts.size === 0) byNamespace.delete(namespace);
    else byNamespace.set(namespace, facts);
    sums.delete(namespace);
    onChange(namespace, before, fact);
  });
  const nothing = sum([]);
  return (namespace) => {
    const facts = byNamespace.get(namespace);
    if (facts === undefined) return nothing;
    const kept = sums.get(namespace);
    if (kept !== undefined) return kept;
    const made = sum([...facts.values()]);
    sums.set(namespace, made);
    return made;
  };
}
