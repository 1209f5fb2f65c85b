import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { deployments, gracefulRollouts, typed } from '../../src/kube/index.ts';
import type { ApiHarness, LaunchOptions, OperatorProcess } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject } from './objects.ts';
import { PretendNode } from './pretendNode.ts';
import { TemplateWatch } from './templateWatch.ts';

/** Targets that are created by one `kubectl apply`. */
const batch = 4;
/** How many targets the creation may be ahead of the kills, so that the kills fall into it and not behind it. */
const aheadOfKills = 8;

/** The pretended node sends no heartbeats: its pods must not be marked as not ready for that. */
export const withoutNodeLifecycle = { controllerManagerArgs: ['--controllers=*,-node-lifecycle-controller'] } as const;

/** How many targets, and what is done to the operator meanwhile. */
export interface ScaleOptions {
  /** Of the targets; it is made. Default `scale`. */
  readonly namespace?: string;
  /** GracefulRollouts, each with a Deployment of two pods and a Service. */
  readonly count: number;
  /** How often the operator is killed with SIGKILL while they are being created. */
  readonly kills: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onProgress: (line: string) => void;
  /** How the operator is started. Default: from source, with the contract alone. */
  readonly launch?: LaunchOptions;
}

/** What {@link createMany} saw at its end. */
export interface ScaleResult {
  /** Seconds from the first object created until every GracefulRollout is Ready. */
  readonly seconds: number;
  /** Resident memory of the operator at the end, MiB. */
  readonly rssMiB: number;
  readonly kills: number;
  /** Kills while targets were still being created. */
  readonly killsWhileCreating: number;
  /** GracefulRollouts that were Ready before the last kill: work that lives which were cut short had done. */
  readonly readyAtLastKill: number;
  readonly targets: readonly Deployment[];
  readonly rollouts: readonly GracefulRollout[];
  /** Per Deployment: how many different pod templates it had, one after another. */
  readonly templates: ReadonlyMap<string, number>;
}

/**
 * Creates many targets at once against a running operator, or one that is killed all the while, on a pretended node. The
 * operator has ended when this returns.
 */
export async function createMany(harness: ApiHarness, options: ScaleOptions): Promise<ScaleResult> {
  const { namespace = 'scale', count, launch = {} } = options;
  const nodeName = `pretended-${namespace}`;
  const node = await PretendNode.start(harness.client, nodeName);
  const watch = await TemplateWatch.start(harness.client, namespace);
  const progress = { created: 0, kills: 0 };
  let operator: OperatorProcess | undefined;
  try {
    await harness.apply([namespaceObject(namespace)]);
    const launchedMs = performance.now();
    operator = await harness.startOperator(launch);
    const startedMs = performance.now();
    // So that about half of the lives are long enough to do something, on a machine of any speed.
    const longestLifeMs = Math.min(2 * (startedMs - launchedMs), 6_000);
    const created = createAll(harness, { ...options, namespace, nodeName }, progress);
    // Its failure is heard where it is awaited; the kills must not wait for what will not come.
    created.catch(() => {
      progress.created = count;
    });
    let killsWhileCreating = 0;
    let readyAtLastKill = 0;
    for (; progress.kills < options.kills; progress.kills += 1) {
      // Spread over the whole creation, so that kills hit every stage of it.
      while (progress.created < (progress.kills * count) / options.kills) await sleep(20);
      await sleep(options.random() * longestLifeMs);
      if (operator.ended) throw new Error('the operator ended by itself: see operator.log');
      if (progress.created < count) killsWhileCreating += 1;
      if (progress.kills === options.kills - 1) readyAtLastKill = (await rolloutsIn(harness, namespace)).ready.length;
      await operator.kill();
      operator = harness.launchOperator(launch);
      if (progress.kills % 10 === 9) options.onProgress(`killed ${progress.kills + 1} of ${options.kills} times`);
    }
    await created;
    await operator.untilReady();
    const rollouts = await untilReady(harness, namespace, count);
    const seconds = (performance.now() - startedMs) / 1000;
    const { items } = await harness.client.list(deployments, { namespace, signal: harness.signal });
    for (const { metadata } of items) await watch.settled(namespace, metadata.name, 0);
    const templates = new Map(
      items.map(({ metadata: { name = '' } }) => [name, watch.templatesOf(namespace, name).length]),
    );
    const { kills } = progress;
    const rssMiB = rssOf(operator.pid);
    return { seconds, rssMiB, kills, killsWhileCreating, readyAtLastKill, targets: items, rollouts, templates };
  } finally {
    // Lets a creation go on, and end, that waited for a kill which does not come any more.
    progress.kills = options.kills;
    await operator?.kill();
    await watch.stop();
    await node.stop();
  }
}

async function createAll(
  harness: ApiHarness,
  {
    namespace,
    nodeName,
    count,
    kills,
    onProgress,
  }: ScaleOptions & { readonly namespace: string; readonly nodeName: string },
  progress: { created: number; readonly kills: number },
): Promise<void> {
  const pod = { nodeName, tolerations: [{ operator: 'Exists' }] };
  for (let from = 0; from < count; from += batch) {
    while (progress.kills < kills && from > ((progress.kills + 1) * count) / kills + aheadOfKills) await sleep(20);
    const names = Array.from({ length: Math.min(batch, count - from) }, (_, n) => `t${from + n}`);
    await harness.apply(
      names.flatMap((name) => [
        serviceObject(namespace, name),
        rolloutObject(namespace, {}, name),
        deploymentObject(namespace, name, pod),
      ]),
    );
    if (from % 40 === 0) onProgress(`created ${from + names.length} of ${count}`);
    progress.created += names.length;
  }
}

/** The GracefulRollouts of a namespace, those that are Ready and those that are not. */
async function rolloutsIn(
  harness: ApiHarness,
  namespace: string,
): Promise<{ readonly ready: readonly GracefulRollout[]; readonly waiting: readonly GracefulRollout[] }> {
  const { items } = await harness.client.list(typed<GracefulRollout>(gracefulRollouts), {
    namespace,
    signal: harness.signal,
  });
  const isReady = ({ status }: GracefulRollout): boolean =>
    status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return { ready: items.filter(isReady), waiting: items.filter((rollout) => !isReady(rollout)) };
}

async function untilReady(harness: ApiHarness, namespace: string, count: number): Promise<readonly GracefulRollout[]> {
  const endMs = performance.now() + 240_000;
  for (;;) {
    const { ready, waiting } = await rolloutsIn(harness, namespace);
    if (ready.length === count) return ready;
    if (performance.now() > endMs) {
      const first = waiting[0];
      throw new Error(
        `${waiting.length} of ${count} are not Ready after 240 s; ${first?.metadata.name}: ${JSON.stringify(first?.status?.conditions)}`,
      );
    }
    await sleep(250);
  }
}

function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
