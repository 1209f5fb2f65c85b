import { describe, expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { silentLogger } from '../runtime/logger.ts';
import { LeaderElector } from './leaderElection.ts';
import { NotLeaderError } from './leaderElectionTerm.ts';
import { Candidate, LeaseServer, pass } from './testing/electionScene.ts';

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
