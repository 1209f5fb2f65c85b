import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Condition, KubeObject } from '../../src/api/kubernetes.ts';
import {
  type Client,
  deployments,
  events,
  type KubeEvent,
  type Resource,
  replicaSets,
  typed,
} from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { followObjects } from './followObjects.ts';

/** What Kubernetes complained about in a namespace; each list is empty where an operation was quiet. */
export interface Complaints {
  /** Warning events of ReplicaSets and Deployments. */
  readonly workloadWarnings: readonly string[];
  /** Warning events of the operator: requests may have been lost. */
  readonly operatorWarnings: readonly string[];
  /** ReplicaSets and Deployments that had the condition ReplicaFailure at any time. */
  readonly replicaFailures: readonly string[];
  /** Errors in the controller manager's log that name the namespace and that plain Kubernetes does not log as well. */
  readonly controllerErrors: readonly string[];
}

/** Collects complaints from now on. */
export interface ComplaintWatch {
  /** What has come so far. Ends nothing. */
  read(signal: AbortSignal): Promise<Complaints>;
}

interface WithConditions extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Watches for what a ReplicaSet controller that is told no would leave behind; until the signal. */
export async function watchComplaints(
  cluster: Cluster,
  client: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<ComplaintWatch> {
  const failures = new Set<string>();
  const follow = (resource: Resource<WithConditions>): Promise<unknown> =>
    followObjects(client, resource, namespace, signal, ({ object }) => {
      const failed = object.status?.conditions?.find(
        ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
      );
      if (failed !== undefined) failures.add(`${resource.kind} ${object.metadata.name}: ${failed.message}`);
    });
  await Promise.all([follow(typed<WithConditions>(deployments)), follow(typed<WithConditions>(replicaSets))]);
  const log = cluster.provider === 'local' ? cluster.componentLog('kube-controller-manager') : undefined;
  const logStart = log === undefined ? 0 : statSync(log).size;
  const startedMs = Date.now();
  return {
    async read(readSignal) {
      const { items } = await client.list(events, { namespace, signal: readSignal });
      const warnings = items.filter((event) => event.type === 'Warning' && lastSeenMs(event) >= startedMs - 1000);
      return {
        workloadWarnings: warnings.filter(isOfWorkload).map(eventText),
        operatorWarnings: warnings.filter((event) => !isOfWorkload(event) && isOurs(event)).map(eventText),
        replicaFailures: [...failures],
        controllerErrors: log === undefined ? [] : errorLines(readFrom(log, logStart), namespace),
      };
    },
  };
}

/**
 * Plain Kubernetes logs these as errors in every rollout: a worker that finds its cache behind its own last write
 * (1.37) or that somebody wrote in between, and tries again at once.
 */
const ORDINARY_ERRORS = [
  /failed with read version: \d+ is not as new as written version: \d+/,
  /the object has been modified; please apply your changes to the latest version/,
];

/** Lines of a klog text with severity error or above that name the namespace and are not ordinary. */
export function errorLines(text: string, namespace: string): string[] {
  return text
    .split('\n')
    .filter((line) => /^[EF]\d{4} /.test(line) && line.includes(namespace))
    .filter((line) => !ORDINARY_ERRORS.some((pattern) => pattern.test(line)));
}

function isOfWorkload({ regarding }: KubeEvent): boolean {
  return regarding?.kind === 'ReplicaSet' || regarding?.kind === 'Deployment';
}

function isOurs({ reportingController }: KubeEvent): boolean {
  return reportingController.startsWith('graceful-rollout');
}

function eventText({ regarding, reason, note }: KubeEvent): string {
  return `${regarding?.kind} ${regarding?.name}: ${reason}: ${note ?? ''}`;
}

/** Events of the older recorder carry the older fields (core/v1) under new names. */
function lastSeenMs(event: KubeEvent & { readonly deprecatedLastTimestamp?: string }): number {
  const at = event.series?.lastObservedTime ?? event.deprecatedLastTimestamp ?? event.eventTime;
  return Date.parse(at ?? event.metadata.creationTimestamp ?? '');
}

function readFrom(file: string, start: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - start));
    readSync(descriptor, buffer, 0, buffer.length, start);
    return buffer.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}
