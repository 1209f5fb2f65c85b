/** What a load run is told to do, and what it says while it runs: the lines between the generator and its parent. */
import type { LossClass } from './lossClass.ts';

/** `new-connection`: one connection per request. `keep-alive`: a pool of connections, each used in turn; never a retry. */
export type ConnectionMode = 'new-connection' | 'keep-alive';

/** One row of the result: an address under constant load. */
export interface TargetPlan {
  /** Unique name of the row. */
  readonly name: string;
  /** Numeric address (a ClusterIP): the generator's namespace has no DNS. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly mode: ConnectionMode;
  readonly ratePerSecond: number;
  /** The one right answer. */
  readonly expectedBody: string;
  /** The pod that answers names itself (`x-pod`), and its name must begin so: an answer of another pod is wrong. */
  readonly podPrefix?: string;
  /** keep-alive: connections that are kept open. */
  readonly poolSize?: number;
}

/** One run: several targets under load at the same time. */
export interface LoadPlan {
  readonly targets: readonly TargetPlan[];
  /** Local addresses, used in turn. */
  readonly sources: readonly string[];
  /** A request without its full answer after this is lost. */
  readonly requestTimeoutMs: number;
  /** The targets must answer every probe for this long before the load starts; 0: do not ask. */
  readonly steadyMs: number;
  /** Give up when they have not by then. */
  readonly steadyLimitMs: number;
  /** Stretch under full load in which nothing is changed: it must lose nothing. */
  readonly idleMs: number;
  /** Requests per target after the idle stretch, at least. */
  readonly minimumRequests: number;
  /** Keep the load up until the parent writes a `finish` line, also when the minimum has been sent. */
  readonly waitForFinish: boolean;
}

/** A lost request. Times are wall clock, milliseconds since 1970. */
export interface Loss {
  /** When the request was due. */
  readonly dueAtMs: number;
  /** When it was known to be lost. */
  readonly lostAtMs: number;
  readonly lossClass: LossClass;
  readonly detail: string;
  readonly source: string;
}

/** Milliseconds. */
export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A slice of the time line. */
export interface Bucket {
  /** Start of the slice, wall clock. */
  readonly atMs: number;
  /** Requests that were due in it, and what became of them. */
  readonly due: number;
  readonly lost: number;
  readonly maxLatencyMs: number;
}

/** What was counted for one target in one stretch. `requests` = `answered` + `lost`. */
export interface TargetCount {
  readonly name: string;
  readonly mode: ConnectionMode;
  readonly ratePerSecond: number;
  readonly requests: number;
  readonly answered: number;
  readonly lost: number;
  readonly byClass: Partial<Record<LossClass, number>>;
  /** Answered requests, from the time they were due to the end of the answer. */
  readonly latency: Spread;
  /** How late the generator itself was in sending: due to sent. */
  readonly lateness: Spread;
  /** Every loss, up to {@link MAXIMUM_LOSSES_KEPT} of a class. */
  readonly losses: readonly Loss[];
  readonly buckets: readonly Bucket[];
  /** Answers per pod (the servers name themselves), with the first and last time. */
  readonly pods: Readonly<Record<string, { answers: number; firstAtMs: number; lastAtMs: number }>>;
  readonly connectionsOpened: number;
  /** keep-alive: connections that the server closed while they were idle; no request was lost on them. */
  readonly closedWhileIdle: number;
}

/** The counts are complete; of the single losses of a class no more than these are listed. */
export const MAXIMUM_LOSSES_KEPT = 500;
/** Length of a slice of the time line. */
export const BUCKET_MS = 250;

/** The whole run. */
export interface LoadResult {
  readonly startedAtMs: number;
  readonly idleEndedAtMs: number;
  readonly finishedAtMs: number;
  readonly idle: readonly TargetCount[];
  readonly run: readonly TargetCount[];
}

/**
 * Lines that the generator writes to its standard output, one JSON object each. Few of them while the load is on: Node
 * writes to a pipe synchronously, so a reader that is slow would stop the generator.
 */
export type LoadEvent =
  | { readonly type: 'steady'; readonly afterMs: number; readonly failedProbes: number }
  | { readonly type: 'idle-passed'; readonly requests: number }
  | { readonly type: 'progress'; readonly atMs: number; readonly rows: readonly ProgressRow[] }
  | { readonly type: 'result'; readonly result: LoadResult }
  | { readonly type: 'void'; readonly reason: string };

/** Running counts after the idle stretch. */
export interface ProgressRow {
  readonly name: string;
  readonly requests: number;
  readonly lost: number;
}
