import { splitScript } from '../contract/index.ts';
import { scriptOf } from './containerScript.ts';
import type { WorkloadContainer } from './types.ts';

/** How long an application says that it needs, after SIGTERM, to finish what it has begun. */
export interface Drain {
  readonly seconds: number;
  /** For people: what says so. */
  readonly declaredBy: string;
}

/** Options of servers, and the unit of a plain number (gunicorn and uvicorn: seconds). */
const options = ['--graceful-timeout', '--timeout-graceful-shutdown'];
/** Environment variables of frameworks; Spring's may carry a unit. */
const variables = [
  'SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE',
  'SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE',
  'ASPNETCORE_SHUTDOWNTIMEOUTSECONDS',
  'DOTNET_SHUTDOWNTIMEOUTSECONDS',
];

/** The longest drain that a container's options or environment name. */
export function declaredDrain(container: WorkloadContainer): Drain | undefined {
  const { env = [] } = container;
  const words = wordsOf(container);
  const fromWords = words.flatMap((word, at) => {
    const option = options.find((name) => word === name || word.startsWith(`${name}=`));
    if (option === undefined) return [];
    return drain(word === option ? words[at + 1] : word.slice(option.length + 1), option);
  });
  const fromEnv = env.flatMap(({ name, value }) => (variables.includes(name) ? drain(value, 'environment') : []));
  return [...fromWords, ...fromEnv].toSorted((a, b) => b.seconds - a.seconds).at(0);
}

/** The words of a container's program; in place of a script those of its last command, which is the one that goes on. */
function wordsOf(container: WorkloadContainer): string[] {
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const script = scriptOf(container);
  if (script === undefined) return words;
  const at = words.indexOf(script);
  return [...words.slice(0, at), ...lastCommandOf(script), ...words.slice(at + 1)];
}

/** Nothing where only a shell could say what runs last. What a variable stands for is not known: an empty word. */
function lastCommandOf(script: string): string[] {
  const { commands, understood } = splitScript(script);
  const last = commands.at(-1);
  if (!understood || last === undefined || last.joinedBy === '||' || last.endsIn !== '') return [];
  return last.words.map(({ text, dynamic }) => (dynamic ? '' : text));
}

function drain(value: string | undefined, declaredBy: string): Drain[] {
  const seconds = durationSeconds(value ?? '');
  return seconds === undefined ? [] : [{ seconds, declaredBy }];
}

const secondsPerUnit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 };

/** `30`, `30s`, `1.5m`, `PT30S`; undefined for anything else. */
export function durationSeconds(value: string): number | undefined {
  const match = /^(?:PT)?(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/i.exec(value.trim());
  return match === null ? undefined : Number(match[1]) * (secondsPerUnit[match[2]?.toLowerCase() ?? 's'] ?? 1);
}
