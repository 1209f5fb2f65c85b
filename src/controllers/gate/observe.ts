import type { Service } from '../../api/kubernetes.ts';
import { matchesLabelSelector, matchesServiceSelector } from '../../api/labelSelector.ts';
import { readState } from '../../gate/drainState.ts';
import { looked } from '../../gate/drainTime.ts';
import type {
  BudgetFacts,
  DrainState,
  GateSettings,
  Observation,
  PodView,
  ServiceFacts,
  Sibling,
} from '../../gate/types.ts';
import { pendingUidOf } from './budgetPending.ts';
import { byController, byNamespace, controllerOwner, deploymentOwner, type GateCaches } from './caches.ts';
import type { GateMemory } from './memory.ts';
import type { PodMonitors } from './podMonitors.ts';
import type { Routes } from './routes.ts';
import { selectedOnOf } from './selectedOn.ts';
import { listedInCache } from './slicesCheck.ts';

export interface ObserveInput {
  readonly caches: GateCaches;
  readonly memory: GateMemory;
  readonly podMonitors: Pick<PodMonitors, 'selectorsIn'>;
  readonly routes: Pick<Routes, 'routeTo'>;
  readonly key: Uint8Array;
  readonly pod: PodView;
  readonly state: DrainState;
  readonly settings: GateSettings;
  readonly nowMs: number;
  /** Monotonic. */
  readonly monoMs: number;
}

/** Everything about one pod in drain, read at one moment from the caches and from what this process wrote last. */
export function observe(input: ObserveInput): Observation {
  const { caches, memory, podMonitors, key, pod, state, settings, nowMs, monoMs } = input;
  const { namespace = '', uid = '' } = pod.metadata;
  // What selected it before isolation still tells which Services and budgets it is about.
  const labels = { ...state.removedLabels, ...pod.metadata.labels };
  const owner = state.owner ?? controllerOwner(pod);
  const replicaSet =
    owner?.kind === 'ReplicaSet' ? withUid(caches.replicaSets.get(namespace, owner.name), owner.uid) : undefined;
  const above = replicaSet === undefined ? deploymentOwner(pod, caches.replicaSets) : controllerOwner(replicaSet);
  const deployment =
    above === undefined ? undefined : withUid(caches.deployments.get(namespace, above.name), above.uid);
  const node = pod.nodeName === undefined ? undefined : caches.nodes.get(undefined, pod.nodeName);
  const budgets = budgetsOf(input, namespace, labels);
  memory.note(uid, { sights: looked(memory.of(uid).progress.sights, state, nowMs, monoMs) });
  return {
    nowMs,
    monoMs,
    settings,
    pod,
    state,
    progress: memory.of(uid).progress,
    ...(deployment === undefined
      ? {}
      : {
          deployment: {
            name: deployment.metadata.name ?? '',
            uid: deployment.metadata.uid ?? '',
            replicas: deployment.spec.replicas ?? 1,
            recreate: deployment.spec.strategy?.type === 'Recreate',
            deleting: deployment.metadata.deletionTimestamp !== undefined,
          },
        }),
    ...(replicaSet === undefined || replicaSet.metadata.deletionTimestamp !== undefined
      ? {}
      : {
          replicaSet: {
            name: replicaSet.metadata.name ?? '',
            uid: replicaSet.metadata.uid ?? '',
            replicas: replicaSet.replicas,
          },
        }),
    siblings: deployment === undefined ? [] : siblingsOf(caches, memory, key, deployment.metadata.uid ?? ''),
    services: servicesOf(input, namespace, labels),
    listed: listingOf(input, uid),
    budgets,
    ...(node === undefined ? {} : { node: { unschedulable: node.unschedulable, ready: node.ready } }),
    selectedOn: selectedOnOf(caches, podMonitors, namespace, labels),
  };
}

/** Names (`namespace/name`) of the budgets that select the pod. */
export function budgetKeysOf(caches: GateCaches, pod: PodView, state: DrainState): readonly string[] {
  const { namespace = '' } = pod.metadata;
  const labels = { ...state.removedLabels, ...pod.metadata.labels };
  return caches.budgets
    .byIndex(byNamespace, namespace)
    .filter(({ selector }) => matchesLabelSelector(selector, labels))
    .map(({ metadata }) => `${namespace}/${metadata.name}`);
}

function budgetsOf(
  input: ObserveInput,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): readonly BudgetFacts[] {
  const { caches, pod, state } = input;
  const mayAsk = state.path === 'Eviction' && state.isolatedAt === undefined;
  return caches.budgets
    .byIndex(byNamespace, namespace)
    .filter(({ selector }) => matchesLabelSelector(selector, labels))
    .map((budget) => {
      const pending = mayAsk ? pendingUidOf(input, budget) : undefined;
      return {
        name: budget.metadata.name ?? '',
        disruptionsAllowed: budget.disruptionsAllowed,
        ...(pending === undefined || pending === pod.metadata.uid ? {} : { pendingUid: pending }),
      };
    });
}

