import { budgetsOf } from '../budgets.ts';
import { WEB_DEPLOYMENT } from '../examples.ts';
import { isHere } from '../facts.ts';
import { REPLICATED } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

export const budgetSelectsNothing = defineRule(
  {
    code: 'GR404',
    name: 'budget-selects-nothing',
    title: 'The PodDisruptionBudget of this name selects other pods, or none',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'A PodDisruptionBudget acts by its selector alone. One that is named after a workload, but whose selector matches neither its pods nor those of any other workload that is known, protects nothing, without a word of Kubernetes.',
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
      .filter(({ namespace, name }) => isHere(namespace, workload) && name === workload.name)
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
