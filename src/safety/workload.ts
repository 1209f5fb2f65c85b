import type { Workload } from './types.ts';

/**
 * Reads any JSON as a workload; undefined: it is none, or has no pod template. Members of a wrong type are taken for
 * absent, as are those this project does not read, so that no rule meets a value that it does not expect. Never throws.
 */
export function workloadOf(_object: unknown): Workload | undefined {
  return undefined;
}
