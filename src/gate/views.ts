import { GROUP } from '../api/index.ts';
import type { LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference } from '../api/kubernetes.ts';
import { parseSleep } from '../contract/index.ts';
import type { BudgetView, EndpointView, PodView, ReplicaSetView, SliceView } from './types.ts';

/*
 * What the gate keeps of the objects it watches. Total: an object that lacks something, or has it in another form, gives a
 * view with what the API server's default would be.
 */

/** core/v1 PodSpec: what the API server fills in. */
const defaultGraceSeconds = 30;

/**
 * A pod. Of one that neither a ReplicaSet nor a Deployment controls, and that carries nothing of ours, only the identity
 * is kept: it never comes before the gate, and a cluster has many.
 */
export function podViewOf(object: unknown): PodView {
  const { metadata, spec, status } = recordOf(object);
  const owners = ownersOf(recordOf(metadata).ownerReferences);
  const annotations = ownAnnotations(recordOf(metadata).annotations);
  const isOurs =
    owners.some(({ controller, kind }) => controller === true && (kind === 'ReplicaSet' || kind === 'Deployment')) ||
    Object.keys(annotations).length > 0;
  if (!isOurs)
    return { metadata: identityOf(metadata), ready: false, ips: [], gracePeriodSeconds: 0, preStopSeconds: 0 };

  const { nodeName, terminationGracePeriodSeconds, containers, initContainers } = recordOf(spec);
  const { phase, conditions, podIPs, podIP } = recordOf(status);
  const condition = listOf(conditions)
    .map(recordOf)
    .find(({ type }) => type === 'Ready');
  const ready = condition?.status === 'True';
  const since = textOf(condition?.lastTransitionTime);
  const ips = listOf(podIPs).flatMap((entry) => textOf(recordOf(entry).ip) ?? []);
  const { labels, deletionGracePeriodSeconds } = recordOf(metadata);
  return {
    metadata: {
      ...identityOf(metadata),
      labels: textsOf(labels),
      annotations,
      ownerReferences: owners,
      ...present('deletionGracePeriodSeconds', numberOf(deletionGracePeriodSeconds)),
    },
    ...present('nodeName', textOf(nodeName)),
    ...present('phase', textOf(phase)),
    ready,
    ...present('readySince', ready ? since : undefined),
    ips: ips.length > 0 ? ips : [textOf(podIP) ?? []].flat(),
    gracePeriodSeconds: numberOf(terminationGracePeriodSeconds) ?? defaultGraceSeconds,
    preStopSeconds: firstSigtermSeconds(listOf(containers)),
    ...present(
      'meshProxy',
      meshProxyOf([...listOf(containers), ...listOf(initContainers)], recordOf(metadata).annotations),
    ),
  };
}

/** A ReplicaSet. */
export function replicaSetViewOf(object: unknown): ReplicaSetView {
  const { metadata, spec } = recordOf(object);
  return {
    metadata: { ...identityOf(metadata), ownerReferences: ownersOf(recordOf(metadata).ownerReferences) },
    replicas: numberOf(recordOf(spec).replicas) ?? 1,
  };
}

/** An EndpointSlice. An absent condition means ready, serving as ready, and not terminating (discovery/v1 types.go). */
export function sliceViewOf(object: unknown): SliceView {
  const { metadata, endpoints } = recordOf(object);
  const labels = textsOf(recordOf(metadata).labels);
  return {
    metadata: identityOf(metadata),
    ...present('service', labels['kubernetes.io/service-name']),
    endpoints: listOf(endpoints).map(endpointOf),
  };
}

/** A PodDisruptionBudget. */
export function budgetViewOf(object: unknown): BudgetView {
  const { metadata, spec, status } = recordOf(object);
  const selector = recordOf(spec).selector;
  return {
    metadata: identityOf(metadata),
    ...(selector === undefined || selector === null ? {} : { selector: selectorOf(selector) }),
    disruptionsAllowed: numberOf(recordOf(status).disruptionsAllowed) ?? 0,
  };
}

