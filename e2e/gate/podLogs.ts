import type { Stage } from './stage.ts';

/** A line of a server's log: it begins with the wall clock of its node. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly text: string;
}

/** What a pod's server has logged so far; nothing where the pod is gone. */
export async function logOf({ commands, namespace }: Stage, pod: string): Promise<readonly LogLine[]> {
  return linesOf((await commands.run(['logs', '-n', namespace, pod])).stdout);
}

/** Reads the logs of pods from now until each of them ends: a pod that is gone has none any more. */
export async function followLogs(
  { commands, namespace }: Stage,
  pods: readonly string[],
): Promise<ReadonlyMap<string, readonly LogLine[]>> {
  const read = async (pod: string) => {
    const { stdout } = await commands.run(['logs', '--follow', '-n', namespace, pod]);
    return [pod, linesOf(stdout)] as const;
  };
  return new Map(await Promise.all(pods.map(read)));
}

/** When the first line that matches was written. */
export function firstAtMs(lines: readonly LogLine[] | undefined, pattern: RegExp): number | undefined {
  return lines?.find(({ text }) => pattern.test(text))?.atMs;
}

function linesOf(log: string): LogLine[] {
  return log.split('\n').flatMap((line) => {
    const [stamp = '', ...words] = line.split(' ');
    const atMs = Date.parse(stamp);
    return Number.isNaN(atMs) ? [] : [{ atMs, text: words.join(' ') }];
  });
}
