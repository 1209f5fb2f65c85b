import { describe, expect, test } from 'vitest';
import { ManualClock, silentLogger } from '../runtime/index.ts';
import { LeaderHealth } from './leaderHealth.ts';
import type { Lease } from './resources.ts';

/** A lease that the test writes; `undefined` answers 404, an Error fails the read, 'never' does not answer. */
function watched(options: { readonly isLeader?: () => boolean } = {}) {
  const clock = new ManualClock();
  let answer: Lease['spec'] | Error | 'never';
  let reads = 0;
  const health = new LeaderHealth({
    leases: {
      get: async (signal) => {
        reads += 1;
        if (answer instanceof Error) throw answer;
        if (answer === 'never') await clock.sleep(1e9, signal);
        return answer === undefined || answer === 'never' ? undefined : { metadata: {}, spec: answer };
      },
    },
    isLeader: options.isLeader ?? (() => false),
    clock,
    log: silentLogger,
  });
  const stop = new AbortController();
  return {
    clock,
    health,
    stop,
    done: health.run(stop.signal),
    set: (next: typeof answer) => {
      answer = next;
    },
    reads: () => reads,
  };
}

const renewed = (n: number, holderIdentity = 'a'): Lease['spec'] => ({
  holderIdentity,
  renewTime: `2026-01-01T00:00:${String(n).padStart(2, '0')}.000000Z`,
});

describe('somebody else leads', () => {
  test('from the first renewal that was seen, until 30 s after the last', async () => {
    const { clock, health, set, stop, done } = watched();
    set(renewed(1));
    await clock.advance(10_000);
    // An old lease proves nothing.
    expect(health.alive()).toBe(false);
    set(renewed(2));
    await clock.advance(1_000);
    expect(health.alive()).toBe(true);
    await clock.advance(28_900);
    expect(health.alive()).toBe(true);
    await clock.advance(1_200);
    expect(health.alive()).toBe(false);
    // Another process takes over.
    set(renewed(2, 'b'));
    await clock.advance(5_000);
    expect(health.alive()).toBe(true);
    stop.abort();
    await done;
  });

  test('the wall clocks say nothing', async () => {
    const { clock, health, set, stop, done } = watched();
    set({ holderIdentity: 'a', renewTime: '1999-01-01T00:00:00.000000Z' });
    await clock.advance(1_000);
    set({ holderIdentity: 'a', renewTime: '1999-01-01T00:00:02.000000Z' });
    await clock.advance(1_000);
    clock.skewWall(3_600_000);
    expect(health.alive()).toBe(true);
    stop.abort();
    await done;
  });

  test('a lease that was given back is no sign of life, and neither are one that is gone or cannot be read', async () => {
    const { clock, health, set, stop, done } = watched();
    set(renewed(1));
    await clock.advance(1_000);
    set(renewed(2));
    await clock.advance(1_000);
    expect(health.alive()).toBe(true);
    for (const sign of [renewed(3, ''), undefined, new Error('no')]) {
      set(sign);
      await clock.advance(10_000);
    }
    expect(health.alive()).toBe(false);
    stop.abort();
    await done;
  });

  test('a read that hangs is given up and tried again; a process that stood still believes nothing old', async () => {
    const { clock, health, set, stop, done, reads } = watched();
    set(renewed(1));
    await clock.advance(1_000);
    set('never');
    await clock.advance(20_000);
    const before = reads();
    set(renewed(2));
    await clock.advance(6_000);
    expect(reads()).toBeGreaterThan(before);
    expect(health.alive()).toBe(true);
    clock.jump(30_000);
    expect(health.alive()).toBe(false);
    stop.abort();
    await done;
  });

  test('one read in 5 s', async () => {
    const { clock, set, stop, done, reads } = watched();
    set(renewed(1));
    await clock.advance(1_000);
    set(renewed(2));
    await clock.advance(2_000);
    const before = reads();
    await clock.advance(60_000);
    expect(reads() - before).toBe(12);
    stop.abort();
    await done;
  });
});

test('who leads itself need not see it', () => {
  let leads = true;
  const { health, stop } = watched({ isLeader: () => leads });
  expect(health.alive()).toBe(true);
  leads = false;
  expect(health.alive()).toBe(false);
  stop.abort();
});

test('without a lease this process leads', async () => {
  const clock = new ManualClock();
  const health = new LeaderHealth({ isLeader: () => false, clock, log: silentLogger });
  await health.run(new AbortController().signal);
  expect(health.alive()).toBe(true);
});
