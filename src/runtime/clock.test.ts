import { describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';

describe('ManualClock', () => {
  test('fires timers in the order in which they are due, each at its own time', async () => {
    const clock = new ManualClock(1_000);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
    clock.schedule(30, note('c'));
    clock.schedule(10, note('a'));
    clock.schedule(10, note('b'));
    const cancel = clock.schedule(20, note('cancelled'));
    cancel();
    await clock.advance(25);
    expect(fired).toEqual(['a@10', 'b@10']);
    await clock.advance(5);
    expect(fired).toEqual(['a@10', 'b@10', 'c@30']);
    expect(clock.nowMs()).toBe(1_030);
  });

  test('lets what a timer woke run before the next timer', async () => {
    const clock = new ManualClock();
    const steps: number[] = [];
    const loop = async (): Promise<void> => {
      for (let step = 0; step < 3; step += 1) {
        await clock.sleep(10);
        steps.push(clock.monotonicMs());
      }
    };
    const looping = loop();
    await clock.advance(100);
    await looping;
    expect(steps).toEqual([10, 20, 30]);
  });

  test('a jump runs nothing, as a stopped process does; then all that is due fires', async () => {
    const clock = new ManualClock();
    let fired = 0;
    clock.schedule(10, () => {
      fired += 1;
    });
    clock.jump(60_000);
    expect(fired).toBe(0);
    await clock.advance(0);
    expect(fired).toBe(1);
    expect(clock.monotonicMs()).toBe(60_000);
  });

  test('a skewed wall clock leaves the monotonic one alone', () => {
    const clock = new ManualClock(0);
    clock.skewWall(-5_000);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([-5_000, 0]);
  });
});

describe.each([
  ['systemClock', systemClock],
  ['ManualClock', new ManualClock()],
])('%s', (_, clock) => {
  test('sleep rejects with the reason of its signal, before and during the sleep, and leaves no timer', async () => {
    await expect(clock.sleep(60_000, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    const stop = new AbortController();
    const sleeping = clock.sleep(60_000, stop.signal);
    stop.abort(new Error('during'));
    await expect(sleeping).rejects.toThrow('during');
    if (clock instanceof ManualClock) expect(clock.pendingTimers).toBe(0);
  });
});

describe('systemClock', () => {
  test('sleeps as long as asked, and does not fire a month-long timer at once', async () => {
    const startedMs = systemClock.monotonicMs();
    let fired = false;
    const cancel = systemClock.schedule(2 ** 31 + 1_000, () => {
      fired = true;
    });
    await systemClock.sleep(30);
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(29);
    expect(fired).toBe(false);
    cancel();
  });
});
