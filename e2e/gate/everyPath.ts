import type { Cluster } from '../cluster/index.ts';
import { defaultNamespace, defaultRelease } from '../install/chart.ts';
import type { PodWatch } from './podWatch.ts';
import { type Stage, untilSettled } from './stage.ts';
import { aPodOf, evict, timed, untilEnding } from './timed.ts';

/** Milliseconds that each write of a person or a controller took. */
export interface PathTimes {
  /** A change of the Deployment's template. */
  readonly write: number;
  /** `kubectl delete pod`, without its wait for the end of the pod. */
  readonly personal: number;
  readonly eviction: number;
  /** From `kubectl scale` until the ReplicaSet controller has deleted two pods. */
  readonly scaleDown: number;
}

/**
 * Goes through every path of a termination on one of the stage's workloads of four replicas, from one settled state to the next.
 * @param limitMs of the scale-down
 * @throws Error where a path does not work: a command fails, an eviction is refused, the pods do not come back
 */
export async function everyPath(stage: Stage, watch: PodWatch, name: string, limitMs: number): Promise<PathTimes> {
  const { commands, namespace, signal } = stage;
  const inNamespace = ['-n', namespace];
  const write = await timed(() => commands.must(['rollout', 'restart', ...inNamespace, `deployment/${name}`]));
  await untilSettled(stage, 120_000);
  const pod = await aPodOf(stage, name);
  const personal = await timed(() => commands.must(['delete', 'pod', ...inNamespace, pod, '--wait=false']));
  await untilSettled(stage, 120_000);
  const evicted = await aPodOf(stage, name);
  const eviction = await timed(async () => {
    const { code, message } = await evict(stage, evicted);
    if (code !== 201) throw new Error(`eviction of ${evicted} answered ${code}: ${message}`);
  });
  await untilSettled(stage, 120_000);
  const ending = untilEnding(watch, name, 2, limitMs, signal);
  await commands.must(['scale', ...inNamespace, `deployment/${name}`, '--replicas=2']);
  const scaleDown = await ending;
  await untilSettled(stage, 120_000);
  await commands.must(['scale', ...inNamespace, `deployment/${name}`, '--replicas=4']);
  await untilSettled(stage, 120_000);
  return { write, personal, eviction, scaleDown };
}

/** The name of the operator's Deployment, ServiceAccount and webhook configurations. */
export async function operatorName(cluster: Cluster): Promise<string> {
  const selector = `--selector=app.kubernetes.io/instance=${defaultRelease}`;
  const find = ['get', 'deployments', '-n', defaultNamespace, selector, '-o', 'jsonpath={.items[0].metadata.name}'];
  return (await cluster.kubectl(find, { check: true })).stdout;
}
