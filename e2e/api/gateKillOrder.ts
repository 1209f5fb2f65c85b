import { DRAIN_ANNOTATION } from '../../src/api/index.ts';
import type { DrainState } from '../../src/gate/types.ts';
import { type Client, type EndpointSlice, endpointSlices, type Pod, pods } from '../../src/kube/index.ts';
import { isOlderVersion } from '../../src/kube/versions.ts';
import type { FailOpen } from './gateKillLogs.ts';

/** A version of an object, as a watch brought it. */
export type Sight =
  | { readonly kind: 'Pod'; readonly gone: boolean; readonly object: Pod; readonly atMs: number }
  | { readonly kind: 'Slice'; readonly gone: boolean; readonly object: EndpointSlice; readonly atMs: number };

/** How the end of one pod began: what there was at the version at which it became terminating (or was gone at once). */
export interface PodEnd {
  readonly name: string;
  /** When the test heard of it, milliseconds since 1970. */
  readonly atMs: number;
  /** What it carried. */
  readonly state: DrainState | undefined;
  /** It had none of the labels any more that its isolation took off, from before this version on. */
  readonly isIsolated: boolean;
  /** Slices that listed it. */
  readonly listedBy: readonly string[];
  /** The same, as ready. */
  readonly readyIn: readonly string[];
  /** A slice has listed it before. */
  readonly wasListed: boolean;
  /** A slice stopped listing it while it had all its labels, and it was neither terminating nor unready. */
  readonly leftEarly: boolean;
  /** Every container that serves sleeps before its SIGTERM. */
  readonly hasFloor: boolean;
}

/**
 * Follows the pods and EndpointSlices of a namespace by two watches of its own. Both kinds are in one etcd, whose revisions
 * their resourceVersions are: so it knows what came before what, whichever watch told it first.
 */
export class OrderWatch {
  readonly sights: Sight[] = [];
  /** What ended a watch too early. */
  readonly problems: string[] = [];
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  static async start(client: Client, namespace: string): Promise<OrderWatch> {
    const watch = new OrderWatch();
    const { signal } = watch.#stop;
    const [podList, sliceList] = await Promise.all([
      client.list(pods, { namespace, signal }),
      client.list(endpointSlices, { namespace, signal }),
    ]);
    for (const object of podList.items) watch.#note({ kind: 'Pod', gone: false, object });
    for (const object of sliceList.items) watch.#note({ kind: 'Slice', gone: false, object });
    const [podEvents, sliceEvents] = await Promise.all([
      client.watch(pods, { namespace, resourceVersion: podList.resourceVersion, signal }),
      client.watch(endpointSlices, { namespace, resourceVersion: sliceList.resourceVersion, signal }),
    ]);
    const followed = [
      watch.#follow(podEvents, (gone, object) => watch.#note({ kind: 'Pod', gone, object })),
      watch.#follow(sliceEvents, (gone, object) => watch.#note({ kind: 'Slice', gone, object })),
    ];
    watch.#running = Promise.all(followed);
    return watch;
  }

