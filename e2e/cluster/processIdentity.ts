import { readFileSync } from 'node:fs';

/** A process that can be told from a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between boot and the start of the process: field 22 of /proc/PID/stat. */
  startTicks: string;
}

/** Field 22 of a /proc/PID/stat line. The name in parentheses before it may itself hold spaces and parentheses. */
export function startTicksOf(statLine: string): string | undefined {
  return statLine
    .slice(statLine.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}

/** Identity of a live process; undefined where there is none, or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  const startTicks = startTicksOf(stat);
  return startTicks === undefined || state === 'Z' || state === 'X' ? undefined : { pid, startTicks };
}

/** Whether exactly this process still runs: a recycled number does not count. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal to exactly this process. @returns false where it is gone */
export function signalProcess(identity: ProcessIdentity, signalName: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signalName);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Contents of a /proc file, undefined where the process is gone. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) {
      return undefined;
    }
    throw error;
  }
}
