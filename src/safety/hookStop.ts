import { parseSleep, splitScript } from '../contract/index.ts';
import { programOf, scriptOf } from './containerScript.ts';
import type { WorkloadContainer } from './types.ts';

/** By which options of which programs a server is told to stop; it closes its listening sockets at that moment. */
const stops: Readonly<Record<string, { readonly option: string; readonly values: readonly string[] }>> = {
  nginx: { option: '-s', values: ['quit', 'stop'] },
  openresty: { option: '-s', values: ['quit', 'stop'] },
  httpd: { option: '-k', values: ['stop', 'graceful-stop'] },
  apachectl: { option: '-k', values: ['stop', 'graceful-stop'] },
  apache2ctl: { option: '-k', values: ['stop', 'graceful-stop'] },
};

/**
 * What a preStop hook stops the server by before it has slept at all, for people: `nginx -s quit`. Undefined: nothing, or it
 * comes after a sleep or after something of which nobody knows how long it takes.
 */
export function stopsInHook({ lifecycle }: Pick<WorkloadContainer, 'lifecycle'>): string | undefined {
  const command = lifecycle?.preStop?.exec?.command ?? [];
  const script = scriptOf({ command });
  if (script === undefined) return stopOf(command);
  for (const { words, joinedBy } of splitScript(script).commands) {
    if (joinedBy === '||') return undefined;
    const texts = words.map(({ text }) => text);
    const stop = stopOf(texts);
    if (stop !== undefined) return stop;
    const sleep = words.some(({ dynamic }) => dynamic) ? undefined : parseSleep(texts);
    const takesNoTime = texts[0] === 'set' || (sleep?.exact === true && sleep.seconds === 0);
    if (!takesNoTime) return undefined;
  }
  return undefined;
}

function stopOf([first = '', ...rest]: readonly string[]): string | undefined {
  if (first === 'exec') return stopOf(rest);
  const program = programOf(first);
  const stop = Object.hasOwn(stops, program) ? stops[program] : undefined;
  const value = stop === undefined ? undefined : rest[rest.indexOf(stop.option) + 1];
  if (stop === undefined || !rest.includes(stop.option) || value === undefined || !stop.values.includes(value)) {
    return undefined;
  }
  return `${program} ${stop.option} ${value}`;
}
