import type { IntOrString } from '../api/kubernetes.ts';

/** Which way a percentage of the replicas is rounded (k8s.io/kubernetes/pkg/controller/deployment/util ResolveFenceposts). */
export type Rounding = 'down' | 'up';

const percentage = /^(\d{1,9})%$/;

/** Whether this is a number of pods or a percentage; anything else is the API server's to refuse. */
export function isShare(share: IntOrString): boolean {
  return typeof share === 'number' ? share >= 0 : percentage.test(share);
}

/** Negative: `a` is less than `b`. Of one kind they are compared as they are, of two kinds as pods at `replicas` (>= 1). */
export function compareShares(a: IntOrString, b: IntOrString, replicas: number, rounding: Rounding): number {
  if (typeof a === typeof b) return percentOrPods(a) - percentOrPods(b);
  return podsOf(a, replicas, rounding) - podsOf(b, replicas, rounding);
}

/** "0%" is nothing whatever the replicas; a small percentage that rounds down to nothing now may not later. */
export function isNothing(share: IntOrString): boolean {
  return percentOrPods(share) === 0;
}

function percentOrPods(share: IntOrString): number {
  return typeof share === 'number' ? share : Number(percentage.exec(share)?.[1] ?? 0);
}

function podsOf(share: IntOrString, replicas: number, rounding: Rounding): number {
  if (typeof share === 'number') return share;
  const pods = (percentOrPods(share) * Math.max(1, replicas)) / 100;
  return rounding === 'up' ? Math.ceil(pods) : Math.floor(pods);
}
