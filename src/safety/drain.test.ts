import { describe, expect, it } from 'vitest';
import { declaredDrain, durationSeconds } from './drain.ts';

describe('a duration', () => {
  it.each([
    ['30', 30],
    ['30s', 30],
    ['1.5m', 90],
    ['500ms', 0.5],
    ['PT30S', 30],
    [' 2h ', 7_200],
    ['', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['$(TIMEOUT)', undefined],
    ['9'.repeat(400), undefined],
  ])('%j', (text, seconds) => {
    expect(durationSeconds(text)).toBe(seconds);
  });
});

describe('a declared drain', () => {
  it('is the longest that is named', () => {
    const container = {
      name: 'app',
      position: 0,
      command: ['gunicorn', '--graceful-timeout', '20'],
      args: ['--graceful-timeout=40', '--timeout', '99'],
      env: [{ name: 'SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE', value: '30s' }],
    };
    expect(declaredDrain(container)).toEqual({ seconds: 40, declaredBy: '--graceful-timeout' });
    expect(declaredDrain({ name: 'app', position: 0 })).toBeUndefined();
  });
});
