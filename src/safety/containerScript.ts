import type { WorkloadContainer } from './types.ts';

const shells = new Set(['sh', 'bash', 'ash', 'dash', 'zsh', 'ksh']);
/** Scripts longer than this are programs of their own. */
const longestScript = 65_536;
const trap = /(^|[\s;&|({])trap\s/;

type Started = Pick<WorkloadContainer, 'command' | 'args'>;

/** The script of `sh -c <script>`; undefined: none, or without a command, when the image decides what process 1 is. */
export function scriptOf({ command = [], args = [] }: Started): string | undefined {
  const [program = '', ...words] = command.length === 0 ? [] : [...command, ...args];
  if (!shells.has(programOf(program))) return undefined;
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (at === -1 || words.slice(0, at).some((word) => !word.startsWith('-'))) return undefined;
  const script = words[at + 1];
  return script === undefined || script.length > longestScript ? undefined : script;
}

/** The name of a program without its directory. */
export function programOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** Whether a script that the container starts with says itself what a signal does. */
export function trapsSignals({ command = [], args = [] }: Started): boolean {
  return [...command, ...args].some((word) => word.length <= longestScript && trap.test(word));
}
