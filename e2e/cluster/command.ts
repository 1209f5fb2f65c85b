import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CommandError, type CommandOptions, type CommandResult } from './cluster.ts';

/**
 * Runs a command to its end and collects what it prints.
 * @throws CommandError with `check` where the exit code is not 0; the system's error where it cannot be started
 */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('runCommand: no program given');
  const { signal } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: options.env === undefined ? process.env : { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // The command may end without reading its input; its exit code tells what it thought of that.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') reject(error);
    });
    child.stdin.end(options.input ?? '');
    const abort = (): void => {
      child.kill('SIGTERM');
    };
    signal?.addEventListener('abort', abort, { once: true });
    child.on('error', (error) => {
      signal?.removeEventListener('abort', abort);
      reject(new Error(`cannot run \`${program}\`: ${error.message}`, { cause: error }));
    });
    child.on('close', (code, signalName) => {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const result = { stdout, stderr, code: code ?? 128 + (signalName === null ? 0 : constants.signals[signalName]) };
      if (options.check === true && result.code !== 0) reject(new CommandError(argv, result));
      else resolve(result);
    });
  });
}

/** Runs a command that must succeed and returns its standard output. */
export async function outputOf(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  return (await runCommand(argv, { ...options, check: true })).stdout;
}
