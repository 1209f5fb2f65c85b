import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { LoadEvent, LoadPlan, LoadResult } from './plan.ts';
import { VoidRunError } from './voidRun.ts';

const GENERATOR = fileURLToPath(new URL('generator.ts', import.meta.url));

/** A generator at work. */
export interface RunningLoad {
  /** Resolves when the idle stretch has passed without a loss: now something may be changed. Rejects as `result` does. */
  readonly idlePassed: Promise<void>;
  /** The figures. Rejects with VoidRunError when the run measures nothing, with Error when the generator died. */
  readonly result: Promise<LoadResult>;
  /** Ends the load as soon as the plan's minimum has been sent. */
  finish(): void;
}

/** Starts a command with pipes for its standard streams; {@link spawnHere} or a cluster's `spawnIn` for its client. */
export type Spawn = (argv: readonly string[], options: SpawnOptions) => ChildProcess;

/** Starts the generator in this process's own network. */
export const spawnHere: Spawn = (argv, options) => spawn(argv[0] ?? '', argv.slice(1), options);

/**
 * Starts the generator as a process of its own.
 * @param spawnGenerator where: in the client namespace of a cluster, or here.
 * @param onEvent gets every event as it comes.
 * @param signal kills it.
 */
export function startLoad(
  plan: LoadPlan,
  spawnGenerator: Spawn,
  onEvent: (event: LoadEvent) => void,
  signal: AbortSignal,
): RunningLoad {
  signal.throwIfAborted();
  // A session of its own, whose priority it can raise. Should this process die, the generator ends with its input.
  const child = spawnGenerator([process.execPath, GENERATOR], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const { stdin, stdout, stderr: errors } = child;
  if (stdin === null || stdout === null || errors === null) throw new Error('load generator: started without pipes');
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let complaint = '';
  errors.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
  });
  // A generator that died shows through its exit code; writing to it must not end this process.
  stdin.on('error', (error) => {
    complaint += `\nwriting to the generator: ${error.message}`;
  });
  stdin.write(`${JSON.stringify(plan)}\n`);

  const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  exit.catch(() => undefined);
  const idle = Promise.withResolvers<void>();
  const result = readEvents(stdout);
  result.then(() => idle.resolve(), idle.reject);
  // Whoever awaits only one of the two must not be killed by the other's rejection.
  idle.promise.catch(() => undefined);
  result.catch(() => undefined);
  return { idlePassed: idle.promise, result, finish: () => void stdin.write('finish\n') };

  async function readEvents(lines: Readable): Promise<LoadResult> {
    let outcome: LoadResult | undefined;
    let voided: string | undefined;
    for await (const line of createInterface({ input: lines })) {
      const event = JSON.parse(line) as LoadEvent;
      if (event.type === 'idle-passed') idle.resolve();
      else if (event.type === 'result') outcome = event.result;
      else if (event.type === 'void') voided = event.reason;
      onEvent(event);
    }
    const [code, killedBy] = await exit;
    signal.removeEventListener('abort', kill);
    signal.throwIfAborted();
    if (voided !== undefined) throw new VoidRunError(voided);
    if (code !== 0 || outcome === undefined) {
      throw new Error(`load generator ended with ${killedBy ?? `code ${code}`} and no result: ${complaint.trim()}`);
    }
    return outcome;
  }
}
