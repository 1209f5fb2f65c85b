import type { WorkloadContainer } from './types.ts';

const shells = new Set(['sh', 'bash', 'ash', 'dash', 'zsh', 'ksh']);
/** Scripts longer than this are programs of their own. */
const longestScript = 65_536;

/** The script of `sh -c <script>`; undefined: none, or without a command, when the image decides what process 1 is. */
export function scriptOf({ command = [], args = [] }: WorkloadContainer): string | undefined {
  const [program = '', ...words] = command.length === 0 ? [] : [...command, ...args];
  if (!shells.has(program.split('/').at(-1) ?? '')) return undefined;
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (at === -1 || words.slice(0, at).some((word) => !word.startsWith('-'))) return undefined;
  const script = words[at + 1];
  return script === undefined || script.length > longestScript ? undefined : script;
}
