import { containerField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

/** What the fix writes. */
const seconds = 5;

export const luckyProbe = defineRule(
  {
    code: 'GR306',
    name: 'lucky-probe',
    title: 'One open port makes a pod ready, and the rollout goes on at once',
    level: 'strict',
    severity: 'info',
    since: 'v1',
    hasFix: true,
    appliesTo: ['Deployment', 'Rollout'],
    why: 'A tcpSocket probe succeeds as soon as the port is open, which says little of whether requests are answered. With minReadySeconds 0 the rollout takes the next old pod away at that very moment (pkg/controller/deployment/util IsPodAvailable), so a version that fails a second later replaces all of them; an Argo Rollout counts alike.',
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
          readinessProbe: { tcpSocket: { port: 8080 } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Ask by httpGet or grpc, or write minReadySeconds, so that a pod must have stayed ready for so long; the fix writes 5.',
  },
  ({ workload, facts }) => {
    const { minReadySeconds = 0, progressDeadlineSeconds = 600 } = workload;
    if (minReadySeconds > 0 || progressDeadlineSeconds <= seconds) return [];
    return (facts.busy ?? [])
      .filter(
        ({ container: { readinessProbe } }) =>
          readinessProbe?.tcpSocket !== undefined && (readinessProbe.successThreshold ?? 1) <= 1,
      )
      .map((running) => ({
        container: running.container.name,
        field: containerField(workload, running, 'readinessProbe.tcpSocket'),
        message: `container ${short(running.container.name)}: one open port makes it ready, and with minReadySeconds 0 the rollout goes on at once`,
        remedy: `ask by httpGet or grpc, or write minReadySeconds: ${seconds}`,
        fix: [{ path: ['spec', 'minReadySeconds'], value: seconds }],
      }));
  },
);
