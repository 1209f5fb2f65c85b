import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './processIdentity.ts';

/** How to wait for a lock. */
export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called once with the holder's pid where the lock is taken. */
  onWait?: ((holderPid: number) => void) | undefined;
}

/**
 * Runs `work` while this process alone holds the lock file. A lock whose holder is dead is taken over, so nothing has
 * to be cleaned up after a crash.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${randomUUID()}`;
  writeFileSync(mine, JSON.stringify(identify(process.pid)));
  try {
    let told = false;
    while (!tryLink(mine, path)) {
      options.signal?.throwIfAborted();
      const holder = readHolder(path);
      if (holder !== undefined && !isAlive(holder)) {
        takeAway(path, holder);
        continue;
      }
      if (!told && holder !== undefined) options.onWait?.(holder.pid);
      told = true;
      await sleep(200, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
    try {
      removeLeftovers(path);
      return await work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes what processes that were killed while they waited for, or held, this lock have left beside it. */
function removeLeftovers(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    const own = name.startsWith(`${basename(path)}.`) ? join(dirname(path), name) : undefined;
    const writer = own === undefined ? undefined : readHolder(own);
    if (own !== undefined && writer !== undefined && !isAlive(writer)) rmSync(own, { force: true });
  }
}

/** A hard link appears at once with its content, so nobody reads half a lock file. */
function tryLink(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    // A waiting process may just be writing its own file.
    return text.endsWith('}') ? (JSON.parse(text) as ProcessIdentity) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moves the dead holder's lock aside; puts it back where another process was quicker and it is a live one by now. */
function takeAway(path: string, dead: ProcessIdentity): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  const taken = readHolder(aside);
  if (taken !== undefined && taken.pid !== dead.pid && isAlive(taken)) tryLink(aside, path);
  rmSync(aside, { force: true });
}
