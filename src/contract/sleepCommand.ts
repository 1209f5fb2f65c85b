import { type SimpleCommand, splitScript } from './shellScript.ts';

/** How long a command sleeps. `exact` false: at least that long, for what else it does is not known. */
export interface Sleep {
  /** Infinity: for ever. May be a fraction. */
  readonly seconds: number;
  readonly exact: boolean;
}

const shells = new Set(['sh', 'bash', 'ash', 'dash', 'zsh', 'ksh']);
const multiCallBinaries = new Set(['busybox', 'toybox', 'coreutils']);
const instant = new Set(['true', ':', 'echo', 'printf']);
const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** No hook is longer than this; a longer script is not looked into. */
const longestScript = 65_536;
const deepestNesting = 8;

/**
 * Seconds that an `exec` hook sleeps: `sleep 5`, `/bin/sleep 0.5m 30s` (GNU sums its arguments), through busybox, env,
 * timeout or a shell with a script. Undefined: nothing is known of its length. Never throws; linear in the length of
 * the command.
 */
export function parseSleep(command: readonly string[]): Sleep | undefined {
  const outcome = runOf(
    command.map((text) => ({ text, dynamic: false })),
    0,
  );
  return outcome.known ? { seconds: outcome.seconds, exact: outcome.exact } : undefined;
}

type Word = SimpleCommand['words'][number];

/** `known`: the seconds are a true lower bound worth telling; `succeeds`: the exit status is surely 0. */
interface Outcome {
  readonly known: boolean;
  readonly seconds: number;
  readonly exact: boolean;
  readonly succeeds: boolean;
}
const unknown: Outcome = { known: false, seconds: 0, exact: false, succeeds: false };

function runOf(words: readonly Word[], depth: number): Outcome {
  const [first, ...rest] = words;
  if (first === undefined || first.dynamic || depth > deepestNesting) return unknown;
  const program = first.text.slice(first.text.lastIndexOf('/') + 1);
  if (program === 'sleep') return sleepOf(rest);
  if (instant.has(program)) return { known: true, seconds: 0, exact: true, succeeds: true };
  if (multiCallBinaries.has(program) || program === 'exec' || program === 'command') return runOf(rest, depth + 1);
  if (program === 'env') return runOf(rest.slice(countWhile(rest, isAssignment)), depth + 1);
  if (program === 'timeout') return timeoutOf(rest, depth);
  if (shells.has(program)) return shellOf(rest, depth);
  return unknown;
}

function sleepOf(args: readonly Word[]): Outcome {
  const durations = args.map((word) => (word.dynamic ? undefined : durationSeconds(word.text)));
  if (durations.length === 0 || durations.includes(undefined)) return unknown;
  const seconds = durations.reduce<number>((sum, duration) => sum + (duration ?? 0), 0);
  return { known: true, seconds, exact: true, succeeds: true };
}

/** `5`, `0.5`, `.5`, `1e1`, `5s`, `1m`, `2h`, `1d`, `inf`, `infinity`; undefined for anything else. */
function durationSeconds(text: string): number | undefined {
  const match = /^(?:(inf(?:inity)?)|(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?))([smhd]?)$/i.exec(text);
  if (match === null) return undefined;
  const amount = match[1] === undefined ? Number(match[2]) : Infinity;
  return amount * (secondsPerUnit[match[3]?.toLowerCase() ?? ''] ?? 1);
}

/** `timeout 10 sleep 30` ends after 10 s with status 124. */
function timeoutOf(args: readonly Word[], depth: number): Outcome {
  let at = 0;
  for (; args[at]?.text.startsWith('-') === true; at += 1) if (/^-[ks]$/.test(args[at]?.text ?? '')) at += 1;
  const limit =
    args[at] === undefined || args[at]?.dynamic === true ? undefined : durationSeconds(args[at]?.text ?? '');
  const inner = runOf(args.slice(at + 1), depth + 1);
  if (limit === undefined || !inner.known) return unknown;
  if (limit === 0 || inner.seconds < limit) return inner;
  return { known: true, seconds: limit, exact: true, succeeds: false };
}

function shellOf(args: readonly Word[], depth: number): Outcome {
  let failFast = false;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at];
    if (word === undefined || word.dynamic || !/^[-+]/.test(word.text)) return unknown;
    if (word.text.startsWith('--')) continue;
    const flags = word.text.slice(1);
    if (word.text.startsWith('-') && flags.includes('e')) failFast = true;
    if (word.text.startsWith('-') && flags.includes('c')) {
      const script = args[at + 1];
      return script === undefined || script.dynamic ? unknown : scriptOf(script.text, failFast, depth);
    }
    if (flags.endsWith('o')) at += 1;
  }
  return unknown;
}

/** Adds up what surely runs, one after the other; stops at the first thing that may end or branch the script. */
function scriptOf(script: string, failFastFlag: boolean, depth: number): Outcome {
  if (script.length > longestScript) return unknown;
  const { commands, understood } = splitScript(script);
  let failFast = failFastFlag;
  let seconds = 0;
  let exact = understood;
  let slept = false;
  let succeeds = true;
  for (const { words, joinedBy, endsIn } of commands) {
    const plain = words.slice(countWhile(words, isAssignment));
    const [name] = plain;
    if (joinedBy === '||' && succeeds) continue;
    if (joinedBy === '||' || (joinedBy === '&&' && !succeeds)) {
      // It may run or not.
      exact = false;
      if (name !== undefined && ['exit', 'exec', 'set'].includes(name.text)) break;
      continue;
    }
    if (name === undefined) continue;
    if (name.text === 'set') {
      failFast ||= plain.some(({ text }) => /^-[a-z]*e/.test(text));
      succeeds = true;
      continue;
    }
    if (name.text === 'exit') break;
    const outcome = runOf(plain, depth + 1);
    if (endsIn !== '') {
      exact = false;
      succeeds = endsIn === '&';
      continue;
    }
    succeeds = outcome.succeeds;
    seconds += outcome.seconds;
    slept ||= outcome.seconds > 0;
    exact &&= outcome.exact;
    if (name.text === 'exec') break;
    if (failFast && !outcome.succeeds) {
      exact = false;
      break;
    }
  }
  return { known: slept || exact, seconds, exact, succeeds };
}

function isAssignment(word: Word): boolean {
  return /^[A-Za-z_]\w*=/.test(word.text);
}

function countWhile(words: readonly Word[], holds: (word: Word) => boolean): number {
  const end = words.findIndex((word) => !holds(word));
  return end === -1 ? words.length : end;
}
