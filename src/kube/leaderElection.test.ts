import { describe, expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { silentLogger } from '../runtime/logger.ts';
import { ApiError } from './errors.ts';
import { LeaderElector, type LeaderElectorOptions } from './leaderElection.ts';
import type { LeaseApi } from './leaderElectionLease.ts';
import { LeadershipLostError, NotLeaderError } from './leaderElectionTerm.ts';
import type { Lease } from './resources.ts';

const site = { method: 'PUT', path: '/leases/x' };
const conflict = (): ApiError => new ApiError(site, 409, { reason: 'Conflict', message: 'modified' });

/** One lease in memory with optimistic concurrency, and a record of who wrote what. */
class LeaseServer {
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
        if (lease.metadata.resourceVersion !== this.lease.metadata.resourceVersion) throw conflict();
        return store(lease);
      },
    };
  }
}

/** One candidate with a clock of its own. */
class Candidate {
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
async function pass(ms: number, ...candidates: readonly Candidate[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    for (const { clock } of candidates) await clock.advance(250);
  }
}

describe('LeaderElector', () => {
  test('the first candidate leads, the second waits, and renewals keep it so', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(1_000, a);
    const b = new Candidate('b', server.clientOf('b'));
    await pass(120_000, a, b);
    expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([true, false]);
    expect(server.writes.every(({ by }) => by === 'a')).toBe(true);
    expect(server.writes.length).toBeGreaterThan(50);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(server.lease?.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(() => b.elector.assertLeader('patch a Deployment')).toThrow(NotLeaderError);
    expect(b.elector.signal.aborted).toBe(true);
    expect(a.elector.signal.aborted).toBe(false);
  });

  test('a dead leader is followed after the lease duration, not before', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    const b = new Candidate('b', server.clientOf('b'));
    await pass(10_000, a, b);
    expect(a.elector.isLeader()).toBe(true);
    await pass(12_000, b);
    expect(b.elector.isLeader()).toBe(false);
    await pass(6_000, b);
    expect(b.elector.isLeader()).toBe(true);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test.each([-3_600_000, 3_600_000])('clocks that differ by %d ms change nothing', async (skewMs) => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    const b = new Candidate('b', server.clientOf('b'), new ManualClock(Date.UTC(2026, 0, 1) + skewMs));
    await pass(60_000, a, b);
    expect(server.writes.every(({ by }) => by === 'a')).toBe(true);
    await pass(20_000, b);
    expect(b.elector.isLeader()).toBe(true);
  });

  test('a leader that stood still for 60 s does not lead and writes nothing in its first instruction', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(10_000, a);
    const b = new Candidate('b', server.clientOf('b'));
    await pass(1_000, a, b);
    const writesBefore = server.writes.filter(({ by }) => by === 'a').length;
    a.clock.jump(60_000);
    await pass(60_000, b);
    expect(b.elector.isLeader()).toBe(true);
    expect(a.leading?.aborted).toBe(false);
    expect(() => a.elector.assertLeader('patch a Deployment')).toThrow(NotLeaderError);
    expect(a.leading?.aborted).toBe(true);
    await pass(30_000, a, b);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
    expect(server.writes.filter(({ by }) => by === 'a').length).toBe(writesBefore);
    expect(a.changes).toEqual([true, false]);
  });

  test('a stalled leader writes nothing even if nobody asks the guard and the lease is still its own', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(10_000, a);
    const writesBefore = server.writes.length;
    a.clock.jump(60_000);
    await pass(30_000, a);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
    expect(server.writes.length).toBe(writesBefore);
  });

  test('a suspended machine, whose monotonic clock stood still, does not lead when it wakes', async () => {
    const a = new Candidate('a', new LeaseServer().clientOf('a'));
    await pass(5_000, a);
    a.clock.skewWall(60_000);
    expect(a.elector.isLeader()).toBe(false);
  });

