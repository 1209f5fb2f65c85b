import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { TokenBucket } from './rateLimit.ts';

describe('TokenBucket', () => {
  test('never gives more than its burst at once, however long it was idle', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(clock, 10, 5);
    await clock.advance(3_600_000);
    const taken = Array.from({ length: 20 }, () => bucket.tryTake()).filter(Boolean).length;
    expect(taken).toBe(5);
    expect(bucket.isFull).toBe(false);
    await clock.advance(500);
    expect(bucket.isFull).toBe(true);
  });

  test('in no stretch of time are more tokens due than burst + rate × time', () => {
    const pauses = fc.array(fc.nat({ max: 400 }), { minLength: 2, maxLength: 60 });
    fc.assert(
      fc.property(pauses, (pausesMs) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket(clock, 10, 5);
        const dueMs = pausesMs.map((pauseMs) => {
          clock.jump(pauseMs);
          return clock.monotonicMs() + bucket.reserveMs();
        });
        for (const [first, fromMs] of dueMs.entries()) {
          for (const [last, toMs] of dueMs.entries()) {
            if (last < first) continue;
            const allowed = 5 + ((toMs - fromMs) / 1_000) * 10;
            expect(last - first + 1).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
      }),
    );
  });
});
