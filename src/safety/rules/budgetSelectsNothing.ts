import { budgetsOf } from '../budgets.ts';
import { WEB_DEPLOYMENT } from '../examples.ts';
import { isHere } from '../facts.ts';
import { REPLICATED } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

/** What people put after the name of the workload that a budget is meant for. */
const suffix = /-(pdb|budget|pod-?disruption-?budget|disruption-?budget)$/;

export const budgetSelectsNothing = defineRule(
  {
    code: 'GR404',
    name: 'budget-selects-nothing',
    title: 'The PodDisruptionBudget of this name selects no pods',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'A PodDisruptionBudget acts by its selector alone. One that is named after a workload (its name, or that with -pdb, -budget, -disruption-budget or -poddisruptionbudget behind it), but whose selector matches neither its pods nor those of any other workload that is known, protects nothing: Kubernetes only writes an event NoPods, of type Normal, on the budget (pkg/controller/disruption trySync; kubernetes/kubernetes#48307 began with such a label).',
    example: `${WEB_DEPLOYMENT}---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec:
  maxUnavailable: 1
  selector: { matchLabels: { app: wbe } }
`,
    fixText: 'Make the selector of the PodDisruptionBudget match the labels of the pod template.',
  },
  ({ workload, context }) =>
    (context.podDisruptionBudgets ?? [])
      .filter(({ namespace, name }) => isHere(namespace, workload) && isMeantFor(name, workload.name))
      .filter((budget) =>
        [workload, ...(context.workloads ?? [])].every(
          (any) => budgetsOf(any, { podDisruptionBudgets: [budget] })?.length === 0,
        ),
      )
      .map(({ name }) => ({
        field: podField(workload, 'containers'),
        message: `PodDisruptionBudget ${short(name)} selects none of its pods: it protects nothing`,
        remedy: `make the selector of PodDisruptionBudget ${short(name)} match the labels of the pod template`,
      })),
);

function isMeantFor(budget: string, workload: string): boolean {
  return budget === workload || budget.replace(suffix, '') === workload;
}