function endpointOf(value: unknown): EndpointView {
  const { targetRef, addresses, conditions, nodeName } = recordOf(value);
  const { kind, uid } = recordOf(targetRef);
  const { ready, serving, terminating } = recordOf(conditions);
  return {
    ...present('uid', kind === 'Pod' ? textOf(uid) : undefined),
    addresses: listOf(addresses).flatMap((address) => textOf(address) ?? []),
    ready: ready !== false,
    serving: typeof serving === 'boolean' ? serving : ready !== false,
    terminating: terminating === true,
    ...present('nodeName', textOf(nodeName)),
  };
}

/** Sidecars by the names that Istio and Linkerd inject them with, native or not; Istio's ambient mode by its mark on the pod. */
function meshProxyOf(containers: readonly unknown[], annotations: unknown): string | undefined {
  const names = new Set(containers.map((container) => recordOf(container).name));
  const sidecar = ['istio-proxy', 'linkerd-proxy'].find((name) => names.has(name));
  const isAmbient = recordOf(annotations)['ambient.istio.io/redirection'] === 'enabled';
  return sidecar ?? (isAmbient ? 'ztunnel' : undefined);
}

/** Native sidecars do not count: they get SIGTERM when the regular containers have ended (KEP-753). */
function firstSigtermSeconds(containers: readonly unknown[]): number {
  const serving = containers.filter((container) => listOf(recordOf(container).ports).length > 0);
  const sleeps = (serving.length > 0 ? serving : containers).map(preStopSecondsOf);
  return sleeps.length === 0 ? 0 : Math.max(0, Math.min(...sleeps));
}

/** 0 for a hook whose length is not known, such as httpGet: SIGTERM may come at once. */
function preStopSecondsOf(container: unknown): number {
  const { sleep, exec } = recordOf(recordOf(recordOf(container).lifecycle).preStop);
  const native = numberOf(recordOf(sleep).seconds);
  if (native !== undefined) return native;
  const command = listOf(recordOf(exec).command);
  if (!command.every((word) => typeof word === 'string')) return 0;
  return parseSleep(command)?.seconds ?? 0;
}

function identityOf(metadata: unknown): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = recordOf(metadata);
  return {
    ...present('name', textOf(name)),
    ...present('namespace', textOf(namespace)),
    ...present('uid', textOf(uid)),
    ...present('resourceVersion', textOf(resourceVersion)),
    ...present('creationTimestamp', textOf(creationTimestamp)),
    ...present('deletionTimestamp', textOf(deletionTimestamp)),
  };
}

function ownAnnotations(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(textsOf(value)).filter(([key]) => key.startsWith(`${GROUP}/`)));
}

function ownersOf(value: unknown): readonly OwnerReference[] {
  return listOf(value).flatMap((entry) => {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = recordOf(entry);
    if (typeof apiVersion !== 'string' || typeof kind !== 'string') return [];
    if (typeof name !== 'string' || typeof uid !== 'string') return [];
    return {
      apiVersion,
      kind,
      name,
      uid,
      ...(typeof controller === 'boolean' ? { controller } : {}),
      ...(typeof blockOwnerDeletion === 'boolean' ? { blockOwnerDeletion } : {}),
    };
  });
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function selectorOf(value: unknown): LabelSelector {
  const { matchLabels, matchExpressions } = recordOf(value);
  const expressions = listOf(matchExpressions).flatMap((entry): LabelSelectorRequirement[] => {
    const { key, operator, values } = recordOf(entry);
    const known = operators.find((name) => name === operator);
    if (typeof key !== 'string' || known === undefined) return [];
    return [{ key, operator: known, values: listOf(values).flatMap((text) => textOf(text) ?? []) }];
  });
  return {
    matchLabels: textsOf(matchLabels),
    ...(expressions.length > 0 ? { matchExpressions: expressions } : {}),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(recordOf(value)).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function present<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
