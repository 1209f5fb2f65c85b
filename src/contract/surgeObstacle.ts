import type { Finding } from '../api/index.ts';
import type { Deployment, PodAffinityTerm } from '../api/kubernetes.ts';
import { matchesLabelSelector } from '../api/labelSelector.ts';
import { finding, namesOf } from './findings.ts';
import { longRunning } from './servingContainers.ts';

export interface SurgeObstacle {
  readonly finding: Finding;
  /** A node has each port once: with maxUnavailable 0 a Deployment on every node would never roll out. */
  readonly leavesStrategy: boolean;
}

/** Why a new pod may find no node beside the old one; undefined: nothing is known that stands in its way. */
export function surgeObstacle(deployment: Deployment): SurgeObstacle | undefined {
  const podSpec = deployment.spec.template.spec;
  if (podSpec.hostNetwork === true)
    return onHost('the pods use the network of their node (hostNetwork)', 'hostNetwork');
  const onHostPort = longRunning(podSpec)
    .filter(({ container }) => container.ports?.some(({ hostPort = 0 }) => hostPort > 0) === true)
    .map(({ container }) => container.name);
  if (onHostPort.length > 0)
    return onHost(`a port of the node (hostPort) is taken by: ${namesOf(onHostPort)}`, 'containers');
  const terms = podSpec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (!terms.some((term) => keepsApart(term, deployment))) return undefined;
  const message =
    'the pods must not share a node with each other (required anti-affinity): without a node to spare a new pod waits for an old one to go, and with maxUnavailable 0 none goes';
  const remedy =
    'keep more nodes than replicas, make the anti-affinity preferred, or add pod-template-hash to its matchLabelKeys';
  const field = 'spec.template.spec.affinity.podAntiAffinity';
  return { finding: finding('SurgeImpossible', 'warning', message, { field, remedy }), leavesStrategy: false };
}

function onHost(what: string, member: string): SurgeObstacle {
  const message = `${what}: a new pod may find no node beside the old ones, so the strategy was left as it is; requests may be lost while a pod is replaced`;
  const remedy = 'send requests through a Service to a port of the pod, without hostNetwork and hostPort';
  const field = `spec.template.spec.${member}`;
  return { finding: finding('SurgeImpossible', 'warning', message, { field, remedy }), leavesStrategy: true };
}

/** Whether the pods keep each other, old and new ones, off their nodes. Each ReplicaSet has its own pod-template-hash. */
function keepsApart(term: PodAffinityTerm, { metadata, spec }: Deployment): boolean {
  const { topologyKey, labelSelector, matchLabelKeys = [], namespaces = [] } = term;
  const isHere = namespaces.length === 0 || metadata.namespace === undefined || namespaces.includes(metadata.namespace);
  return (
    topologyKey === 'kubernetes.io/hostname' &&
    isHere &&
    !matchLabelKeys.includes('pod-template-hash') &&
    matchesLabelSelector(labelSelector, spec.template.metadata?.labels ?? {})
  );
}
