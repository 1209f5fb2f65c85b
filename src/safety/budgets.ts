import { isHere } from './facts.ts';
import { isSelected } from './selector.ts';
import type { Context, DisruptionBudget, Workload } from './types.ts';

/** The budgets that select the pods; undefined: not known. */
export function budgetsOf(workload: Workload, { podDisruptionBudgets }: Context): DisruptionBudget[] | undefined {
  return podDisruptionBudgets?.filter(
    ({ namespace, selector }) => isHere(namespace, workload) && isSelected(selector, workload.template.labels),
  );
}