function listingOf({ caches, memory, pod, monoMs }: ObserveInput, uid: string): Observation['listed'] {
  if (listedInCache(caches, uid, memory.of(uid).unlistedAtVersion)) return 'Now';
  const before = memory.of(uid).listed || memory.unlisted.hasAny([uid, ...pod.ips], monoMs);
  return before ? 'Before' : 'Never';
}

function servicesOf(
  { caches, memory, routes, key, pod }: ObserveInput,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): readonly ServiceFacts[] {
  const selecting = caches.services
    .byIndex(byNamespace, namespace)
    .filter(({ spec }) => spec.type !== 'ExternalName' && matchesServiceSelector(spec.selector, labels));
  if (selecting.length === 0) return [];
  // A pod that is gone (deleted by force, say) may be ready in its slice for a while: only pods that are there count.
  const staying = new Set(
    caches.pods
      .byIndex(byNamespace, namespace)
      .map((other) => memory.newest(other))
      .filter((other) => !isLeaving(other, memory, key) && !isGoing(other, memory))
      .map(({ metadata }) => metadata.uid ?? ''),
  );
  const slices = caches.slices.byIndex(byNamespace, namespace);
  return selecting.map(({ metadata, spec }) => {
    const name = metadata.name ?? '';
    const ready = slices
      .filter(({ service }) => service === name)
      .flatMap(({ endpoints }) => endpoints)
      .filter((endpoint) => endpoint.ready && !endpoint.terminating)
      .flatMap(({ uid, nodeName }) => (uid !== undefined && staying.has(uid) ? [{ uid, nodeName }] : []));
    const route = routes.routeTo(namespace, name);
    const otherDataPath =
      otherPathOf(caches, namespace, name, spec.clusterIP) ?? (route === undefined ? meshOf(pod) : `the ${route}`);
    return {
      name,
      selector: spec.selector ?? {},
      readyUids: [...new Set(ready.map(({ uid }) => uid))],
      ...(isLocal(spec)
        ? { localUids: [...new Set(ready.filter((one) => one.nodeName === pod.nodeName).map(({ uid }) => uid))] }
        : {}),
      ...(otherDataPath === undefined ? {} : { otherDataPath }),
    };
  });
}

/** kube-proxy has no part in a headless Service; the API server takes an external policy only where there is outside traffic. */
function isLocal({ clusterIP, externalTrafficPolicy, internalTrafficPolicy }: Service['spec']): boolean {
  return clusterIP !== 'None' && [externalTrafficPolicy, internalTrafficPolicy].includes('Local');
}

/** Terminating; or deleted by our own request, which no watch has shown. */
function isGoing({ metadata }: PodView, memory: GateMemory): boolean {
  return metadata.deletionTimestamp !== undefined || memory.peek(metadata.uid ?? '')?.letGoAtMs !== undefined;
}

/** Isolated; or drained as it is, so that the request that waits for it deletes it now. */
function isLeaving(pod: PodView, memory: GateMemory, key: Uint8Array): boolean {
  const { uid = '' } = pod.metadata;
  if (memory.isIsolated(uid)) return true;
  const read = readState(pod, key);
  if (read.kind !== 'State') return false;
  if (read.state.isolatedAt === undefined) return read.state.drainedAt !== undefined;
  memory.markIsolated(uid);
  return true;
}

function otherPathOf(
  caches: GateCaches,
  namespace: string,
  service: string,
  clusterIP: string | undefined,
): string | undefined {
  if (clusterIP === 'None') return `the headless Service ${service} (DNS)`;
  const ingress = caches.ingresses.byIndex(byNamespace, namespace).find(({ services }) => services.includes(service));
  return ingress === undefined ? undefined : `the Ingress ${ingress.metadata.name}`;
}

function meshOf({ meshProxy }: PodView): string | undefined {
  return meshProxy === undefined ? undefined : `a service mesh (${meshProxy})`;
}

function siblingsOf(
  caches: GateCaches,
  memory: GateMemory,
  key: Uint8Array,
  deploymentUid: string,
): readonly Sibling[] {
  const owners = [
    deploymentUid,
    ...caches.replicaSets.byIndex(byController, deploymentUid).map(({ metadata }) => metadata.uid ?? ''),
  ];
  return owners
    .flatMap((uid) => caches.pods.byIndex(byController, uid))
    .map((cached) => {
      const pod = memory.newest(cached);
      const read = readState(pod, key);
      return {
        uid: pod.metadata.uid ?? '',
        ready: pod.ready,
        terminating: isGoing(pod, memory),
        ownerUid: controllerOwner(pod)?.uid ?? '',
        createdAt: pod.metadata.creationTimestamp ?? '',
        ...(read.kind === 'State' ? { state: read.state } : {}),
      };
    });
}

function withUid<T extends { readonly metadata: { readonly uid?: string } }>(
  object: T | undefined,
  uid: string,
): T | undefined {
  return object?.metadata.uid === uid ? object : undefined;
}
