import { DEPLOYMENT } from '../kinds.ts';
import { surgeFirst } from '../rollingFix.ts';
import { defineRule } from '../rule.ts';
import { rollingPods } from '../shares.ts';

export const rolloutEmptiesService = defineRule(
  {
    code: 'GR302',
    name: 'rollout-empties-service',
    title: 'A rollout may take every pod away at once',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: true,
    appliesTo: DEPLOYMENT,
    why: 'maxUnavailable says how many pods may be missing during a rollout. If that is all of them, the Deployment deletes the old pods as soon as it has created new ones, ready or not (pkg/controller/deployment/rolling.go), and the Service has no ready endpoint. Percentages of maxUnavailable round down. What is counted are the fewest pods that the workload is meant to have: minReplicas of its autoscaler, else replicas.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  strategy: { rollingUpdate: { maxUnavailable: 2 } }
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
      'Write maxUnavailable: 0 and maxSurge: 1 or more. There is no automatic fix where a new pod may find no node beside the old one.',
  },
  ({ workload, facts }) => {
    const { fewestPods = 0, selecting = [], busyServices = [] } = facts;
    const rolling = rollingPods(workload, fewestPods);
    if (selecting.length === 0 || fewestPods < 1 || rolling === undefined || rolling.forced) return [];
    if (rolling.unavailable < fewestPods) return [];
    const pods = fewestPods === 1 ? 'the only pod' : `all ${fewestPods} pods`;
    return [
      {
        field: 'spec.strategy.rollingUpdate.maxUnavailable',
        message: `maxUnavailable ${rolling.maxUnavailable} lets a rollout take ${pods} away before a new one is ready`,
        remedy: 'write maxUnavailable: 0 and maxSurge: 1 or more',
        ...(busyServices.length > 0 ? {} : { level: 'strict' as const, severity: 'warning' as const }),
        ...surgeFirst(workload, rolling),
      },
    ];
  },
);
