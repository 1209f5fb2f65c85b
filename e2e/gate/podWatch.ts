import { type Client, controllerOf, type Pod, pods } from '../../src/kube/index.ts';
import { followObjects, type Seen } from './followObjects.ts';

/** The annotation that carries the state of a drain: part of the product's contract, so written here once more. */
export const DRAIN_ANNOTATION = 'graceful-rollout.io/drain';

/** One pod's end, as the API server told it; wall clock, milliseconds since 1970. */
export interface WatchedEnd {
  readonly pod: string;
  readonly uid: string;
  readonly app: string;
  readonly node: string | undefined;
  /** Path of its drain, where it was ever seen with one. */
  readonly path: string | undefined;
  /** First seen with the annotation. */
  readonly drainSeenAtMs: number | undefined;
  /** First seen without the label `app` that its Service selects on. */
  readonly isolatedAtMs: number | undefined;
  /** First seen with a deletionTimestamp. */
  readonly terminatingAtMs: number | undefined;
  /** First seen no more. */
  readonly goneAtMs: number;
  /** Ready in the last state before it was isolated or terminating: a pod that could lose a request. */
  readonly wasReady: boolean;
}

interface Followed {
  readonly app: string;
  pod: Pod;
  wasReady: boolean;
  path?: string;
  drainSeenAtMs?: number;
  isolatedAtMs?: number;
  terminatingAtMs?: number;
}

/** Follows the pods of a namespace from their first state to their end. */
export class PodWatch {
  readonly #followed = new Map<string, Followed>();
  readonly #ends: WatchedEnd[] = [];

  /** One state of a pod. A handler of {@link followObjects}. */
  readonly note = ({ object: pod, gone, atMs }: Seen<Pod>): void => {
    const { uid = '', name = '', labels, annotations, deletionTimestamp } = pod.metadata;
    const drain = annotations?.[DRAIN_ANNOTATION];
    const known = this.#followed.get(uid) ?? { app: labels?.['app'] ?? appOf(name), pod, wasReady: false };
    known.pod = pod;
    if (deletionTimestamp === undefined && labels?.['app'] !== undefined) known.wasReady = isReady(pod);
    if (drain !== undefined) {
      known.drainSeenAtMs ??= atMs;
      known.path ??= pathOf(drain);
    }
    if (labels?.['app'] === undefined) known.isolatedAtMs ??= atMs;
    if (deletionTimestamp !== undefined) known.terminatingAtMs ??= atMs;
    if (!gone) {
      this.#followed.set(uid, known);
      return;
    }
    this.#followed.delete(uid);
    const { app, path, drainSeenAtMs, isolatedAtMs, terminatingAtMs, wasReady } = known;
    const times = { drainSeenAtMs, isolatedAtMs, terminatingAtMs, goneAtMs: atMs };
    this.#ends.push({ pod: name, uid, app, node: pod.spec.nodeName, path, ...times, wasReady });
  };

  /** The pods that are gone, in that order. */
  get ends(): readonly WatchedEnd[] {
    return this.#ends;
  }

  /** The pods that are there. */
  get present(): readonly Pod[] {
    return [...this.#followed.values()].map(({ pod }) => pod);
  }

  /** Pods that nothing should have left behind: with a drain, isolated, or without a ReplicaSet as controller; in words. */
  leftBehind(): string[] {
    return this.present.flatMap((pod) => {
      const { name = '', labels, annotations, deletionTimestamp } = pod.metadata;
      const wrongs = [
        ...(annotations?.[DRAIN_ANNOTATION] === undefined ? [] : [`drain ${annotations[DRAIN_ANNOTATION]}`]),
        ...(labels?.['app'] === undefined ? ['isolated'] : []),
        ...(controllerOf(pod)?.kind === 'Deployment' ? ['owned by its Deployment'] : []),
        ...(deletionTimestamp === undefined ? [] : ['terminating']),
      ];
      return wrongs.length === 0 ? [] : [`Pod ${name}: ${wrongs.join(', ')}`];
    });
  }
}

/** Starts following the pods of a namespace; until the signal. */
export async function watchPods(client: Client, namespace: string, signal: AbortSignal): Promise<PodWatch> {
  const watch = new PodWatch();
  await followObjects(client, pods, namespace, signal, watch.note);
  return watch;
}

/** Whether its condition Ready is true. */
export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** `protected-7d9f8c6b5-x2k4p` to `protected`: for a pod that was isolated before it was seen. */
function appOf(podName: string): string {
  return podName.split('-').slice(0, -2).join('-');
}

function pathOf(annotation: string): string {
  const state = JSON.parse(annotation) as { readonly path?: string };
  return state.path ?? 'unknown';
}
