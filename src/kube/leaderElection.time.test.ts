import { describe, expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { LeadershipLostError, NotLeaderError } from './leaderElectionTerm.ts';
import { Candidate, LeaseServer, pass } from './testing/electionScene.ts';

describe('LeaderElector, when time is not what it seems', () => {
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
});
