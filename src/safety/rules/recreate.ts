import { DEPLOYMENT } from '../kinds.ts';
import { defineRule } from '../rule.ts';

export const recreate = defineRule(
  {
    code: 'GR301',
    name: 'recreate',
    title: 'The strategy ends all pods before it starts new ones',
    level: 'baseline',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: DEPLOYMENT,
    why: 'Under Recreate the Deployment scales the old ReplicaSet to 0 and waits until its pods are gone before it creates new ones (pkg/controller/deployment/recreate.go). From the end of the last old pod until the first new one is ready every request fails, with each rollout. Where only a scraper or a headless Service sends to the pods the finding is strict.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  strategy: { type: Recreate }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: example.com/web:1.2.3
          ports: [{ containerPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Use RollingUpdate if two versions may run side by side. If they may not, or if they share a volume that only one node can mount, the loss is the price: waive the rule with that reason. No automatic fix: only you know.',
  },
  ({ workload, facts }) => {
    if (workload.strategy?.type !== 'Recreate' || (facts.selecting ?? []).length === 0 || facts.fewestPods === 0)
      return [];
    const isBusy = (facts.busyServices ?? []).length > 0;
    const { fewestPods } = facts;
    const pods = fewestPods === 1 ? 'the only pod' : `all ${fewestPods === undefined ? '' : `${fewestPods} `}pods`;
    return [
      {
        field: 'spec.strategy.type',
        message: `Recreate ends ${pods} before a new one starts: each rollout loses requests until the first is ready`,
        remedy:
          'write strategy.type: RollingUpdate if two versions may run side by side; if not, waive this with the reason',
        ...(isBusy ? {} : { level: 'strict' as const }),
      },
    ];
  },
);