  test('a wall clock that is set back does not prolong a term', async () => {
    let down = false;
    const a = new Candidate(
      'a',
      new LeaseServer().clientOf('a', () => {
        if (down) throw new Error('connection refused');
      }),
    );
    await pass(5_000, a);
    down = true;
    a.clock.skewWall(-3_600_000);
    await pass(11_000, a);
    expect(a.elector.isLeader()).toBe(false);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
  });

  test('API errors shorter than the renew deadline are lived through', async () => {
    let down = false;
    const fault = (): void => {
      if (down) throw new ApiError(site, 503, { reason: 'ServiceUnavailable' });
    };
    const a = new Candidate('a', new LeaseServer().clientOf('a', fault));
    await pass(5_000, a);
    down = true;
    await pass(6_000, a);
    down = false;
    await pass(30_000, a);
    expect(a.elector.isLeader()).toBe(true);
    expect(a.ended).toBe(false);
  });

  test('longer ones end the term by the renew deadline, before anyone else may lead', async () => {
    const server = new LeaseServer();
    let down = false;
    const fault = (): void => {
      if (down) throw new ApiError(site, 503, { reason: 'ServiceUnavailable' });
    };
    const a = new Candidate('a', server.clientOf('a', fault));
    const b = new Candidate('b', server.clientOf('b'));
    await pass(5_000, a, b);
    down = true;
    let both = 0;
    for (let passed = 0; passed < 30_000; passed += 250) {
      await pass(250, a, b);
      if (a.elector.isLeader() && b.elector.isLeader()) both += 1;
    }
    expect(both).toBe(0);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
    expect(b.elector.isLeader()).toBe(true);
  });

  test('a request that never answers is given up, and a later one keeps the lease', async () => {
    let hang = false;
    const fault = (): Promise<void> => {
      if (!hang) return Promise.resolve();
      hang = false;
      return new Promise(() => undefined);
    };
    const server = new LeaseServer();
    const leases = server.clientOf('a', fault);
    const abortable: LeaseApi = {
      ...leases,
      update: (lease, signal) =>
        Promise.race([
          leases.update(lease, signal),
          new Promise<Lease>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
        ]),
    };
    const a = new Candidate('a', abortable);
    await pass(5_000, a);
    hang = true;
    await pass(60_000, a);
    expect(a.elector.isLeader()).toBe(true);
  });

  test('a renewal counts from when it was sent: an answer that comes after the deadline is too late', async () => {
    const clock = new ManualClock();
    let late = false;
    const fault = async (verb: string): Promise<void> => {
      if (verb === 'update' && late) clock.jump(11_000);
    };
    const a = new Candidate('a', new LeaseServer().clientOf('a', fault), clock);
    await pass(5_000, a);
    late = true;
    await pass(3_000, a);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
  });

  test('a slow answer prolongs the term from when the renewal was sent, not from when it was answered', async () => {
    const clock = new ManualClock();
    let slow = false;
    let down = false;
    const fault = async (): Promise<void> => {
      if (down) throw new Error('connection refused');
      if (!slow) return;
      down = true;
      await clock.sleep(4_000);
    };
    const a = new Candidate('a', new LeaseServer().clientOf('a', fault), clock);
    await pass(5_000, a);
    slow = true;
    await pass(10_000, a);
    expect([clock.monotonicMs(), a.elector.isLeader()]).toEqual([15_000, true]);
    await pass(1_000, a);
    expect(a.elector.isLeader()).toBe(false);
  });

