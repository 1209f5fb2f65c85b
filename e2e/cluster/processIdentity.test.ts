import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identify, isAlive, signalProcess, startTicksOf } from './processIdentity.ts';

test('reads the start time behind a name with spaces and parentheses', () => {
  const fields = Array.from({ length: 30 }, (_, at) => String(at + 4));
  expect(startTicksOf(`4711 (a) S (b) S ${fields.join(' ')}`)).toBe('22');
});

test('a process is alive until it ends, and a later one of the same number is another', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const identity = identify(child.pid as number);
  if (identity === undefined) throw new Error('the child has no identity');
  expect(isAlive(identity)).toBe(true);
  const recycled = { ...identity, startTicks: '1' };
  expect(isAlive(recycled)).toBe(false);
  expect(signalProcess(recycled, 'SIGKILL')).toBe(false);
  expect(isAlive(identity)).toBe(true);
  expect(signalProcess(identity, 'SIGKILL')).toBe(true);
  await once(child, 'exit');
  expect(isAlive(identity)).toBe(false);
  expect(signalProcess(identity, 'SIGKILL')).toBe(false);
});
