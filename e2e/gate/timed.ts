import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, podEviction } from '../../src/kube/index.ts';
import type { PodWatch } from './podWatch.ts';
import { type Stage, servingPods } from './stage.ts';

/** Milliseconds that something took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return Math.round(performance.now() - startedMs);
}

/** Name of the first pod of a workload that serves. */
export async function aPodOf(stage: Stage, workload: string): Promise<string> {
  const name = (await servingPods(stage, workload))[0]?.metadata.name;
  if (name === undefined) throw new Error(`${stage.namespace}/${workload} has no pod that serves`);
  return name;
}

/** Asks once for the eviction of a pod. @returns the HTTP code: 201, or 429 with the reason */
export async function evict(stage: Stage, pod: string): Promise<{ readonly code: number; readonly message: string }> {
  const { client, namespace, signal } = stage;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
  try {
    await client.create(podEviction, eviction, { signal, retry: false, deadlineMs: 40_000 });
    return { code: 201, message: '' };
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, message: error.serverMessage };
    throw error;
  }
}

/** Waits for what is expected to come true. @throws Error that names it */
export async function until(
  what: string,
  limitMs: number,
  signal: AbortSignal,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const untilMs = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > untilMs) throw new Error(`after ${limitMs} ms: ${what}`);
    await sleep(100, undefined, { signal });
  }
}

/** Milliseconds from now until `count` pods of a workload are terminating or gone. */
export function untilEnding(
  watch: PodWatch,
  app: string,
  count: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<number> {
  const before = new Set(endingOf(watch, app));
  return timed(() =>
    until(
      `fewer than ${count} pods of ${app} are terminating`,
      limitMs,
      signal,
      () => endingOf(watch, app).filter((pod) => !before.has(pod)).length >= count,
    ),
  );
}

function endingOf(watch: PodWatch, app: string): string[] {
  const present = watch.present.filter(
    ({ metadata }) => metadata.labels?.['app'] === app && metadata.deletionTimestamp !== undefined,
  );
  return [
    ...present.map(({ metadata }) => metadata.name ?? ''),
    ...watch.ends.filter((end) => end.app === app).map(({ pod }) => pod),
  ];
}
