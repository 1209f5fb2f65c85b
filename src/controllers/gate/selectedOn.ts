import type { LabelSelector, LabelSelectorRequirement } from '../../api/kubernetes.ts';
import { matchesLabelSelector, selectorKeys } from '../../api/labelSelector.ts';
import type { SelectedKey } from '../../gate/isolation.ts';
import { byNamespace, byPeerLabel, type GateCaches, type PolicyView } from './caches.ts';
import type { PodMonitors } from './podMonitors.ts';

type Labels = Readonly<Record<string, string>>;

/** The label that every namespace has with its own name (core/v1 LabelMetadataName). */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
/** In the index: selectors that name no label which a pod must have. */
const ANY_LABEL = '*';

/** The labels of a pod that others select it on, and who does: what it would lose with each of them. */
export function selectedOnOf(
  caches: Pick<GateCaches, 'policies' | 'budgets'>,
  podMonitors: Pick<PodMonitors, 'selectorsIn'>,
  namespace: string,
  labels: Labels,
): readonly SelectedKey[] {
  return [
    ...caches.policies
      .byIndex(byNamespace, namespace)
      .flatMap(({ metadata, selectors }) =>
        selectors.flatMap((selector) => looksAt(selector, labels, `NetworkPolicy ${metadata.name}`)),
      ),
    ...peersOf(caches.policies, labels).flatMap(({ metadata, peers }) =>
      peers
        .filter((peer) => maySelect(peer.namespaces, namespace))
        .flatMap(({ pods }) => looksAt(pods, labels, `NetworkPolicy ${metadata.namespace}/${metadata.name}`)),
    ),
    ...caches.budgets
      .byIndex(byNamespace, namespace)
      .flatMap(({ metadata, selector }) => looksAt(selector, labels, `PodDisruptionBudget ${metadata.name}`)),
    ...podMonitors
      .selectorsIn(namespace)
      .flatMap(({ selector, name }) => looksAt(selector, labels, `PodMonitor ${name}`)),
  ];
}

/**
 * For the index {@link byPeerLabel}: of each selector of pods in other namespaces one label that such a pod must have. A look at
 * one pod is then a look at the policies that name one of its labels, however many there are in the cluster.
 */
export function peerLabelsOf({ peers }: PolicyView): readonly string[] {
  return [...new Set(peers.flatMap(({ pods }) => neededLabels(pods)))];
}

function neededLabels({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly string[] {
  const [pair] = Object.entries(matchLabels);
  if (pair !== undefined) return [pair.join('=')];
  const one = matchExpressions.find(({ operator }) => operator === 'In');
  if (one !== undefined) return (one.values ?? []).map((value) => `${one.key}=${value}`);
  return [matchExpressions.find(({ operator }) => operator === 'Exists')?.key ?? ANY_LABEL];
}

function peersOf(policies: GateCaches['policies'], labels: Labels): readonly PolicyView[] {
  const values = Object.entries(labels).flatMap(([key, value]) => [`${key}=${value}`, key]);
  return [...new Set([...values, ANY_LABEL].flatMap((value) => policies.byIndex(byPeerLabel, value)))];
}

/** The labels of namespaces are not watched: only the one that follows from the name can speak against it. */
function maySelect({ matchLabels = {}, matchExpressions = [] }: LabelSelector, namespace: string): boolean {
  const isKnown = ({ key }: Pick<LabelSelectorRequirement, 'key'>): boolean => key === NAMESPACE_NAME;
  const name = matchLabels[NAMESPACE_NAME];
  const known = {
    ...(name === undefined ? {} : { matchLabels: { [NAMESPACE_NAME]: name } }),
    matchExpressions: matchExpressions.filter(isKnown),
  };
  return matchesLabelSelector(known, { [NAMESPACE_NAME]: namespace });
}

function looksAt(selector: LabelSelector | undefined, labels: Labels, by: string): readonly SelectedKey[] {
  return matchesLabelSelector(selector, labels) ? selectorKeys(selector).map((key) => ({ key, by })) : [];
}
