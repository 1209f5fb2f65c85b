import { SERVERS } from '../kinds.ts';
import { hasPort, othersBehind } from '../neighbours.ts';
import { podField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

export const targetPortUnknown = defineRule(
  {
    code: 'GR405',
    name: 'target-port-unknown',
    title: 'A Service sends to a port name that no container has',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'A targetPort that is a name is looked up in each pod (FindPort in pkg/api/v1/pod); a pod without it is left out of that port of the Service, so requests to it find no endpoint, or fewer than meant. Where another workload that the Service selects has the name, nothing is said.',
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
  ports: [{ port: 80, targetPort: http }]
`,
    fixText:
      'Name the port in the container that serves it, or correct targetPort in the Service. Which of them is wrong, only you know. To rename a port without a gap: give the container both names (two entries of one containerPort), roll out, change targetPort, then remove the old name. Under enforce the order matters, for only workloads are judged: a Deployment that drops or changes a name is denied as long as the stored Service still asks for it, so change the Service first (Helm and Argo CD apply Services before Deployments; kubectl apply -f goes by the order of the files).',
  },
  ({ workload, context, facts }) =>
    (facts.selecting ?? []).flatMap((service) =>
      (service.spec.ports ?? []).flatMap(({ targetPort, port, protocol = 'TCP' }) => {
        if (typeof targetPort !== 'string' || targetPort === '' || hasPort(workload, targetPort, protocol)) return [];
        const others = othersBehind(service, workload, context);
        if (others.some((other) => hasPort(other, targetPort, protocol))) return [];
        const name = short(service.metadata.name ?? '');
        return [
          {
            field: podField(workload, 'containers'),
            message: `Service ${name} sends port ${port} to "${short(targetPort)}" (${short(protocol)}), which no container has: no endpoint for it`,
            remedy: `name a port "${short(targetPort)}" in the container that serves it, or correct targetPort in Service ${name}`,
          },
        ];
      }),
    ),
);
