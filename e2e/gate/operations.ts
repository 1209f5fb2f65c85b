import { setTimeout as sleep } from 'node:timers/promises';
import { pauseProxy } from './pauseProxy.ts';
import { type Stage, servingPods, untilSettled } from './stage.ts';
import { gracefulRolloutOf, type Workload } from './workload.ts';

/** Something that people do to workloads, done to all workloads of a stage at once. Resolves when its commands have ended. */
export type Operation = (stage: Stage) => Promise<void>;

const SETTLE_LIMIT_MS = 300_000;

/** `kubectl rollout restart`, and until it is over. */
export const rolloutRestart: Operation = async (stage) => {
  await restart(stage);
  await untilSettled(stage, SETTLE_LIMIT_MS);
};

/**
 * The GracefulRollout is created over pods that run without hook and contract: its adoption is a rollout. A plain workload
 * is restarted at the same time.
 */
export const firstRollout =
  (named: readonly Workload[]): Operation =>
  async (stage) => {
    const adopted = named.flatMap(gracefulRolloutOf);
    const plain = named.filter((workload) => workload.rollout === undefined);
    await stage.commands.apply(adopted);
    await Promise.all([
      restart(stage, plain),
      ...adopted.map(({ metadata }) =>
        stage.commands.must([
          ...['wait', '-n', stage.namespace, `gr/${metadata.name}`],
          ...['--for=condition=Ready', '--timeout=240s'],
        ]),
      ),
    ]);
    await untilSettled(stage, SETTLE_LIMIT_MS);
  };

/** `kubectl scale` to `to`, and until the pods are gone. */
export const scaleTo =
  (to: number): Operation =>
  async (stage) => {
    const { namespace, commands, workloads } = stage;
    await commands.must(['scale', '-n', namespace, `--replicas=${to}`, ...workloads.map(deploymentName)]);
    await untilSettled(stage, SETTLE_LIMIT_MS);
  };

/** `kubectl delete pod` of `count` pods of each workload, one command per workload. */
export const deletePods =
  (count: number): Operation =>
  async (stage) => {
    const { namespace, commands, workloads } = stage;
    await Promise.all(
      workloads.map(async ({ name }) => {
        const names = (await servingPods(stage, name)).slice(0, count).map(({ metadata }) => metadata.name ?? '');
        if (names.length < count)
          throw new Error(`${namespace}/${name} has ${names.length} pods to delete, not ${count}`);
        await commands.run(['delete', 'pod', '-n', namespace, ...names]);
      }),
    );
    await untilSettled(stage, SETTLE_LIMIT_MS);
  };

/** `kubectl drain` of nodes at the same time, and until everything runs elsewhere; they stay cordoned. */
export const drain =
  (...nodes: readonly string[]): Operation =>
  async (stage) => {
    await Promise.all(nodes.map((node) => drainNode(stage, node)));
    await untilSettled(stage, SETTLE_LIMIT_MS);
  };

/** The same, one node after the other, each uncordoned when it is empty. */
export const drainInTurn =
  (...nodes: readonly string[]): Operation =>
  async (stage) => {
    for (const node of nodes) {
      await drain(node)(stage);
      await stage.commands.must(['uncordon', node]);
    }
  };

/** A rolling restart, and a drain in the middle of it. */
export const rolloutAndDrain =
  (node: string): Operation =>
  async (stage) => {
    await restart(stage);
    await sleep(1500, undefined, { signal: stage.signal });
    await drainNode(stage, node);
    await untilSettled(stage, SETTLE_LIMIT_MS);
  };

/** `kubectl rollout undo` while the rollout before it is on its way. */
export const undoInMidRollout: Operation = async (stage) => {
  await restart(stage);
  await sleep(3000, undefined, { signal: stage.signal });
  const { namespace, commands, workloads } = stage;
  await Promise.all(
    workloads.map(({ name }) => commands.must(['rollout', 'undo', '-n', namespace, `deployment/${name}`])),
  );
  await untilSettled(stage, SETTLE_LIMIT_MS);
};

/** Another operation while the kube-proxy of a node stands still for a while from its begin. */
export const withPausedProxy =
  (node: string, pausedMs: number, operation: Operation): Operation =>
  async (stage) => {
    const paused = pauseProxy(stage.cluster, node, pausedMs, stage.signal);
    // Whatever the API server tells it from here on waits.
    await sleep(200, undefined, { signal: stage.signal });
    await Promise.all([operation(stage), paused]);
  };

/** `kubectl drain` as people run it: the whole node, the operator's own pods included. */
export async function drainNode({ commands }: Stage, node: string): Promise<void> {
  await commands.run(['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=240s']);
}

async function restart(
  { namespace, commands, workloads }: Stage,
  which: readonly Workload[] = workloads,
): Promise<void> {
  if (which.length === 0) return;
  await commands.must(['rollout', 'restart', '-n', namespace, ...which.map(deploymentName)]);
}

function deploymentName({ name }: Workload): string {
  return `deployment/${name}`;
}
