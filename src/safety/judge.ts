import type { Context, Finding, JudgeOptions, Workload } from './types.ts';

/**
 * Every finding of the rules at the level asked for, worst first, without those that the object waives. A workload that
 * another workload controls has none: that one is judged. Never throws.
 */
export function judge(_workload: Workload, _context: Context, _options: JudgeOptions): Finding[] {
  return [];
}
