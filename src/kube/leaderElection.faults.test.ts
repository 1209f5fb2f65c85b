import { describe, expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import type { LeaseApi } from './leaderElectionLease.ts';
import { LeadershipLostError } from './leaderElectionTerm.ts';
import type { Lease } from './resources.ts';
import { Candidate, LeaseServer, pass, site } from './testing/electionScene.ts';

describe('LeaderElector, when requests fail or somebody else writes the lease', () => {
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
});
