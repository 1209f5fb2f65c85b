import { DEPLOYMENT } from '../kinds.ts';
import { stillServing } from '../neighbours.ts';
import { defineRule, short } from '../rule.ts';

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
    why: 'Under Recreate the Deployment scales the old ReplicaSet to 0 and waits until its pods are gone before it creates new ones (pkg/controller/deployment/recreate.go). From the end of the last old pod until the first new one is ready every request fails, with each rollout. Where only a scraper or a headless Service sends to the pods the finding is strict, as it is where other workloads stay behind the same Services (a canary beside it), which then serve alone.',
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
  (input) => {
    const { workload, facts } = input;
    if (workload.strategy?.type !== 'Recreate' || (facts.selecting ?? []).length === 0 || facts.fewestPods === 0)
      return [];
    const isBusy = (facts.busyServices ?? []).length > 0;
    const { fewestPods, mostPods } = facts;
    const others = stillServing(input);
    const isCounted = fewestPods !== undefined && fewestPods === mostPods;
    const pods = isCounted ? (fewestPods === 1 ? 'the only pod' : `all ${fewestPods} pods`) : 'all pods';
    return [
      {
        field: 'spec.strategy.type',
        message: `Recreate ends ${pods} before a new one starts: ${others === undefined ? 'each rollout loses requests until the first is ready' : `until the first is ready only ${short(others)} serves`}`,
        remedy:
          'write strategy.type: RollingUpdate if two versions may run side by side; if not, waive this with the reason',
        ...(isBusy && others === undefined ? {} : { level: 'strict' as const }),
      },
    ];
  },
);
