import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GracefulRollout } from '../../src/api/index.ts';
import type { Deployment } from '../../src/api/kubernetes.ts';
import { deployments, gracefulRollouts, typed } from '../../src/kube/index.ts';
import type { ApiHarness } from './harness.ts';
import { deploymentObject, namespaceObject, rolloutObject, serviceObject } from './objects.ts';
import { PretendNode } from './pretendNode.ts';
import { TemplateWatch } from './templateWatch.ts';

const nodeName = 'pretended';
const namespace = 'scale';

/** The pretended node sends no heartbeats: its pods must not be marked as not ready for that. */
export const withoutNodeLifecycle = { controllerManagerArgs: ['--controllers=*,-node-lifecycle-controller'] } as const;

/** How many targets, and what is done to the operator meanwhile. */
export interface ScaleOptions {
  /** GracefulRollouts, each with a Deployment of two pods and a Service. */
  readonly count: number;
  /** How often the operator is killed with SIGKILL while they are being created. */
  readonly kills: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onProgress: (line: string) => void;
}

/** What {@link createMany} saw at its end. */
export interface ScaleResult {
  /** Seconds from the first object created until every GracefulRollout is Ready. */
  readonly seconds: number;
  /** Resident memory of the operator at the end, MiB. */
  readonly rssMiB: number;
  readonly kills: number;
  readonly targets: readonly Deployment[];
  readonly rollouts: readonly GracefulRollout[];
  /** Per Deployment: how many different pod templates it had, one after another. */
  readonly templates: ReadonlyMap<string, number>;
}

/** Creates many targets at once against a running operator, or one that is killed all the while, on a pretended node. */
export async function createMany(harness: ApiHarness, options: ScaleOptions): Promise<ScaleResult> {
  const node = await PretendNode.start(harness.client, nodeName);
  const watch = await TemplateWatch.start(harness.client, namespace);
  try {
    await harness.apply([namespaceObject(namespace)]);
    let operator = await harness.startOperator();
    const startedMs = performance.now();
    const progress = { created: 0 };
    const created = createAll(harness, options, progress);
    let kills = 0;
    for (; kills < options.kills; kills += 1) {
      // Spread over the whole creation, so that kills hit every stage of it.
      while (progress.created < (kills * options.count) / options.kills) await sleep(20);
      await sleep(options.random() * 1200);
      if (operator.ended) throw new Error('the operator ended by itself: see operator.log');
      await operator.kill();
      operator = harness.launchOperator();
      if (kills % 10 === 9) options.onProgress(`killed ${kills + 1} of ${options.kills} times`);
    }
    await created;
    await operator.untilReady();
    const rollouts = await untilReady(harness, options);
    const seconds = (performance.now() - startedMs) / 1000;
    const { items } = await harness.client.list(deployments, { namespace, signal: harness.signal });
    for (const { metadata } of items) await watch.settled(namespace, metadata.name, 0);
    const templates = new Map(
      items.map(({ metadata: { name = '' } }) => [name, watch.templatesOf(namespace, name).length]),
    );
    return { seconds, rssMiB: rssOf(operator.pid), kills, targets: items, rollouts, templates };
  } finally {
    await watch.stop();
    await node.stop();
  }
}

async function createAll(
  harness: ApiHarness,
  { count, onProgress }: ScaleOptions,
  progress: { created: number },
): Promise<void> {
  const batch = 4;
  for (let from = 0; from < count; from += batch) {
    const names = Array.from({ length: Math.min(batch, count - from) }, (_, n) => `t${from + n}`);
    await harness.apply(
      names.flatMap((name) => [
        serviceObject(namespace, name),
        rolloutObject(namespace, {}, name),
        deploymentObject(namespace, name, { nodeName, tolerations: [{ operator: 'Exists' }] }),
      ]),
    );
    if (from % 40 === 0) onProgress(`created ${from + names.length} of ${count}`);
    progress.created += names.length;
  }
}

async function untilReady(harness: ApiHarness, { count }: ScaleOptions): Promise<readonly GracefulRollout[]> {
  const endMs = performance.now() + 240_000;
  for (;;) {
    const { items } = await harness.client.list(typed<GracefulRollout>(gracefulRollouts), {
      namespace,
      signal: harness.signal,
    });
    const waiting = items.filter(
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True',
    );
    if (items.length === count && waiting.length === 0) return items;
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
