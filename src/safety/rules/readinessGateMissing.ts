import { isHere } from '../facts.ts';
import { SERVERS } from '../kinds.ts';
import { podField } from '../paths.ts';
import { defineRule, type RuleInput, short } from '../rule.ts';

/** What makes the controller add a readiness gate to the pods of a namespace. */
const label = 'elbv2.k8s.aws/pod-readiness-gate-inject';

export const readinessGateMissing = defineRule(
  {
    code: 'GR407',
    name: 'readiness-gate-missing',
    title: 'A rollout does not wait until the load balancer has the new pods',
    level: 'strict',
    severity: 'warning',
    since: 'v1',
    appliesTo: SERVERS,
    hasFix: false,
    why: 'A load balancer with pods as targets (target type ip) learns of a new pod seconds to minutes after it is ready, when its own health checks have passed. A rollout that does not wait for that ends all old targets before the first new one is healthy. The AWS Load Balancer Controller adds a readiness gate to the pods of namespaces with the label elbv2.k8s.aws/pod-readiness-gate-inject: enabled; the rollout then waits ("Pod readiness gate" in its documentation). Known only where the labels of the namespace are.',
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
metadata:
  name: web
  annotations: { service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip }
spec:
  type: LoadBalancer
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: {} }
`,
    fixText:
      'Label the namespace elbv2.k8s.aws/pod-readiness-gate-inject=enabled; pods that are created from then on have the gate.',
  },
  (input) => {
    const { workload, context } = input;
    if (context.namespaceLabels === undefined || context.namespaceLabels[label] === 'enabled') return [];
    return balancers(input).map((balancer) => ({
      field: podField(workload, 'readinessGates'),
      message: `${balancer} targets pods by IP without readiness gates: rollouts overtake the load balancer`,
      remedy: `label the namespace ${label}=enabled`,
    }));
  },
);

/** What makes a load balancer with pods as targets out of the Services that select the pods. */
function balancers({ workload, context, facts }: RuleInput): string[] {
  const selecting = facts.selecting ?? [];
  const services = selecting.filter(
    ({ spec, metadata }) =>
      spec.type === 'LoadBalancer' &&
      metadata.annotations?.['service.beta.kubernetes.io/aws-load-balancer-nlb-target-type'] === 'ip',
  );
  const names = new Set(selecting.map(({ metadata }) => metadata.name));
  const ingresses = (context.ingresses ?? []).filter(
    ({ namespace, services: backends, annotations }) =>
      isHere(namespace, workload) &&
      annotations['alb.ingress.kubernetes.io/target-type'] === 'ip' &&
      backends.some((name) => names.has(name)),
  );
  return [
    ...services.map(({ metadata }) => `Service ${short(metadata.name ?? '')}`),
    ...ingresses.map(({ name }) => `Ingress ${short(name)}`),
  ];
}
