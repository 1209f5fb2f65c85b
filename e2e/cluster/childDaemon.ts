import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { findProgram } from './prerequisites.ts';

/** A server process that lives no longer than this process. */
export interface ChildDaemon {
  readonly pid: number;
  /** @throws Error with the end of its log where it has ended */
  assertRunning(): void;
  /** Ends it and waits until it is gone. */
  stop(signalName?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a server whose output goes to a log file. The kernel kills it when this process dies, however that happens
 * (`setpriv --pdeathsig`), so that nothing is left behind after a crash or a SIGKILL.
 */
export function startChildDaemon(program: string, args: readonly string[], logFile: string): ChildDaemon {
  const setpriv = findProgram('setpriv');
  const argv = setpriv === undefined ? [program, ...args] : [setpriv, '--pdeathsig', 'KILL', program, ...args];
  const log = openSync(logFile, 'a');
  // Its own session: Ctrl-C reaches the test runner alone, which then stops its servers in order.
  const child: ChildProcess = spawn(argv[0] as string, argv.slice(1), { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  let ended: string | undefined;
  const gone = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.on('exit', (code, signalName) => {
      ended = signalName === null ? `code ${code}` : signalName;
      resolve();
    });
  });
  const name = basename(program);
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${name} could not be started: ${ended}`);
      return child.pid;
    },
    assertRunning() {
      if (ended === undefined) return;
      const said = readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
      throw new Error(`${name} ended (${ended}); the end of ${logFile}:\n${said}`);
    },
    async stop(signalName = 'SIGKILL') {
      if (ended === undefined) child.kill(signalName);
      // `unref` lets this process end while the server runs; while we wait for its end, it must not.
      child.ref();
      await gone;
    },
  };
}
