import type { IntOrString } from '../api/kubernetes.ts';
import type { Workload } from './types.ts';

/** A number of pods, or a share of the replicas; undefined: neither. */
export function podsOf(share: IntOrString, replicas: number, rounding: 'up' | 'down'): number | undefined {
  if (typeof share === 'number') return share;
  const match = /^(\d{1,9})%$/.exec(share);
  if (match === null) return undefined;
  const pods = (Number(match[1]) * replicas) / 100;
  return rounding === 'up' ? Math.ceil(pods) : Math.floor(pods);
}

export interface RollingPods {
  /** As written, or the API server's default, 25%. */
  readonly maxSurge: IntOrString;
  readonly maxUnavailable: IntOrString;
  /** Pods beyond the replicas, and pods that may be missing, at this number of replicas. */
  readonly surge: number;
  readonly unavailable: number;
  /** Both shares came to nothing, and then one pod may be missing. */
  readonly forced: boolean;
}

const DEFAULT_SHARE = '25%';

/**
 * What a rolling Deployment does at this number of replicas (k8s.io/kubernetes/pkg/controller/deployment/util
 * ResolveFenceposts): surge rounds up, unavailable down, and where both come to 0 one pod may be missing. Undefined: it
 * does not roll, or its numbers cannot be read.
 */
export function rollingPods({ kind, strategy }: Workload, replicas: number): RollingPods | undefined {
  if (kind !== 'Deployment' || strategy?.type === 'Recreate') return undefined;
  const { maxSurge = DEFAULT_SHARE, maxUnavailable = DEFAULT_SHARE } = strategy?.rollingUpdate ?? {};
  const surge = podsOf(maxSurge, replicas, 'up');
  const unavailable = podsOf(maxUnavailable, replicas, 'down');
  if (surge === undefined || unavailable === undefined) return undefined;
  const forced = surge === 0 && unavailable === 0;
  return { maxSurge, maxUnavailable, surge, unavailable: forced ? 1 : Math.min(unavailable, replicas), forced };
}
