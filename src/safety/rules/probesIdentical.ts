import type { Probe } from '../../api/kubernetes.ts';
import { canonicalJson } from '../../contract/index.ts';
import { SERVERS } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { failureSeconds } from '../probes.ts';
import { defineRule, short } from '../rule.ts';

export const probesIdentical = defineRule(
  {
    code: 'GR102',
    name: 'probes-identical',
    title: 'Readiness and liveness ask the same, equally often',
    level: 'strict',
    severity: 'info',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'Readiness takes a pod that is overloaded or waits for something else out of its Services until it can answer again. A livenessProbe that is the same restarts it at the very same moment, and an overload then takes the pods one after the other ("Configure Liveness, Readiness and Startup Probes" in the Kubernetes documentation warns of it).',
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
          readinessProbe: { httpGet: { path: /health, port: 8080 } }
          livenessProbe: { httpGet: { path: /health, port: 8080 } }
`,
    fixText:
      'Let the livenessProbe ask only whether the process itself is stuck (another path), or give up much later (a higher failureThreshold), or remove it. Which of them is right depends on the application.',
  },
  ({ workload, facts }) =>
    facts.running.flatMap((running) => {
      const { name, readinessProbe, livenessProbe } = running.container;
      if (readinessProbe === undefined || livenessProbe === undefined) return [];
      if (canonicalJson(asked(readinessProbe)) !== canonicalJson(asked(livenessProbe))) return [];
      return [
        {
          container: name,
          field: containerField(workload, running, 'livenessProbe'),
          message: `container ${short(name)}: after ${failureSeconds(livenessProbe)} s livenessProbe restarts what readinessProbe only takes out of service`,
          remedy: 'let liveness ask only whether the process is stuck, or raise its failureThreshold',
        },
      ];
    }),
);

/** With the API server's defaults (SetDefaults_Probe), and without what only one of the two can have. */
function asked({ exec, httpGet, tcpSocket, grpc, periodSeconds = 10, failureThreshold = 3 }: Probe): unknown {
  const http = httpGet === undefined ? undefined : { path: '/', scheme: 'HTTP', ...httpGet };
  return { exec, httpGet: http, tcpSocket, grpc, periodSeconds, failureThreshold };
}
