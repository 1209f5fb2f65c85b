import type { DrainState } from './types.ts';

/** The last stage that the state on the pod tells of; what comes after isolation is in the leader's memory only. */
export function stageOf(state: DrainState): 'Asked' | 'HandedOver' | 'Replaced' | 'Isolated' | 'Drained' {
  if (state.drainedAt !== undefined) return 'Drained';
  if (state.isolatedAt !== undefined) return 'Isolated';
  if (state.replacedAt !== undefined) return 'Replaced';
  return state.handedOverAt === undefined ? 'Asked' : 'HandedOver';
}
