import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSleep } from './sleepCommand.ts';

describe('parseSleep', () => {
  it.each([
    [['sleep', '5'], 5],
    [['/bin/sleep', '5'], 5],
    [['/usr/bin/sleep', '5s'], 5],
    [['sleep', '1m'], 60],
    [['sleep', '2h'], 7_200],
    [['sleep', '1d'], 86_400],
    [['sleep', '0.5'], 0.5],
    [['sleep', '.5'], 0.5],
    [['sleep', '1e1'], 10],
    [['sleep', '1m', '30s'], 90],
    [['sleep', 'infinity'], Infinity],
    [['sleep', 'inf'], Infinity],
    [['busybox', 'sleep', '5'], 5],
    [['/bin/busybox', 'sh', '-c', 'sleep 5'], 5],
    [['env', 'A=b', 'sleep', '5'], 5],
    [['timeout', '10', 'sleep', '5'], 5],
    [['timeout', '-k', '3', '10', 'sleep', '50'], 10],
    [['timeout', '10', 'sleep', 'infinity'], 10],
    [['sh', '-c', 'sleep 5'], 5],
    [['/bin/sh', '-c', 'exec sleep 5'], 5],
    [['sh', '-ec', 'sleep 5'], 5],
    [['bash', '-e', '-o', 'pipefail', '-c', 'sleep 5'], 5],
    [['bash', '--norc', '-c', "sleep '5'"], 5],
    [['sh', '-c', '  sleep 5 ;'], 5],
    [['sh', '-c', 'sleep 2; sleep 3'], 5],
    [['sh', '-c', 'sleep 2 && sleep 3'], 5],
    [['sh', '-c', 'sleep 5 || sleep 100'], 5],
    [['sh', '-c', 'sleep 5 || sleep 100 && sleep 1'], 6],
    [['sh', '-c', 'echo stopping; sleep 5'], 5],
    [['sh', '-c', 'sleep 5 # so long\n'], 5],
    [['sh', '-c', 'sleep 5 >/dev/null 2>&1'], 5],
    [['sh', '-c', 'A=b sleep "5"'], 5],
    [['sh', '-c', 'set -e\nsleep 5\n'], 5],
    [['sh', '-c', 'sleep 5; exit 0; sleep 100'], 5],
    [['sh', '-c', 'sleep \\\n5'], 5],
    [['sh', '-c', 'sh -c "sleep 5"'], 5],
    [['sh', '-c', 'true'], 0],
  ])('%j sleeps %d s', (command, seconds) => {
    expect(parseSleep(command)).toEqual({ seconds, exact: true });
  });

  it.each([
    [['/bin/bash', '-c', 'sleep 5; nginx -s quit'], 5],
    [['sh', '-c', 'sleep 5 && nginx -s quit'], 5],
    [['sh', '-c', 'nginx -s quit; sleep 5'], 5],
    [['sh', '-c', 'sleep 5; while pgrep nginx; do sleep 1; done'], 5],
    [['sh', '-c', 'sleep 5; if [ -f /x ]; then sleep 10; fi'], 5],
    [['sh', '-c', 'sleep 5; $STOP'], 5],
    [['sh', '-c', 'sleep 100 & sleep 5'], 5],
    [['sh', '-c', 'sleep 5; kill -QUIT $(cat /run/pid)'], 5],
    [['sh', '-c', 'sleep 5 && test -f x && sleep 9'], 5],
    [['sh', '-c', 'sleep 5; exec /stop; sleep 100'], 5],
  ])('%j sleeps at least %d s', (command, seconds) => {
    expect(parseSleep(command)).toEqual({ seconds, exact: false });
  });

  it.each([
    [[]],
    [['/stop']],
    [['sleep']],
    [['sleep', 'five']],
    [['sleep', '-1']],
    [['sleep', '$N']],
    [['sh', '-c']],
    [['sh', '/stop.sh']],
    [['sh', '-c', '/stop.sh']],
    [['sh', '-c', 'sleep $N']],
    [['sh', '-c', 'sleep "${N}"']],
    [['sh', '-c', 'sleep `cat n`']],
    [['sh', '-c', '[ -f /x ] && sleep 5']],
    [['sh', '-c', '/check || sleep 5']],
    [['sh', '-c', 'test -f x && exit 0; sleep 5']],
    [['sh', '-ec', 'nginx -s quit; sleep 5']],
    [['sh', '-c', 'set -e; nginx -s quit; sleep 5']],
    [['sh', '-c', 'sleep 5 &']],
    [['sh', '-c', 'while true; do sleep 1; done']],
    [['sh', '-c', 'f() { sleep 5; }; f']],
    [['sh', '-c', "sleep '5"]],
    [['sh', '-c', 'cat <<END\nsleep 5\nEND']],
    [['timeout', 'x', 'sleep', '5']],
    [['timeout', '10', '/stop']],
  ])('of %j nothing is known', (command) => {
    expect(parseSleep(command)).toBeUndefined();
  });

  const words = fc.constantFrom(
    'sleep',
    '5',
    'sh',
    '-c',
    '-ec',
    '&&',
    '||',
    ';',
    '|',
    '&',
    '"',
    "'",
    '$',
    '(',
    ')',
    '\\',
    '<',
    '\n',
    'exec',
    'set -e',
    'timeout',
    '#',
  );
  const scripts = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join(' ')),
  );

  it('never throws and never answers nonsense', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(words, scripts)), scripts, (command, script) => {
        for (const candidate of [command, ['sh', '-c', script]]) {
          const sleep = parseSleep(candidate);
          if (sleep !== undefined) expect(sleep.seconds).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('adds up any chain of sleeps, however it is written', () => {
    const step = fc.record({
      seconds: fc.nat(100),
      unit: fc.constantFrom('', 's'),
      joint: fc.constantFrom('; ', ' && ', '\n', ' ; ', '&&', ' # a comment\n', '\n\n'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const last = steps.length - 1;
        const lines = steps.map((s, i) => `sleep ${s.seconds}${s.unit}${i === last ? '' : s.joint}`);
        const seconds = steps.reduce((sum, s) => sum + s.seconds, 0);
        expect(parseSleep(['sh', '-c', lines.join('')])).toEqual({ seconds, exact: true });
      }),
    );
  });

  it.each(['"', "'", '\\', 'sleep 1;', '&&', 'a ', '>', '$('])(
    'takes linear time over 60,000 characters of %j',
    (part) => {
      const script = part.repeat(Math.floor(60_000 / part.length));
      const startedMs = performance.now();
      parseSleep(['sh', '-c', script]);
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    },
  );
});
