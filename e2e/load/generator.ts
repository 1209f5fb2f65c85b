/**
 * The load generator's process: reads one line with a LoadPlan from its standard input, writes LoadEvents as NDJSON to
 * its standard output, ends the run when a line `finish` comes. Exit code 0: result written; 3: the run is void;
 * 1: anything else. When its standard input closes, its parent is gone and it stops.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { runLoad } from './loadRun.ts';
import type { LoadEvent, LoadPlan } from './plan.ts';
import { VoidRunError } from './voidRun.ts';

/**
 * The generator is the clock of the measurement: it must not wait for a CPU behind what it measures. Where the kernel
 * groups processes by session (sched_autogroup), niceness counts within the session only, and the session has its own.
 */
const NICENESS = -10;

function comeFirst(): void {
  try {
    setPriority(NICENESS);
    if (existsSync('/proc/self/autogroup')) writeFileSync('/proc/self/autogroup', String(NICENESS));
  } catch (error) {
    process.stderr.write(`load generator: runs at ordinary priority (${String(error)})\n`);
  }
}

function emit(event: LoadEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

async function main(): Promise<number> {
  const finished = new AbortController();
  const orphaned = new AbortController();
  const lines = createInterface({ input: process.stdin });
  const planLine = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('load generator: standard input closed before a plan came')));
  });
  const plan = JSON.parse(await planLine) as LoadPlan;
  lines.on('line', (line) => {
    if (line.trim() === 'finish') finished.abort();
  });
  lines.on('close', () => orphaned.abort(new Error('load generator: the parent process is gone')));
  comeFirst();
  try {
    emit({ type: 'result', result: await runLoad(plan, emit, finished.signal, orphaned.signal) });
    return 0;
  } catch (error) {
    if (!(error instanceof VoidRunError)) throw error;
    emit({ type: 'void', reason: error.message });
    return 3;
  } finally {
    lines.removeAllListeners('close');
    lines.close();
    process.stdin.destroy();
  }
}

process.exitCode = await main();
