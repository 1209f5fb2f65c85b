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

  it.each([
    ['exec gunicorn --graceful-timeout 60 web:app', 60],
    ['./migrate && gunicorn --graceful-timeout=60 web:app', 60],
    ['PORT=80 gunicorn --graceful-timeout "60" web:app # --graceful-timeout 90', 60],
    ['gunicorn --graceful-timeout $SECONDS', undefined],
    ['gunicorn --graceful-timeout 6$ZERO', undefined],
    ['gunicorn --graceful-timeout 60 | tee log', undefined],
    ['gunicorn --graceful-timeout 60 & wait', undefined],
    ['test -f fast && gunicorn || gunicorn --graceful-timeout 60', undefined],
    ['if true; then gunicorn --graceful-timeout 60; fi', undefined],
  ])('of the last command of a script: %s', (script, seconds) => {
    for (const container of [{ command: ['/bin/sh', '-c', script] }, { command: ['bash', '-ec'], args: [script] }]) {
      expect(declaredDrain({ name: 'app', position: 0, ...container })?.seconds).toBe(seconds);
    }
  });

  it('beside a script is that of its arguments', () => {
    const command = ['sh', '-c', 'exec "$@"', 'sh', 'gunicorn', '--graceful-timeout', '60'];
    expect(declaredDrain({ name: 'app', position: 0, command })?.seconds).toBe(60);
  });
});
