import type { PodPatch } from '../handOver.ts';
import type { PodView } from '../types.ts';

/** A ReplicaSet as its controller sees it. */
export interface SimReplicaSet {
  readonly uid: string;
  replicas: number;
  /** Something happened that its controller has not looked at. Nothing else makes it look. */
  dirty: boolean;
}

/** A pod, and when it becomes Ready and goes. */
export interface SimPod {
  view: PodView;
  readonly readyAtTick: number;
  goneAtTick?: number;
}

/** A pod that its ReplicaSet has just made. */
export function startingPod(uid: string, replicaSet: string, nowMs: number, nodeName: string): PodView {
  return {
    metadata: {
      namespace: 'shop',
      name: uid,
      uid,
      resourceVersion: '0',
      creationTimestamp: new Date(nowMs).toISOString(),
      labels: { app: 'web', tier: 'front', zone: 'a' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: replicaSet, uid: replicaSet, controller: true },
      ],
    },
    nodeName,
    phase: 'Running',
    ready: false,
    ips: [],
    gracePeriodSeconds: 30,
    preStopSeconds: 0,
  };
}

export function isTerminating({ metadata }: PodView): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** What a policy of the cluster does not let the gate do to pods. */
export type Refusing = 'Nothing' | 'HandOver' | 'Isolation';

export function isRefused({ metadata }: PodPatch, refusing: Refusing): boolean {
  const isHandOver = metadata.ownerReferences?.some(({ kind }) => kind === 'Deployment') === true;
  const isIsolation = Object.keys(metadata.labels ?? {}).length > 0;
  return refusing === 'HandOver' ? isHandOver : refusing === 'Isolation' && isIsolation;
}
