import { DEPLOYMENT } from '../kinds.ts';
import { stillServing } from '../neighbours.ts';
import { surgeFirst } from '../rollingFix.ts';
import { defineRule, short } from '../rule.ts';
import { rollingPods } from '../shares.ts';

export const sharesRoundToLoss = defineRule(
  {
    code: 'GR303',
    name: 'shares-round-to-loss',
    title: 'maxSurge 0 and a percentage that rounds down to 0 pods',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: true,
    appliesTo: DEPLOYMENT,
    why: 'A percentage of maxUnavailable rounds down. Where it comes to 0 pods and maxSurge is 0 too, nothing could move, so Kubernetes takes 1 pod away (pkg/controller/deployment/util ResolveFenceposts): with one replica that is the only one, and the Service is empty. With more replicas one is missing while each is replaced, and the finding is strict. It is strict too where an autoscaler may leave one pod (minReplicas 1) but keep more, and where other workloads stay behind the same Services (a canary beside it).',
    example: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 25% } }
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
      'Write maxSurge: 1 and maxUnavailable: 0. There is no automatic fix where a new pod may find no node beside the old one.',
  },
  (input) => {
    const { workload, facts } = input;
    const { fewestPods = 0, mostPods = 0, selecting = [], busyServices = [] } = facts;
    const rolling = rollingPods(workload, fewestPods);
    if (selecting.length === 0 || fewestPods < 1 || rolling?.forced !== true) return [];
    const others = stillServing(input);
    const isEmptied = mostPods === 1 && busyServices.length > 0 && others === undefined;
    const none = others === undefined ? 'none is left' : `left is ${short(others)}`;
    const left = fewestPods === 1 ? none : `${fewestPods - 1} of ${fewestPods} are left`;
    const counted = mostPods > fewestPods ? `minReplicas ${fewestPods}` : `${fewestPods}`;
    return [
      {
        field: 'spec.strategy.rollingUpdate',
        message: `maxSurge ${rolling.maxSurge} and maxUnavailable ${rolling.maxUnavailable} of ${counted} round to 0 pods, so 1 is taken away: ${left}`,
        remedy: 'write maxSurge: 1 and maxUnavailable: 0',
        ...(isEmptied ? {} : { level: 'strict' as const, severity: 'warning' as const }),
        ...surgeFirst(workload, rolling),
      },
    ];
  },
);
