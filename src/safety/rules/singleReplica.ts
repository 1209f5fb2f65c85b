import { REPLICATED } from '../kinds.ts';
import { stillServing } from '../neighbours.ts';
import { defineRule } from '../rule.ts';

export const singleReplica = defineRule(
  {
    code: 'GR304',
    name: 'single-replica',
    title: 'One pod behind a Service',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'One pod cannot be evicted (node drain, autoscaler, spot node) or crash without the Service being empty until another one is ready: an eviction starts no pod first (kubernetes/kubernetes#66811). Measured: kubectl drain of one replica with a start-up of 3 s lost 836 of 4,996 requests (16.7 %). A StatefulSet with one replica has such a gap with each rollout, for it ends a pod before it starts its successor. Where other workloads stay behind the same Services (a canary beside it) nothing is said.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
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
      'Run two or more replicas if the application allows it, or let a GracefulRollout start the replacement before an eviction. How many the application bears, only you know.',
  },
  (input) => {
    const { workload, facts } = input;
    const { fewestPods, autoscaler, busyServices = [] } = facts;
    if (fewestPods !== 1 || autoscaler !== undefined || busyServices.length === 0) return [];
    if (stillServing(input) !== undefined) return [];
    const replicas = workload.replicas === undefined ? 'no replicas written means 1' : 'replicas 1';
    const when = workload.kind === 'StatefulSet' ? 'a rollout, a drain or a crash' : 'a drain or a crash';
    return [
      {
        field: 'spec.replicas',
        message: `${replicas}: at ${when} the Service is empty until a new pod is ready`,
        remedy: 'write replicas: 2 or more if the application allows it, or waive this with the reason',
      },
    ];
  },
);