  test('a stall between reading the lease and writing it ends in no write', async () => {
    const server = new LeaseServer();
    const clock = new ManualClock();
    let stall = false;
    const fault = (verb: string): void => {
      if (verb === 'get' && stall) clock.jump(60_000);
    };
    const a = new Candidate('a', server.clientOf('a', fault), clock);
    await pass(5_000, a);
    const { lease } = server;
    if (!lease) throw new Error('no lease');
    server.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: 'other' } };
    stall = true;
    const writesBefore = server.writes.length;
    await pass(20_000, a);
    expect(await a.outcome).toBeInstanceOf(LeadershipLostError);
    expect(server.writes.length).toBe(writesBefore);
  });

  test('somebody who annotates the lease makes a conflict, not a loss', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(5_000, a);
    const { lease } = server;
    if (!lease) throw new Error('no lease');
    server.lease = { ...lease, metadata: { ...lease.metadata, labels: { by: 'person' }, resourceVersion: 'other' } };
    await pass(30_000, a);
    expect(a.elector.isLeader()).toBe(true);
    expect(server.lease.metadata.labels).toEqual({ by: 'person' });
  });

  test('a lease that names another holder ends the term at once', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(5_000, a);
    const { lease } = server;
    if (!lease) throw new Error('no lease');
    const taken = { ...lease.spec, holderIdentity: 'thief' };
    server.lease = { ...lease, spec: taken, metadata: { ...lease.metadata, resourceVersion: 'other' } };
    await pass(3_000, a);
    expect(await a.outcome).toMatchObject({ name: 'LeadershipLostError', message: expect.stringContaining('thief') });
    expect(server.lease.spec?.holderIdentity).toBe('thief');
  });

  test('a deleted lease is made again', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(5_000, a);
    server.lease = undefined;
    await pass(5_000, a);
    expect(a.elector.isLeader()).toBe(true);
    expect(server.lease).toMatchObject({ spec: { holderIdentity: 'a' } });
  });

  test('at shutdown the lease is kept until the work is done, then given back, and the next one leads at once', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    const b = new Candidate('b', server.clientOf('b'));
    await pass(5_000, a, b);
    a.stop.abort();
    await pass(20_000, a, b);
    expect(a.elector.isLeader()).toBe(true);
    a.finishWork();
    await pass(3_000, a, b);
    expect(await a.outcome).toBeUndefined();
    expect(a.elector.isLeader()).toBe(false);
    expect(server.writes.findLast(({ by }) => by === 'a')).toEqual({ by: 'a', holder: '' });
    expect(b.elector.isLeader()).toBe(true);
  });

  test('a candidate that is stopped while it waits leaves without a write', async () => {
    const server = new LeaseServer();
    const a = new Candidate('a', server.clientOf('a'));
    await pass(1_000, a);
    const b = new Candidate('b', server.clientOf('b'));
    await pass(5_000, a, b);
    b.stop.abort();
    expect(await b.outcome).toBeUndefined();
    expect(server.writes.some(({ by }) => by === 'b')).toBe(false);
    expect(b.leading).toBeUndefined();
  });

  test('of many that see the lease free at once, one gets it', async () => {
    const server = new LeaseServer();
    const all = Array.from({ length: 5 }, (_, index) => new Candidate(`c${index}`, server.clientOf(`c${index}`)));
    await pass(30_000, ...all);
    expect(all.filter(({ elector }) => elector.isLeader())).toHaveLength(1);
  });

  test('fields of the lease that this project does not know stay', async () => {
    const server = new LeaseServer();
    server.lease = {
      kind: 'Lease',
      metadata: { resourceVersion: '0', annotations: { a: 'b' } },
      spec: { strategy: 'OldestEmulationVersion' } as Lease['spec'] & object,
    };
    const a = new Candidate('a', server.clientOf('a'));
    await pass(5_000, a);
    expect(server.lease).toMatchObject({
      kind: 'Lease',
      metadata: { annotations: { a: 'b' } },
      spec: { holderIdentity: 'a', strategy: 'OldestEmulationVersion' },
    });
  });

  test('durations that cannot be safe are refused', () => {
    const options = {
      leases: new LeaseServer().clientOf('a'),
      identity: 'a',
      clock: new ManualClock(),
      log: silentLogger,
    };
    expect(() => new LeaderElector({ ...options, renewDeadlineMs: 15_000 })).toThrow('lease duration');
  });
});
