import type { LossClass } from './lossClass.ts';
import {
  BUCKET_MS,
  type Bucket,
  type Loss,
  MAXIMUM_LOSSES_KEPT,
  type Spread,
  type TargetCount,
  type TargetPlan,
} from './plan.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Nearest-rank p50, p99 and maximum; zeros when there is nothing. */
export function spread(valuesMs: readonly number[]): Spread {
  const sorted = Float64Array.from(valuesMs).sort();
  const rank = (p: number): number => round(sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0);
  return { p50Ms: rank(0.5), p99Ms: rank(0.99), maxMs: rank(1) };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** Counts one target in one stretch of the run. Every request that is sent ends in exactly one of answered and lost. */
export class Tally {
  readonly #plan: TargetPlan;
  readonly #latenciesMs: number[] = [];
  readonly #latenessMs: number[] = [];
  readonly #byClass: Partial<Record<LossClass, number>> = {};
  readonly #losses: Loss[] = [];
  readonly #buckets = new Map<number, Mutable<Bucket>>();
  readonly #pods: Record<string, { answers: number; firstAtMs: number; lastAtMs: number }> = {};
  #sent = 0;
  #lost = 0;
  /** See {@link TargetCount}. */
  connectionsOpened = 0;
  /** See {@link TargetCount}. */
  closedWhileIdle = 0;

  constructor(plan: TargetPlan) {
    this.#plan = plan;
  }

  /** Requests sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Requests lost so far. */
  get lost(): number {
    return this.#lost;
  }

  /** Requests whose end is still awaited. */
  get outstanding(): number {
    return this.#sent - this.#lost - this.#latenciesMs.length;
  }

  /** A request goes out. @param dueAtMs wall clock; @param latenessMs due to now. */
  onSent(dueAtMs: number, latenessMs: number): void {
    this.#sent++;
    this.#latenessMs.push(latenessMs);
    this.#bucket(dueAtMs).due++;
  }

  /** Its right answer has come. @param latencyMs due to now. */
  onAnswered(dueAtMs: number, latencyMs: number, pod: string | undefined): void {
    this.#latenciesMs.push(latencyMs);
    const bucket = this.#bucket(dueAtMs);
    bucket.maxLatencyMs = Math.max(bucket.maxLatencyMs, round(latencyMs));
    if (pod === undefined) return;
    const atMs = Math.round(dueAtMs + latencyMs);
    const entry = (this.#pods[pod] ??= { answers: 0, firstAtMs: atMs, lastAtMs: atMs });
    entry.answers++;
    entry.lastAtMs = atMs;
  }

  /** It is lost. */
  onLost(loss: Loss): void {
    this.#lost++;
    const ofClass = (this.#byClass[loss.lossClass] ?? 0) + 1;
    this.#byClass[loss.lossClass] = ofClass;
    this.#bucket(loss.dueAtMs).lost++;
    if (ofClass <= MAXIMUM_LOSSES_KEPT) this.#losses.push(loss);
  }

  /** The figures. */
  count(): TargetCount {
    const { name, mode, ratePerSecond } = this.#plan;
    return {
      name,
      mode,
      ratePerSecond,
      requests: this.#sent,
      answered: this.#latenciesMs.length,
      lost: this.#lost,
      byClass: this.#byClass,
      latency: spread(this.#latenciesMs),
      lateness: spread(this.#latenessMs),
      losses: this.#losses,
      buckets: [...this.#buckets.values()].sort((a, b) => a.atMs - b.atMs),
      pods: this.#pods,
      connectionsOpened: this.connectionsOpened,
      closedWhileIdle: this.closedWhileIdle,
    };
  }

  #bucket(atMs: number): Mutable<Bucket> {
    const start = Math.floor(atMs / BUCKET_MS) * BUCKET_MS;
    let bucket = this.#buckets.get(start);
    if (bucket === undefined) {
      bucket = { atMs: start, due: 0, lost: 0, maxLatencyMs: 0 };
      this.#buckets.set(start, bucket);
    }
    return bucket;
  }
}
