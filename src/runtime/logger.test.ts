import { describe, expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from './logger.ts';

function capture(options: LoggerOptions = {}): {
  readonly lines: string[];
  readonly log: ReturnType<typeof createLogger>;
} {
  const lines: string[] = [];
  return { lines, log: createLogger({ ...options, write: (line) => lines.push(line) }) };
}

describe('createLogger', () => {
  test('writes one JSON object per line, with the fields of its parents', () => {
    const { lines, log } = capture();
    log.child({ controller: 'enforce' }).child({ namespace: 'shop' }).info('target enforced', { name: 'web' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      controller: 'enforce',
      namespace: 'shop',
      name: 'web',
      msg: 'target enforced',
    });
  });

  test('writes an error with its stack and its causes', () => {
    const { lines, log } = capture();
    log.error('reconcile failed', { err: new Error('cannot patch', { cause: new Error('connection refused') }) });
    const { err } = JSON.parse(lines[0] ?? '') as {
      err: { message: string; stack: string; cause: { message: string } };
    };
    expect(err.message).toBe('cannot patch');
    expect(err.stack).toContain('logger.test.ts');
    expect(err.cause.message).toBe('connection refused');
  });

  test('redacts what holds a secret, also inside objects', () => {
    const { lines, log } = capture();
    log.info('connecting', { token: 's3cret', user: { password: 's3cret', headers: { authorization: 's3cret' } } });
    log.child({ privateKey: 's3cret' }).info('issued');
    expect(lines.join('')).not.toContain('s3cret');
    expect(lines.join('').match(/\[redacted\]/g)).toHaveLength(4);
  });

  test('writes nothing below its level', () => {
    const { lines, log } = capture({ level: 'warn' });
    log.info('quiet');
    log.debug('quieter');
    log.warn('loud');
    expect(lines).toHaveLength(1);
  });

  test('text is one readable line, with the stack below', () => {
    const { lines, log } = capture({ format: 'text' });
    log.warn('reconcile failed', { name: 'web', note: 'two words', retryMs: 5, err: new Error('no') });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}reconcile failed name=web note="two words" retryMs=5\n {4}Error: no\n/,
    );
  });
});
