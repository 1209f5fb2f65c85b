import { budgetsOf } from '../budgets.ts';
import { REPLICATED } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';
import { podsOf } from '../shares.ts';
import type { Context, DisruptionBudget, Workload } from '../types.ts';

export const budgetBlocksDrain = defineRule(
  {
    code: 'GR402',
    name: 'budget-blocks-drain',
    title: 'The PodDisruptionBudget allows no disruption',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'A budget that needs every pod (maxUnavailable 0, minAvailable of 100% or as many as there are pods) refuses each eviction with 429: kubectl drain and node upgrades wait for ever, until somebody deletes the pods by hand, without any budget. Percentages round up (pkg/controller/disruption). Counted are the fewest pods that the workload is meant to have.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec:
  minAvailable: 2
  selector: { matchLabels: { app: web } }
`,
    fixText:
      'Write maxUnavailable: 1, and run more than one replica. There is no automatic fix, for it is another object.',
  },
  ({ workload, context, facts: { fewestPods } }) => {
    if (fewestPods === undefined || fewestPods < 1) return [];
    return (budgetsOf(workload, context) ?? []).flatMap((budget) => {
      const { name, minAvailable, maxUnavailable } = budget;
      // a budget over several workloads counts them all
      if (!isOnlyFor(workload, context, budget)) return [];
      const needed = minAvailable === undefined ? undefined : podsOf(minAvailable, fewestPods, 'up');
      const missing = maxUnavailable === undefined ? undefined : podsOf(maxUnavailable, fewestPods, 'up');
      const allowed = needed === undefined ? missing : fewestPods - needed;
      if (allowed === undefined || allowed > 0) return [];
      const says = minAvailable === undefined ? `maxUnavailable ${maxUnavailable}` : `minAvailable ${minAvailable}`;
      return [
        {
          field: podField(workload, 'containers'),
          message: `PodDisruptionBudget ${short(name)}: ${says} of ${fewestPods} ${fewestPods === 1 ? 'pod' : 'pods'} allows 0 evictions: node drains wait for ever`,
          remedy: `write maxUnavailable: 1 in PodDisruptionBudget ${short(name)}${fewestPods === 1 ? ', and replicas: 2' : ''}`,
        },
      ];
    });
  },
);

function isOnlyFor(workload: Workload, { workloads = [] }: Context, budget: DisruptionBudget): boolean {
  return workloads.every(
    (other) =>
      (other.kind === workload.kind && other.name === workload.name) ||
      budgetsOf(other, { podDisruptionBudgets: [budget] })?.length === 0,
  );
}
