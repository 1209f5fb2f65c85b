import { once } from 'node:events';
import type { Cluster, CommandResult } from '../cluster/index.ts';
import { CommandError } from '../cluster/index.ts';

/** A kubectl command as a person would run it, and how it went. */
export interface RanCommand extends CommandResult {
  readonly args: readonly string[];
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** Runs the real kubectl and keeps the record of what it said. */
export class Commands {
  readonly #cluster: Cluster;
  readonly #signal: AbortSignal;
  readonly #ran: RanCommand[] = [];

  constructor(cluster: Cluster, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#signal = signal;
  }

  /** Every command so far, in the order of their ends. */
  get ran(): readonly RanCommand[] {
    return this.#ran;
  }

  /** Runs to the end, whatever the exit code. */
  async run(args: readonly string[], input?: string): Promise<RanCommand> {
    const startedAtMs = Date.now();
    const said = await this.#cluster.kubectl(args, {
      signal: this.#signal,
      ...(input === undefined ? {} : { input }),
    });
    const ran = { args, startedAtMs, endedAtMs: Date.now(), ...said };
    this.#ran.push(ran);
    return ran;
  }

  /** The same; @throws CommandError where the exit code is not 0. */
  async must(args: readonly string[], input?: string): Promise<RanCommand> {
    const ran = await this.run(args, input);
    if (ran.code !== 0) throw new CommandError(['kubectl', ...args], ran);
    return ran;
  }

  /** Applies objects. */
  async apply(items: readonly object[]): Promise<RanCommand> {
    return this.must(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  /** Starts kubectl and sends it SIGINT after something, as Ctrl-C does; `code` is undefined where the signal ended it. */
  async interrupt(
    args: readonly string[],
    after: () => Promise<unknown>,
  ): Promise<{ readonly code: number | undefined; readonly stderr: string; readonly endedBefore: boolean }> {
    const kubectl = await this.#cluster.program('kubectl', this.#signal);
    const child = this.#cluster.spawnIn('control-plane', [kubectl, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.#cluster.environment },
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const closed = once(child, 'close') as Promise<[number | null]>;
    await Promise.race([closed, after()]);
    const endedBefore = child.exitCode !== null;
    child.kill('SIGINT');
    const [code] = await closed;
    return { code: code ?? undefined, stderr, endedBefore };
  }
}
