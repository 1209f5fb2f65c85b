import { budgetsOf } from '../budgets.ts';
import { WEB_DEPLOYMENT } from '../examples.ts';
import { REPLICATED } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule } from '../rule.ts';

export const budgetMissing = defineRule(
  {
    code: 'GR401',
    name: 'budget-missing',
    title: 'No PodDisruptionBudget: a drain may end all pods at once',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'kubectl drain and node autoscalers evict pods one after the other without waiting for replacements, unless a PodDisruptionBudget says how many may be missing (pkg/registry/core/pod/storage/eviction.go). Several replicas on drained nodes then end at the same time.',
    example: `${WEB_DEPLOYMENT}---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Write a PodDisruptionBudget with maxUnavailable: 1 and the labels of the pod template. There is no automatic fix, for it is another object.',
  },
  ({ workload, context, facts }) => {
    const { fewestPods, busyServices = [] } = facts;
    if (fewestPods === undefined || fewestPods < 2 || busyServices.length === 0) return [];
    if (budgetsOf(workload, context)?.length !== 0) return [];
    return [
      {
        field: podField(workload, 'containers'),
        message: `no PodDisruptionBudget selects its ${fewestPods} pods: node drains may end all of them at the same time`,
        remedy: 'write a PodDisruptionBudget with maxUnavailable: 1 and the labels of the pod template',
      },
    ];
  },
);
