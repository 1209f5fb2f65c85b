/** One workload of each kind that the rules' own examples leave out, with what only that kind has. YAML. */
export const kindSeeds: readonly { readonly kind: string; readonly yaml: string }[] = [
  seed('StatefulSet', 'apps/v1', [
    'replicas: 3',
    'serviceName: web',
    'podManagementPolicy: Parallel',
    'updateStrategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 100%, partition: 0 } }',
  ]),
  seed('DaemonSet', 'apps/v1', ['updateStrategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 100% } }']),
  seed('Rollout', 'argoproj.io/v1alpha1', [
    'replicas: 3',
    'progressDeadlineSeconds: 60',
    'strategy: { canary: { maxUnavailable: 3, maxSurge: 0, steps: [] } }',
  ]),
  seed('ReplicationController', 'v1', ['replicas: 1']),
  {
    kind: 'Job',
    yaml: `apiVersion: batch/v1
kind: Job
metadata: { name: web }
spec:
  backoffLimit: 1
  template: ${JSON.stringify(podOf('Never'))}
`,
  },
  {
    kind: 'CronJob',
    yaml: `apiVersion: batch/v1
kind: CronJob
metadata: { name: web }
spec:
  schedule: "0 * * * *"
  jobTemplate: { spec: { template: ${JSON.stringify(podOf('OnFailure'))} } }
`,
  },
  {
    kind: 'Pod',
    yaml: `${JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...podOf(), metadata: { name: 'web' } })}\n`,
  },
];

function seed(kind: string, apiVersion: string, spec: readonly string[]) {
  const selector = kind === 'ReplicationController' ? '{ app: web }' : '{ matchLabels: { app: web } }';
  const members = [...spec, `selector: ${selector}`, `template: ${JSON.stringify(podOf())}`].join('\n  ');
  const yaml = `apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: web }
spec:
  ${members}
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
`;
  return { kind, yaml };
}

/** A template whose hook takes the whole grace period; the text of its JSON is YAML. */
function podOf(restartPolicy = 'Always') {
  const container = {
    name: 'app',
    image: 'nginx',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { tcpSocket: { port: 'http' } },
    lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 40; nginx -s quit'] } } },
    volumeMounts: [{ name: 'tools', mountPath: '/tools' }],
  };
  const spec = { terminationGracePeriodSeconds: 30, restartPolicy, containers: [container] };
  return { metadata: { labels: { app: 'web' } }, spec };
}
