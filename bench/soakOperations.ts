import { setTimeout as sleep } from 'node:timers/promises';
import { drainNode } from '../e2e/gate/operations.ts';
import { between, pick } from '../e2e/gate/random.ts';
import { type Stage, servingPods, untilSettled } from '../e2e/gate/stage.ts';
import { evict } from '../e2e/gate/timed.ts';
import { gracefulRolloutOf, type Workload } from '../e2e/gate/workload.ts';
import { deployments } from '../src/kube/index.ts';

/** Something random that people, autoscalers and rollouts do to the workloads of a stage. */
export interface SoakOperation {
  readonly name: string;
  /** How often it is picked against the others. */
  readonly weight: number;
  readonly run: (stage: Stage, random: () => number) => Promise<void>;
}

/** How often an autoscaler or a descheduler asks for the same eviction again, and how long it goes on. */
const EVICTION_INTERVAL_MS = 5000;
const EVICTION_LIMIT_MS = 120_000;
const SETTLE_LIMIT_MS = 300_000;

/** The operations of the soak. Each leaves all nodes uncordoned. */
export const soakOperations: readonly SoakOperation[] = [
  { name: 'rollout restart', weight: 3, run: (stage, random) => restart(stage, some(random, stage.workloads)) },
  { name: 'scale', weight: 2, run: scale },
  { name: 'delete pod', weight: 2, run: deletePod },
  { name: 'evict one pod', weight: 2, run: evictOne },
  { name: 'drain', weight: 3, run: (stage, random) => drainAll(stage, [pick(random, stage.cluster.nodes)]) },
  { name: 'two drains at once', weight: 1, run: twoDrains },
  { name: 'rollout and drain', weight: 1, run: rolloutAndDrain },
  { name: 'undo in mid-rollout', weight: 1, run: undo },
  { name: 'adoption anew', weight: 1, run: adoptAnew },
];

/** One of them, by weight. */
export function pickOperation(
  random: () => number,
  operations: readonly SoakOperation[] = soakOperations,
): SoakOperation {
  const total = operations.reduce((sum, { weight }) => sum + weight, 0);
  let left = random() * total;
  for (const operation of operations) {
    left -= operation.weight;
    if (left < 0) return operation;
  }
  throw new RangeError('no operation to pick from');
}

/** At least one of the workloads. */
function some(random: () => number, workloads: readonly Workload[]): readonly Workload[] {
  const chosen = workloads.filter(() => random() < 0.5);
  return chosen.length > 0 ? chosen : [pick(random, workloads)];
}

async function restart({ commands, namespace }: Stage, workloads: readonly Workload[]): Promise<void> {
  await commands.must(['rollout', 'restart', '-n', namespace, ...workloads.map(({ name }) => `deployment/${name}`)]);
}

/** Within twice what the workload begins with, and never at the least that its budget asks for. */
async function scale({ commands, namespace, workloads }: Stage, random: () => number): Promise<void> {
  const scalable = workloads.filter(({ replicas }) => replicas > 1);
  const { name, replicas, minAvailable = 1 } = pick(random, scalable);
  const to = between(random, minAvailable + 1, replicas + 2);
  await commands.must(['scale', '-n', namespace, `deployment/${name}`, `--replicas=${to}`]);
}

async function deletePod(stage: Stage, random: () => number): Promise<void> {
  const { commands, namespace, workloads } = stage;
  const name = await somePod(stage, pick(random, workloads).name, random);
  // Ignored where something else was faster: it is the rig that chose a pod on its way out.
  if (name !== undefined) await commands.run(['delete', 'pod', '-n', namespace, name, '--ignore-not-found']);
}

async function evictOne(stage: Stage, random: () => number): Promise<void> {
  const name = await somePod(stage, pick(random, stage.workloads).name, random);
  if (name === undefined) return;
  const untilMs = Date.now() + EVICTION_LIMIT_MS;
  while (Date.now() < untilMs) {
    const { code, message } = await evict(stage, name);
    if (code === 201 || code === 404) return;
    if (code !== 429) throw new Error(`eviction of ${name} answered ${code}: ${message}`);
    await sleep(EVICTION_INTERVAL_MS, undefined, { signal: stage.signal });
  }
  throw new Error(`eviction of ${name} was answered 429 for ${EVICTION_LIMIT_MS} ms`);
}

async function drainAll(stage: Stage, nodes: readonly string[]): Promise<void> {
  try {
    await Promise.all(nodes.map((node) => drainNode(stage, node)));
  } finally {
    for (const node of nodes) await stage.commands.run(['uncordon', node]);
  }
}

async function twoDrains(stage: Stage, random: () => number): Promise<void> {
  const spared = pick(random, stage.cluster.nodes);
  await drainAll(stage, stage.cluster.nodes.filter((node) => node !== spared).slice(0, 2));
}

async function rolloutAndDrain(stage: Stage, random: () => number): Promise<void> {
  await restart(stage, stage.workloads);
  await sleep(between(random, 0, 4000), undefined, { signal: stage.signal });
  await drainAll(stage, [pick(random, stage.cluster.nodes)]);
}

async function undo(stage: Stage, random: () => number): Promise<void> {
  const { commands, namespace, workloads, signal } = stage;
  const { name } = pick(random, workloads);
  await commands.must(['rollout', 'restart', '-n', namespace, `deployment/${name}`]);
  await sleep(between(random, 500, 6000), undefined, { signal });
  await commands.must(['rollout', 'undo', '-n', namespace, `deployment/${name}`]);
}

/**
 * The GracefulRollout of a workload is deleted and written anew, with more time to drain than its pods have: its adoption is a
 * rollout, of pods that it has not made. Nothing else goes on between the two, when nothing gates; without one, a restart.
 */
async function adoptAnew(stage: Stage, random: () => number): Promise<void> {
  const { client, commands, namespace, signal } = stage;
  const workload = pick(random, stage.workloads);
  const { name, rollout } = workload;
  await untilSettled(stage, SETTLE_LIMIT_MS);
  if (rollout === undefined) {
    await restart(stage, [workload]);
    return;
  }
  const { spec } = await client.get(deployments, { namespace, name }, { signal });
  // The contract has 5 s more than that: the grace period is raised each time. 30 s are the API server's default.
  const { terminationGracePeriodSeconds: drainSeconds = 30 } = spec.template.spec;
  await commands.must(['delete', '-n', namespace, `gr/${name}`]);
  await commands.apply(
    gracefulRolloutOf({ ...workload, rollout: { termination: { preStopSleepSeconds: 0, drainSeconds } } }),
  );
  await commands.must(['wait', '-n', namespace, `gr/${name}`, '--for=condition=Ready', '--timeout=240s']);
}

async function somePod(stage: Stage, workload: string, random: () => number): Promise<string | undefined> {
  const serving = await servingPods(stage, workload);
  return serving.length === 0 ? undefined : pick(random, serving).metadata.name;
}
