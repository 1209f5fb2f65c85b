import type { LabelSelector, LabelSelectorRequirement } from './kubernetes.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * Whether a label selector takes these labels: all that it asks for must hold. An empty selector takes everything, an
 * absent one nothing (`metav1.LabelSelectorAsSelector` and `Requirement.Matches` in k8s.io/apimachinery).
 */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return hasAll(labels, matchLabels) && matchExpressions.every((requirement) => meets(requirement, labels));
}

/**
 * Whether the selector of a Service takes these labels: every pair must be there. An empty or absent one takes nothing,
 * such a Service has endpoints that somebody else writes (core/v1 ServiceSpec.selector).
 */
export function matchesServiceSelector(selector: Labels | undefined, labels: Labels): boolean {
  return selector !== undefined && Object.keys(selector).length > 0 && hasAll(labels, selector);
}

/** The label keys that a selector looks at. */
export function selectorKeys(selector: LabelSelector | undefined): readonly string[] {
  return [...Object.keys(selector?.matchLabels ?? {}), ...(selector?.matchExpressions ?? []).map(({ key }) => key)];
}

/** Asked of every Service and every budget of a namespace, for every write of a workload: it makes no lists of pairs. */
function hasAll(labels: Labels, wanted: Labels): boolean {
  for (const key of Object.keys(wanted)) if (labelOf(labels, key) !== wanted[key]) return false;
  return true;
}

function meets({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const label = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
  }
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
