import { WORKLOAD_KINDS, type WorkloadKind } from './types.ts';

/** Kinds whose pods are meant to run for ever, and are replaced. */
export const SERVERS: readonly WorkloadKind[] = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Rollout',
];

/** Servers with a number of replicas. */
export const REPLICATED: readonly WorkloadKind[] = SERVERS.filter((kind) => kind !== 'DaemonSet');

export const DEPLOYMENT: readonly WorkloadKind[] = ['Deployment'];

export const EVERY_KIND: readonly WorkloadKind[] = WORKLOAD_KINDS;
