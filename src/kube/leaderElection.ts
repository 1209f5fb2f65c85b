import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../runtime/clock.ts';
import { linkAbort } from '../runtime/linkAbort.ts';
import type { Logger } from '../runtime/logger.ts';
import { ApiError, isNotFound } from './errors.ts';
import { claimed, type LeaseApi, LeaseObservation, released } from './leaderElectionLease.ts';
import {
  type LeaderGuard,
  LeadershipLostError,
  LeaderTerm,
  type Moment,
  momentOf,
  NotLeaderError,
} from './leaderElectionTerm.ts';
import type { Lease } from './resources.ts';

export interface LeaderElectorOptions {
  readonly leases: LeaseApi;
  /** Unique to this process, also among restarts in one pod: two processes of one identity would both lead. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long others wait for a silent leader. Default 15 s, client-go's. */
  readonly leaseDurationMs?: number;
  /** How long a leader goes on without a successful renewal; well below the lease duration. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts. Default 2 s; candidates add up to 20 % so that they do not march in step. */
  readonly retryPeriodMs?: number;
  /** Called when leadership begins and ends, for a metric. */
  readonly onChange?: (isLeader: boolean) => void;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
}

/** An identity for `LeaderElectorOptions.identity`: the pod's name, for people, and a random part, for safety. */
export function uniqueIdentity(): string {
  return `${hostname()}_${randomUUID()}`;
}

/**
 * Holds a Lease among the replicas of the operator (the protocol of client-go `tools/leaderelection`), with one promise
 * more: no write after the renew deadline, also if this process stood still in between (see {@link LeaderGuard}).
 */
export class LeaderElector implements LeaderGuard {
  readonly #options: Required<LeaderElectorOptions>;
  readonly #log: Logger;
  readonly #observation = new LeaseObservation();
  #term: LeaderTerm | undefined;
  #lease: Lease | undefined;
  #lastSeenHolder: string | undefined;

