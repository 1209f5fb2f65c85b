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
export function declaredDrain({ command = [], args = [], env = [] }: WorkloadContainer): Drain | undefined {
  const words = [...command, ...args];
  const fromWords = words.flatMap((word, at) => {
    const option = options.find((name) => word === name || word.startsWith(`${name}=`));
    if (option === undefined) return [];
    return drain(word === option ? words[at + 1] : word.slice(option.length + 1), option);
  });
  const fromEnv = env.flatMap(({ name, value }) => (variables.includes(name) ? drain(value, 'environment') : []));
  return [...fromWords, ...fromEnv].toSorted((a, b) => b.seconds - a.seconds).at(0);
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
