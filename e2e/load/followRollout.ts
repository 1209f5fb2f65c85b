import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, deployments, type Pod, pods } from '../../src/kube/index.ts';
import type { PodEnd, RolloutTimes, Side } from './lossReport.ts';

const POLL_MS = 250;

/** What {@link followRollout} saw. */
export interface FollowedRollout {
  readonly times: RolloutTimes;
  readonly podEnds: readonly PodEnd[];
}

/**
 * Polls a Deployment until every replica comes from the newest template and is available, and then until no pod but
 * those is left.
 * @throws Error when that takes longer than `limitMs`.
 */
export async function followRollout(
  client: Client,
  namespace: string,
  name: Side,
  startedAtMs: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<FollowedRollout> {
  const terminating = new Map<string, number>();
  const ends: PodEnd[] = [];
  let availableAtMs: number | undefined;
  for (;;) {
    const [deployment, everyPod] = await Promise.all([
      client.get(deployments, { namespace, name }, { signal }),
      client.list(pods, { namespace, signal }),
    ]);
    // By name: a pod that the gate has taken out of its Services has lost the label.
    const items = everyPod.items.filter(({ metadata }) => metadata.name?.startsWith(`${name}-`) === true);
    const nowMs = Date.now();
    noteEnds(items, nowMs, terminating, ends);
    const { replicas = 1 } = deployment.spec;
    const { observedGeneration = 0, updatedReplicas, availableReplicas, replicas: counted } = deployment.status ?? {};
    const current = observedGeneration >= (deployment.metadata.generation ?? 0);
    const available = current && updatedReplicas === replicas && availableReplicas === replicas && counted === replicas;
    if (available) {
      availableAtMs ??= nowMs;
      if (items.length === replicas && terminating.size === 0) {
        return { times: { startedAtMs, availableAtMs, settledAtMs: nowMs }, podEnds: ends };
      }
    }
    if (nowMs - startedAtMs > limitMs) {
      throw new Error(
        `rollout of Deployment ${namespace}/${name}: not settled after ${limitMs} ms: ${updatedReplicas ?? 0} of ${replicas} updated, ` +
          `${availableReplicas ?? 0} available, ${terminating.size} terminating; see kubectl -n ${namespace} get pods`,
      );
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function noteEnds(items: readonly Pod[], nowMs: number, terminating: Map<string, number>, ends: PodEnd[]): void {
  const present = new Set<string>();
  for (const { metadata } of items) {
    const pod = metadata.name ?? '';
    present.add(pod);
    if (metadata.deletionTimestamp !== undefined && !terminating.has(pod)) terminating.set(pod, nowMs);
  }
  for (const [pod, terminatingAtMs] of terminating) {
    if (present.has(pod)) continue;
    terminating.delete(pod);
    ends.push({ pod, terminatingAtMs, goneAtMs: nowMs });
  }
}
