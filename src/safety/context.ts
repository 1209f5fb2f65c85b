import type { Context } from './types.ts';

/** The kinds that {@link contextOf} collects. */
export const CONTEXT_KINDS = [
  'Service',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
  'GracefulRollout',
  'Ingress',
  'PersistentVolumeClaim',
  'ReplicaSet',
  'Pod',
] as const;
export type ContextKind = (typeof CONTEXT_KINDS)[number];

/** What is known beyond the objects themselves. */
export interface ContextOptions {
  /** Objects of other namespaces are left out; an object that names none may be of this one. */
  readonly namespace: string | undefined;
  /** Kinds of which the objects are all there are: none of them then means that there is none. */
  readonly complete: readonly ContextKind[];
}

/** Collects from raw objects of any kind what is known of one namespace. Never throws. */
export function contextOf(_objects: readonly unknown[], _options: ContextOptions): Context {
  return {};
}
