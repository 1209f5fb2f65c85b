import { matchesLabelSelector } from '../api/labelSelector.ts';
import { isHere } from './facts.ts';
import type { Context, DisruptionBudget, Workload } from './types.ts';

/** The budgets that select the pods; undefined: not known. */
export function budgetsOf(workload: Workload, { podDisruptionBudgets }: Context): DisruptionBudget[] | undefined {
  return podDisruptionBudgets?.filter(
    ({ namespace, selector }) =>
      isHere(namespace, workload) && matchesLabelSelector(selector, workload.template.labels),
  );
}