  constructor(options: LeaderElectorOptions) {
    this.#options = {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      onChange: () => undefined,
      random: Math.random,
      ...options,
    };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs * 1.2 && retryPeriodMs > 0)) {
      throw new Error(
        `leader election needs lease duration (${leaseDurationMs} ms) > renew deadline (${renewDeadlineMs} ms) > 1.2 × retry period (${retryPeriodMs} ms)`,
      );
    }
    this.#log = options.log.child({ component: 'leader-election', identity: options.identity });
  }

  isLeader(): boolean {
    return this.#term?.isValid() ?? false;
  }

  assertLeader(doing: string): void {
    if (!this.isLeader()) throw new NotLeaderError(doing);
  }

  get signal(): AbortSignal {
    return this.#term?.signal ?? AbortSignal.abort(new NotLeaderError('go on'));
  }

  /**
   * Waits for the lease, then runs `lead` and keeps the lease renewed until `lead` settles, then gives the lease back.
   * `lead` gets a signal that is aborted when leadership is lost; to be told to stop it must listen to `stop` itself, so
   * that it can finish what it has in hand while the lease is still held. Returns without leading when `stop` is aborted
   * first. Call once.
   *
   * @throws LeadershipLostError at once when the lease is lost, even if `lead` has not settled; else what `lead` throws.
   */
  async run(stop: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<void> {
    const term = await this.#acquire(stop);
    if (!term) return;
    const finished = new AbortController();
    const renewing = this.#keepRenewing(term, finished.signal);
    try {
      await Promise.race([lead(term.signal), untilEnded(term)]);
    } finally {
      finished.abort();
      await renewing;
      await this.#release(term);
    }
  }

  async #acquire(stop: AbortSignal): Promise<LeaderTerm | undefined> {
    const { clock, retryPeriodMs, random } = this.#options;
    this.#log.info('waiting for the leader lease');
    while (!stop.aborted) {
      const sentAt = await this.#tryOnce(stop);
      if (sentAt) {
        const term = this.#begin(sentAt);
        if (term.isValid()) return term;
      }
      await settled(clock.sleep(retryPeriodMs * (1 + 0.2 * random()), stop));
    }
    return undefined;
  }

  #begin(sentAt: Moment): LeaderTerm {
    const term = new LeaderTerm(this.#options.clock, this.#options.renewDeadlineMs, sentAt);
    this.#term = term;
    if (!term.isValid()) return term;
    this.#log.info('became leader');
    this.#options.onChange(true);
    term.signal.addEventListener('abort', () => this.#options.onChange(false), { once: true });
    return term;
  }

  async #keepRenewing(term: LeaderTerm, finished: AbortSignal): Promise<void> {
    const { clock, retryPeriodMs } = this.#options;
    const ends = AbortSignal.any([finished, term.signal]);
    while (!ends.aborted) {
      await settled(clock.sleep(retryPeriodMs, ends));
      if (ends.aborted) return;
      const sentAt = await this.#tryOnce(term.signal);
      if (sentAt) term.renewed(sentAt);
    }
  }

  /** One attempt to get or keep the lease. Says when the successful write was sent, or nothing. Never throws. */
  async #tryOnce(giveUp: AbortSignal): Promise<Moment | undefined> {
    const { clock, renewDeadlineMs } = this.#options;
    const limit = linkAbort();
    const limitMs = renewDeadlineMs / 2;
    const cancel = clock.schedule(limitMs, () => limit.abort(new Error(`no answer within ${limitMs} ms`)));
    const either = linkAbort(limit.signal, giveUp);
    try {
      return await this.#attempt(either.signal, this.#term ? either.signal : limit.signal);
    } catch (err) {
      if (isConflict(err)) this.#log.debug('somebody else wrote the leader lease first');
      else if (!giveUp.aborted) this.#log.warn('cannot read or write the leader lease', { err });
      return undefined;
    } finally {
      cancel();
      either.release();
    }
  }

  /**
   * A write that takes the lease is not aborted by `stop` (`writeSignal` does not follow it): whether it happened would be
   * unknown, and the lease could not be given back. A leader renews what it wrote last, and reads only where somebody
   * else wrote.
   */
  async #attempt(readSignal: AbortSignal, writeSignal: AbortSignal): Promise<Moment | undefined> {
    const { leases, clock, identity, leaseDurationMs } = this.#options;
    if (this.#lease) {
      try {
        return await this.#claim(this.#lease, writeSignal);
      } catch (err) {
        if (!isConflict(err) && !isNotFound(err)) throw err;
        this.#lease = undefined;
      }
    }
    const current = await leases.get(readSignal);
    if (!current) return await this.#claim(undefined, writeSignal);
    this.#observation.observe(current, clock.monotonicMs());
    this.#noteHolder(current);
    const holder = current.spec?.holderIdentity;
    if (holder && holder !== identity) {
      this.#term?.end(new LeadershipLostError(`the leader lease was taken by ${holder}`));
      if (!this.#observation.isFree(current, clock.monotonicMs(), leaseDurationMs)) return undefined;
    }
    return await this.#claim(current, writeSignal);
  }

  /** Writes our name into the lease; refuses once a term has ended. Says when the write was sent. */
  async #claim(current: Lease | undefined, signal: AbortSignal): Promise<Moment> {
    const { leases, clock, identity, leaseDurationMs } = this.#options;
    if (this.#term && !this.#term.isValid()) throw new NotLeaderError('renew the leader lease');
    const sentAt = momentOf(clock);
    const lease = claimed(current, { identity, leaseDurationMs, wallMs: sentAt.wallMs });
    this.#lease = await (current ? leases.update(lease, signal) : leases.create(lease, signal));
    return sentAt;
  }

  /** Empties the lease so that the next one need not wait; not once the term is over, then it may be another's. */
  async #release(term: LeaderTerm): Promise<void> {
    const { leases, clock, renewDeadlineMs } = this.#options;
    if (!this.#lease || !term.isValid()) return;
    term.end(new NotLeaderError('go on after giving the lease back'));
    const limit = new AbortController();
    const cancel = clock.schedule(renewDeadlineMs / 2, () => limit.abort(new Error('no answer in time')));
    try {
      await leases.update(released(this.#lease, clock.nowMs()), limit.signal);
      this.#log.info('gave the leader lease back');
    } catch (err) {
      this.#log.warn('could not give the leader lease back; the next leader has to wait until it expires', { err });
    } finally {
      cancel();
    }
  }

  #noteHolder(lease: Lease): void {
    const holder = lease.spec?.holderIdentity;
    if (holder === this.#lastSeenHolder) return;
    this.#lastSeenHolder = holder;
    if (holder && holder !== this.#options.identity) this.#log.info('another process leads', { holder });
  }
}

/** Rejects with the reason when the term ends. */
function untilEnded(term: LeaderTerm): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(term.signal.reason as Error);
    if (term.signal.aborted) fail();
    else term.signal.addEventListener('abort', fail, { once: true });
  });
}

/** Waits until `promise` settles either way: for sleeps, where being woken early is as good as sleeping on. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}

function isConflict(err: unknown): boolean {
  return err instanceof ApiError && err.code === 409;
}
