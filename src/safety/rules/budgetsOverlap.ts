import { budgetsOf } from '../budgets.ts';
import { SERVERS } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

export const budgetsOverlap = defineRule(
  {
    code: 'GR403',
    name: 'budgets-overlap',
    title: 'Two PodDisruptionBudgets select the same pods',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'The API server does not evict a pod that more than one PodDisruptionBudget selects: it answers 500 (pkg/registry/core/pod/storage/eviction.go, "This pod has more than one PodDisruptionBudget"). Node drains, upgrades and autoscalers fail on it.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
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
  maxUnavailable: 1
  selector: { matchLabels: { app: web } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web-2 }
spec:
  minAvailable: 1
  selector: { matchLabels: { app: web } }
`,
    fixText: 'Delete all but one of them, or narrow their selectors. Which one is meant, only you know.',
  },
  ({ workload, context }) => {
    const budgets = budgetsOf(workload, context) ?? [];
    // Of a workload that names no namespace, nobody knows which of several namespaces' budgets are beside it.
    const namespaces = new Set(budgets.flatMap(({ namespace }) => namespace ?? []));
    if (namespaces.size > 1) return [];
    // Two documents of one name are versions of one object: a base and its patch.
    const names = [...new Set(budgets.map(({ name }) => name))].map((name) => short(name));
    return names.length < 2
      ? []
      : [
          {
            field: podField(workload, 'containers'),
            message: `${names.length} PodDisruptionBudgets select its pods (${names.slice(0, 2).join(', ')}): every eviction fails with 500`,
            remedy: 'delete all but one of them, or narrow their selectors',
          },
        ];
  },
);
