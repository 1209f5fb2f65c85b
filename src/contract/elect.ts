import type { KubeObject } from '../api/kubernetes.ts';

/**
 * Of several GracefulRollouts that name one target the oldest governs: by creationTimestamp, then by name, so that every
 * replica of the operator elects the same one. Those without a time stamp (not stored yet) come last.
 */
export function electRollout<T extends KubeObject>(rollouts: readonly T[]): { winner?: T; losers: readonly T[] } {
  const [winner, ...losers] = rollouts.toSorted(
    (a, b) => compare(createdAt(a), createdAt(b)) || compare(a.metadata.name ?? '', b.metadata.name ?? ''),
  );
  return winner === undefined ? { losers } : { winner, losers };
}

/** RFC 3339 in UTC with whole seconds, as the API server writes it: the order of the texts is the order of the times. */
function createdAt({ metadata }: KubeObject): string {
  return metadata.creationTimestamp ?? '9999';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
