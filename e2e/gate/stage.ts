import { setTimeout as sleep } from 'node:timers/promises';
import type { GracefulRollout } from '../../src/api/index.ts';
import { type Client, deployments, gracefulRollouts, type Pod, pods, typed } from '../../src/kube/index.ts';
import type { Cluster } from '../cluster/index.ts';
import { Commands } from './commands.ts';
import { isReady } from './podWatch.ts';
import { deploymentOf, foundationsOf, gracefulRolloutOf, type Workload } from './workload.ts';

const POLL_MS = 250;
const OBSERVED_LIMIT_MS = 60_000;

/** Where operations act: a cluster, a namespace with workloads, and the commands that were run on it. */
export interface Stage {
  readonly cluster: Cluster;
  readonly client: Client;
  readonly namespace: string;
  readonly workloads: readonly Workload[];
  readonly commands: Commands;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** How the workloads are put up. */
export interface StageOptions {
  /** All pods start on this node: the others are cordoned meanwhile. */
  readonly onNode?: string;
  /** Leave the GracefulRollouts out: adoption is to be measured. */
  readonly withoutRollouts?: boolean;
}

/** What the operator says about a GracefulRollout. */
export type RolloutStatus = NonNullable<GracefulRollout['status']>;

/** `status.endpointCheck`: the evidence of the last pods. */
export type EndpointCheckStatus = NonNullable<RolloutStatus['endpointCheck']>;

/** The status of a GracefulRollout; undefined where there is none. */
export async function rolloutStatus(
  client: Client,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<RolloutStatus | undefined> {
  return (await client.find(typed<GracefulRollout>(gracefulRollouts), { namespace, name }, { signal }))?.status;
}

/**
 * Makes the namespace anew with its workloads and waits until they are there in full, Ready, and carry the contract
 * where a GracefulRollout asks for it.
 */
export async function setStage(
  cluster: Cluster,
  client: Client,
  workloads: readonly Workload[],
  options: StageOptions & { readonly signal: AbortSignal; readonly onProgress: (line: string) => void },
): Promise<Stage> {
  const { signal, onProgress, onNode } = options;
  const namespace = workloads[0]?.namespace;
  if (namespace === undefined) throw new Error('a stage needs a workload');
  const commands = new Commands(cluster, signal);
  const stage: Stage = { cluster, client, namespace, workloads, commands, signal, onProgress };
  await commands.must(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
  await commands.must(['create', 'namespace', namespace]);
  const rollouts = options.withoutRollouts === true ? [] : workloads.flatMap(gracefulRolloutOf);
  await commands.apply([...workloads.flatMap(foundationsOf), ...rollouts]);
  for (const { metadata } of rollouts) await untilObserved(stage, metadata.name ?? '');
  const others = onNode === undefined ? [] : cluster.nodes.filter((node) => node !== onNode);
  try {
    for (const node of others) await commands.must(['cordon', node]);
    await commands.apply(workloads.map(deploymentOf));
    await untilSettled(stage, 180_000);
  } finally {
    for (const node of others) await cluster.kubectl(['uncordon', node]);
  }
  for (const { metadata } of rollouts) {
    await commands.must(['wait', '-n', namespace, `gr/${metadata.name}`, '--for=condition=Ready', '--timeout=60s']);
  }
  return stage;
}

/** Takes cordons off, and the namespace away without waiting for it. */
export async function strike(stage: Stage): Promise<void> {
  for (const node of stage.cluster.nodes) await stage.cluster.kubectl(['uncordon', node]);
  await stage.cluster.kubectl(['delete', 'namespace', stage.namespace, '--wait=false', '--ignore-not-found']);
}

/** Waits until the operator has looked at a GracefulRollout. */
export async function untilObserved({ client, namespace, signal }: Stage, name: string): Promise<void> {
  const limitMs = Date.now() + OBSERVED_LIMIT_MS;
  while ((await rolloutStatus(client, namespace, name, signal))?.observedGeneration === undefined) {
    if (Date.now() > limitMs) {
      throw new Error(`GracefulRollout ${namespace}/${name} has no status after ${OBSERVED_LIMIT_MS} ms`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Everything a Deployment wants is there and nothing else: new pods Ready, old ones gone. */
export async function isSettled(stage: Pick<Stage, 'client' | 'namespace' | 'signal'>, name: string): Promise<string> {
  const { client, namespace, signal } = stage;
  const [deployment, { items }] = await Promise.all([
    client.get(deployments, { namespace, name }, { signal }),
    client.list(pods, { namespace, signal }),
  ]);
  const { replicas = 1 } = deployment.spec;
  const status = deployment.status ?? {};
  if ((status.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0)) return `${name}: not observed yet`;
  const { updatedReplicas = 0, availableReplicas = 0, replicas: counted = 0 } = status;
  if (updatedReplicas !== replicas || availableReplicas !== replicas || counted !== replicas) {
    return `${name}: ${updatedReplicas} updated and ${availableReplicas} available of ${counted}, ${replicas} wanted`;
  }
  // By name: an isolated pod has lost its label.
  const own = items.filter((pod) => pod.metadata.name?.startsWith(`${name}-`) === true);
  const active = own.filter((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod));
  if (own.length !== replicas || active.length !== replicas) {
    return `${name}: ${own.length} pods, ${active.length} of them Ready and not terminating, ${replicas} wanted`;
  }
  return '';
}

/** Waits until every workload of the stage is settled. @throws Error with what is not */
export async function untilSettled(stage: Stage, limitMs: number): Promise<void> {
  const untilMs = Date.now() + limitMs;
  for (;;) {
    const states = await Promise.all(stage.workloads.map(({ name }) => isSettled(stage, name)));
    const open = states.filter((state) => state !== '');
    if (open.length === 0) return;
    if (Date.now() > untilMs)
      throw new Error(`not settled after ${limitMs} ms in ${stage.namespace}: ${open.join('; ')}`);
    await sleep(POLL_MS, undefined, { signal: stage.signal });
  }
}

/** The pods of a workload that serve: Ready, not terminating, still selected. */
export async function servingPods({ client, namespace, signal }: Stage, name: string): Promise<Pod[]> {
  const { items } = await client.list(pods, { namespace, labelSelector: `app=${name}`, signal });
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod));
}
