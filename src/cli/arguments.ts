import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './problem.ts';

/** Reads flags; throws {@link UsageError} for one that is not known. */
export function readFlags<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** One of the values that a flag allows. */
export function oneOf<const T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw new UsageError(`--${flag} is ${allowed.join(', ')}; not "${value}"`);
  return found;
}
