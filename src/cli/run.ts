import { version } from '../version.ts';
import { audit, auditUsage } from './audit.ts';
import type { Io } from './io.ts';
import { lint, lintUsage } from './lint.ts';
import { UsageError } from './problem.ts';
import { printable } from './report.ts';

const usage = `kubectl graceful ${version}: what will lose requests in a rollout, and what to write instead

  kubectl graceful lint -f FILE|FOLDER|-    judge manifests, offline
  kubectl graceful audit                    judge the workloads of a cluster

Each has --help. Also: --version, --help.
`;

const commands: Readonly<Record<string, { readonly run: typeof lint; readonly usage: string }>> = {
  lint: { run: lint, usage: lintUsage },
  audit: { run: audit, usage: auditUsage },
};

/** The command line, without the program's name; the exit code. Never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name = '--help', ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(usage);
    return 0;
  }
  if (name === '--version' || name === 'version') {
    io.out(`${version}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (command === undefined) throw new UsageError(`there is no command "${name}"`);
    return await command.run(rest, io);
  } catch (error) {
    const text = printable((error as Error).message);
    io.err(error instanceof UsageError ? `error: ${text}\n\n${command?.usage ?? usage}` : `error: ${text}\n`);
    return 2;
  }
}