  /** The pods that are there now, terminating or not, with the drain states that they carry. */
  pods(): readonly { readonly namespace: string; readonly name: string; readonly state: DrainState | undefined }[] {
    const newest = new Map<string, Pod>();
    for (const { kind, gone, object } of this.sights) {
      if (kind !== 'Pod') continue;
      if (gone) newest.delete(object.metadata.uid ?? '');
      else newest.set(object.metadata.uid ?? '', object);
    }
    return [...newest.values()].map((pod) => {
      const { namespace = '', name = '' } = pod.metadata;
      return { namespace, name, state: stateOf(pod) };
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #note(sight: DistributiveOmit<Sight, 'atMs'>): void {
    this.sights.push({ ...sight, atMs: performance.timeOrigin + performance.now() });
  }

  async #follow<T>(
    events: AsyncIterable<{ readonly type: string; readonly object?: T }>,
    note: (gone: boolean, object: T) => void,
  ): Promise<void> {
    try {
      for await (const { type, object } of events) {
        if (object === undefined) {
          if (type === 'ERROR') this.problems.push('a watch of the test ended with an error');
        } else note(type === 'DELETED', object);
      }
      if (!this.#stop.signal.aborted) this.problems.push('a watch of the test ended');
    } catch (error) {
      if (!this.#stop.signal.aborted) this.problems.push(`a watch of the test failed: ${String(error)}`);
    }
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Every pod that began to end, in order. Pure. */
export function endsIn(sights: readonly Sight[]): readonly PodEnd[] {
  const ordered = sights.toSorted((a, b) => compare(versionOf(a), versionOf(b)));
  const slices = new Map<string, EndpointSlice>();
  const living = new Map<string, Pod>();
  const early = new Set<string>();
  const listed = new Set<string>();
  const ends: PodEnd[] = [];
  const ended = new Set<string>();
  for (const sight of ordered) {
    if (sight.kind === 'Slice') {
      const name = sight.object.metadata.name ?? '';
      const before = uidsIn(slices.get(name));
      if (sight.gone) slices.delete(name);
      else slices.set(name, sight.object);
      const now = uidsIn(slices.get(name));
      for (const uid of now) listed.add(uid);
      for (const uid of before) {
        const pod = living.get(uid);
        if (!now.has(uid) && pod !== undefined && stateOf(pod)?.isolatedAt === undefined && isReady(pod))
          early.add(uid);
      }
      continue;
    }
    const { object: pod, gone, atMs } = sight;
    const uid = pod.metadata.uid ?? '';
    if (ended.has(uid)) continue;
    if (!gone && pod.metadata.deletionTimestamp === undefined) {
      living.set(uid, pod);
      continue;
    }
    ended.add(uid);
    living.delete(uid);
    ends.push({ ...endOf(pod, uid, slices), atMs, wasListed: listed.has(uid), leftEarly: early.has(uid) });
  }
  return ends;
}

function endOf(
  pod: Pod,
  uid: string,
  slices: ReadonlyMap<string, EndpointSlice>,
): Omit<PodEnd, 'atMs' | 'wasListed' | 'leftEarly'> {
  const state = stateOf(pod);
  const removed = Object.keys(state?.removedLabels ?? {});
  const listing = [...slices].flatMap(([name, { endpoints = [] }]) =>
    endpoints.flatMap(({ targetRef, conditions }) =>
      targetRef?.uid === uid ? [{ name, ready: conditions?.ready !== false }] : [],
    ),
  );
  return {
    name: pod.metadata.name ?? '',
    state,
    isIsolated:
      state?.isolatedAt !== undefined &&
      removed.length > 0 &&
      removed.every((key) => pod.metadata.labels?.[key] === undefined),
    listedBy: listing.map(({ name }) => name),
    readyIn: listing.filter(({ ready }) => ready).map(({ name }) => name),
    hasFloor: (pod.spec?.containers ?? []).every(({ lifecycle }) => lifecycle?.preStop !== undefined),
  };
}

/** The state as it is written; whether its signature is right is the operator's business. */
function stateOf(pod: Pod): DrainState | undefined {
  const text = pod.metadata.annotations?.[DRAIN_ANNOTATION];
  try {
    return text === undefined ? undefined : (JSON.parse(text) as DrainState);
  } catch {
    // Forged.
    return undefined;
  }
}

function uidsIn(slice: EndpointSlice | undefined): ReadonlySet<string> {
  return new Set((slice?.endpoints ?? []).flatMap(({ targetRef }) => targetRef?.uid ?? []));
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

function versionOf({ object }: Sight): string {
  return object.metadata.resourceVersion ?? '';
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return isOlderVersion(a, b) ? -1 : 1;
}

/** Who had the pod deleted, as far as the test knows. */
export interface EndFacts {
  /** The operator sent its own DELETE of it. */
  readonly byOperator: boolean;
  /** Since when no operator answered the API server at that time, milliseconds since 1970; undefined: one did. */
  readonly awaySinceMs: number | undefined;
  /** Requests that the API server says it let through around that time. */
  readonly failOpens: readonly FailOpen[];
  /** What webhooks of the operator said about it. */
  readonly answers: readonly string[];
}

/** The operator lets a request through whose intent it could not write in time. */
const tooSlow: ReadonlySet<string> = new Set(['WriteFailed', 'NoTime', 'HungUp']);

/** Of {@link wrongWith}: begins so where the machine was too busy to say more. */
export const STARVED = 'starved: ';

/** An API server waits so long for the answer to an eviction or to a ReplicaSet, which asks by what it has heard until then. */
const IN_FLIGHT_MS = 2_000;

/**
 * What was wrong with the order. A pod that was let go by the operator's own DELETE, or by a person's that was told it is drained,
 * was isolated first, then listed by no slice, then deleted. One that nobody let go is right only where nobody could answer for
 * it (`failurePolicy: Ignore`): a person's DELETE that waited when the operator died, what was asked before the hand-over, or
 * what was on its way when the operator died right after it. It has the preStop floor then. Other outcomes (LastEndpoint, LastOnNode,
 * ReplacementTimeout, Refused, DeadlinePassed) do not occur in these paths: their limits are never reached.
 */
export function wrongWith(end: PodEnd, { byOperator, awaySinceMs, failOpens, answers }: EndFacts): string | undefined {
  const { name, state, isIsolated, listedBy, readyIn, leftEarly, hasFloor } = end;
  const at = `pod ${name} (${state === undefined ? 'no drain' : JSON.stringify({ ...state, owner: undefined })})`;
  if (leftEarly) return `${at} left a slice before it was isolated`;
  if (byOperator || state?.drainedAt !== undefined) {
    if (!isIsolated) return `${at} was let go without having been isolated`;
    return listedBy.length === 0 ? undefined : `${at} was let go while it was listed by ${listedBy.join(' ')}`;
  }
  const beside = `${at} ended beside the gate, listed as ready by ${readyIn.join(' ') || 'no slice'}`;
  const isSlow = answers.some((answer) => tooSlow.has(answer));
  if (failOpens.length === 0 && !isSlow) return `${beside}, answered ${answers.join(' ') || 'by nobody'}`;
  if (awaySinceMs === undefined) {
    return `${isSlow || failOpens.some(({ isTimeout }) => isTimeout) ? STARVED : ''}${beside}`;
  }
  const isHandedOver = state?.handedOverAt !== undefined && state.path !== 'Delete';
  if (isHandedOver && awaySinceMs - Date.parse(state.handedOverAt ?? '') > IN_FLIGHT_MS) {
    // The test lets an eviction be answered before it kills, but for one that takes long.
    const isInFlight = state.path === 'Eviction' && end.atMs - awaySinceMs <= IN_FLIGHT_MS;
    return `${isInFlight ? STARVED : ''}${at} ended while there was no operator, and nobody was waiting to delete it`;
  }
  return hasFloor ? undefined : `${at} has no preStop floor, and ended beside the gate`;
}
