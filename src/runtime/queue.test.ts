import { describe, expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { type QueueMetrics, WorkQueue } from './queue.ts';

describe('WorkQueue', () => {
  test('a key added twice comes out once', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect([await queue.get(), await queue.get(), queue.length]).toEqual(['a', 'b', 0]);
  });

  test('a key added while a worker has it comes back once, after done', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test('an idle worker is woken by a key', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    const waiting = queue.get();
    queue.add('a');
    expect(await waiting).toBe('a');
  });

  test('a worker that was woken but leaves passes the key on', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    const leaving = new AbortController();
    const first = queue.get(leaving.signal);
    const second = queue.get();
    queue.add('a');
    leaving.abort();
    expect(await first).toBeUndefined();
    expect(await second).toBe('a');
  });

  test('back-off doubles from 5 ms and is bounded by 1,000 s; forget starts again', () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, retriesPerSecond: 1_000, retryBurst: 1_000 });
    const delays = Array.from({ length: 20 }, () => queue.addRateLimited('a'));
    expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(delays.at(-1)).toBe(1_000_000);
    expect(queue.retries('a')).toBe(20);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
  });

  test('all keys together retry ten times a second after a burst of a hundred', () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    const delays = Array.from({ length: 120 }, (_, index) => queue.addRateLimited(`key-${index}`));
    expect(delays.slice(0, 100).every((delay) => delay === 5)).toBe(true);
    expect(delays[100]).toBe(100);
    expect(delays[119]).toBe(2_000);
  });

  test('giving up on the drain says which keys are still worked on', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('ns/slow');
    await queue.get();
    queue.shutDown();
    await expect(queue.drained(AbortSignal.abort())).rejects.toThrow('ns/slow');
  });

  test('reports depth, waiting and working time', async () => {
    const clock = new ManualClock();
    const reports: string[] = [];
    const metrics: QueueMetrics = {
      depth: (keys) => reports.push(`depth ${keys}`),
      added: () => reports.push('added'),
      waited: (seconds) => reports.push(`waited ${seconds}`),
      worked: (seconds) => reports.push(`worked ${seconds}`),
      retried: () => reports.push('retried'),
    };
    const queue = new WorkQueue({ clock, metrics });
    queue.add('a');
    queue.add('a');
    await clock.advance(2_000);
    await queue.get();
    await clock.advance(3_000);
    expect(queue.runningSeconds()).toEqual([3]);
    queue.done('a');
    queue.addRateLimited('a');
    expect(reports).toEqual(['added', 'depth 1', 'depth 0', 'waited 2', 'worked 3', 'retried']);
  });
});
