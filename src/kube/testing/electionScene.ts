import { ManualClock } from '../../runtime/clock.ts';
import { silentLogger } from '../../runtime/logger.ts';
import { ApiError } from '../errors.ts';
import { LeaderElector, type LeaderElectorOptions } from '../leaderElection.ts';
import type { LeaseApi } from '../leaderElectionLease.ts';
import type { Lease } from '../resources.ts';

/** Where the errors of the lease's requests come from. */
export const site = { method: 'PUT', path: '/leases/x' };

/** One lease in memory with optimistic concurrency, and a record of who wrote what. */
export class LeaseServer {
  lease: Lease | undefined;
  readonly writes: { readonly by: string; readonly holder: string }[] = [];
  #version = 0;

  /** @param fault called before each request of this client; may throw, or wait. */
  clientOf(by: string, fault: (verb: string) => Promise<void> | void = () => undefined): LeaseApi {
    const store = (lease: Lease): Lease => {
      this.writes.push({ by, holder: lease.spec?.holderIdentity ?? '' });
      this.#version += 1;
      this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
      return this.lease;
    };
    return {
      get: async () => {
        await fault('get');
        return this.lease;
      },
      create: async (lease) => {
        await fault('create');
        if (this.lease) throw new ApiError(site, 409, { reason: 'AlreadyExists' });
        return store(lease);
      },
      update: async (lease) => {
        await fault('update');
        if (!this.lease) throw new ApiError(site, 404, { reason: 'NotFound' });
        if (lease.metadata.resourceVersion !== this.lease.metadata.resourceVersion) {
          throw new ApiError(site, 409, { reason: 'Conflict', message: 'modified' });
        }
        return store(lease);
      },
    };
  }
}

/** One candidate with a clock of its own. */
export class Candidate {
  readonly clock: ManualClock;
  readonly elector: LeaderElector;
  readonly stop = new AbortController();
  leading: AbortSignal | undefined;
  finishWork: () => void = () => undefined;
  outcome: Promise<unknown>;
  ended = false;
  readonly changes: boolean[] = [];

  constructor(
    identity: string,
    leases: LeaseApi,
    clock = new ManualClock(),
    options: Partial<LeaderElectorOptions> = {},
  ) {
    this.clock = clock;
    this.elector = new LeaderElector({
      leases,
      identity,
      clock,
      log: silentLogger,
      random: () => 0.5,
      onChange: (isLeader) => this.changes.push(isLeader),
      ...options,
    });
    this.outcome = this.elector
      .run(this.stop.signal, async (leading) => {
        this.leading = leading;
        await new Promise<void>((resolve) => {
          this.finishWork = resolve;
        });
      })
      .catch((err: unknown) => err)
      .finally(() => {
        this.ended = true;
      });
  }
}

/** Lets the same time pass for all, in small steps, as it would for machines side by side. */
export async function pass(ms: number, ...candidates: readonly Candidate[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    for (const { clock } of candidates) await clock.advance(250);
  }
}
