import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './exclusiveLock.ts';
import { identify } from './processIdentity.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  path = join(folder, 'build.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('holders come one after the other, and leave nothing', async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(20);
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withLock(path, {}, work)));
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('the lock of a process that died is taken over, and its leftovers go', async () => {
  const dead = JSON.stringify({ pid: process.pid, startTicks: '1' });
  writeFileSync(path, dead);
  writeFileSync(`${path}.left-over`, dead);
  await expect(withLock(path, {}, () => Promise.resolve('done'))).resolves.toBe('done');
  expect(readdirSync(folder)).toEqual([]);
});

test('a living holder is waited for and named once', async () => {
  writeFileSync(path, JSON.stringify(identify(process.pid)));
  const holders: number[] = [];
  const waiting = withLock(path, { onWait: (pid) => holders.push(pid) }, () => Promise.resolve());
  await sleep(450);
  rmSync(path);
  await waiting;
  expect(holders).toEqual([process.pid]);
});

test('waiting ends with the signal', async () => {
  writeFileSync(path, JSON.stringify(identify(process.pid)));
  const waiting = withLock(path, { signal: AbortSignal.timeout(50) }, () => Promise.resolve());
  await expect(waiting).rejects.toThrow(/aborted|timeout/);
});

test('an error in the work frees the lock', async () => {
  await expect(withLock(path, {}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(readdirSync(folder)).toEqual([]);
});
