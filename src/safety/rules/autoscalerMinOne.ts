import { REPLICATED } from '../kinds.ts';
import { stillServing } from '../neighbours.ts';
import { defineRule, short } from '../rule.ts';

export const autoscalerMinOne = defineRule(
  {
    code: 'GR309',
    name: 'autoscaler-min-one',
    title: 'The autoscaler may leave one pod',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    hasFix: false,
    appliesTo: REPLICATED,
    why: 'minReplicas 1, which is also its default (pkg/apis/autoscaling, SetDefaults_HorizontalPodAutoscaler), lets the autoscaler leave one pod in quiet hours: then an eviction or a crash leaves the Service empty until another one is ready, as with one replica (kubernetes/kubernetes#66811). Where other workloads stay behind the same Services nothing is said.',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
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
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 1
  maxReplicas: 10
`,
    fixText:
      'Write minReplicas: 2 in the HorizontalPodAutoscaler. There is no automatic fix, for it is another object.',
  },
  (input) => {
    const { autoscaler, busyServices = [] } = input.facts;
    if (autoscaler === undefined || (autoscaler.minReplicas ?? 1) !== 1 || busyServices.length === 0) return [];
    if (stillServing(input) !== undefined) return [];
    return [
      {
        field: 'spec.replicas',
        message: `HPA ${short(autoscaler.name)} may leave 1 pod (minReplicas 1): a drain or a crash then empties the Service`,
        remedy: `write minReplicas: 2 in HorizontalPodAutoscaler ${short(autoscaler.name)}`,
      },
    ];
  },
);
