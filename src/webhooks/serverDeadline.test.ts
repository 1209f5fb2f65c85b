import { describe, expect, it } from 'vitest';
import { answerWithinMs, parseTimeoutMs } from './serverDeadline.ts';

describe('parseTimeoutMs', () => {
  it.each([
    ['5s', 5000],
    ['10s', 10_000],
    ['1m0s', 30_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['1h', 30_000],
    [null, 10_000],
    ['', 10_000],
    ['5', 10_000],
    ['-5s', 10_000],
    ['0s', 10_000],
    ['5s; drop', 10_000],
  ])('%s is %i ms', (duration, ms) => {
    expect(parseTimeoutMs(duration)).toBe(ms);
  });
});

describe('answerWithinMs', () => {
  it('leaves half a second, or a quarter of a short limit', () => {
    expect(answerWithinMs(10_000)).toBe(9500);
    expect(answerWithinMs(1000)).toBe(750);
  });
});
