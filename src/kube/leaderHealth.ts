import type { Clock } from '../runtime/clock.ts';
import { linkAbort } from '../runtime/linkAbort.ts';
import type { Logger } from '../runtime/logger.ts';
import type { LeaseApi } from './leaderElectionLease.ts';

export interface LeaderHealthOptions {
  /** Absent: no election is held, this process leads. */
  readonly leases?: Pick<LeaseApi, 'get'>;
  /** Whether this process leads at this moment: then nothing needs to be read. */
  readonly isLeader: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Between reads. Default 5,000; 1,000 until the first renewal was seen. */
  readonly periodMs?: number;
  /** A leader that was not seen to renew for this long counts as dead. Default 30,000. */
  readonly silenceMs?: number;
}

const FIRST_PERIOD_MS = 1_000;

/**
 * Whether somebody leads, for those that do not: seen by changes of the Lease and measured by our own monotonic clock, so
 * that clocks that differ do no harm (client-go `LeaderElector.observedTime`). A lease that was never seen to change
 * proves nothing: it may be years old.
 */
export class LeaderHealth {
  readonly #options: LeaderHealthOptions;
  #record: string | undefined;
  #renewedAtMs: number | undefined;

  constructor(options: LeaderHealthOptions) {
    this.#options = options;
  }

  alive(): boolean {
    const { leases, isLeader, clock, silenceMs = 30_000 } = this.#options;
    if (leases === undefined || isLeader()) return true;
    return this.#renewedAtMs !== undefined && clock.monotonicMs() - this.#renewedAtMs < silenceMs;
  }

  /** Reads the Lease until aborted. Never rejects: a Lease that cannot be read is one that does not change. */
  async run(signal: AbortSignal): Promise<void> {
    const { leases, clock, periodMs = 5_000 } = this.#options;
    if (leases === undefined) return;
    while (!signal.aborted) {
      await this.#look(leases, signal);
      const period = this.#renewedAtMs === undefined ? Math.min(FIRST_PERIOD_MS, periodMs) : periodMs;
      await Promise.allSettled([clock.sleep(period, signal)]);
    }
  }

  async #look(leases: Pick<LeaseApi, 'get'>, signal: AbortSignal): Promise<void> {
    const { clock, log, periodMs = 5_000 } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const limit = linkAbort(signal);
    const cancel = clock.schedule(periodMs, () => limit.abort(new Error(`no answer within ${periodMs} ms`)));
    try {
      const spec = (await leases.get(limit.signal))?.spec;
      // An empty holder has given the lease back; that is a change, but nobody leads.
      if (!spec?.holderIdentity) return;
      const record = `${spec.holderIdentity} ${spec.renewTime ?? ''}`;
      if (this.#record !== undefined && record !== this.#record) this.#renewedAtMs = sentAtMs;
      this.#record = record;
    } catch (err) {
      if (!signal.aborted) log.warn('cannot read the leader lease', { err });
    } finally {
      cancel();
      limit.release();
    }
  }
}
