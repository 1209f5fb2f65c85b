const ready = 'readinessProbe: { httpGet: { path: /ready, port: http } }';

/** Shapes that many charts have, of which the rules once said more than is certain: nothing at baseline. YAML. */
export const soundShapes: readonly { readonly name: string; readonly manifests: string }[] = [
  {
    name: 'a startupProbe without a readinessProbe',
    manifests: `${deployment('web', 'replicas: 2', '{ app: web }', 'startupProbe: { httpGet: { path: /, port: http }, failureThreshold: 30 }, livenessProbe: { httpGet: { path: /, port: http } }')}${service('web', '{ app: web }')}`,
  },
  {
    name: 'a stable Deployment and its canary behind one Service, each of which a rollout may empty',
    manifests: [
      deployment('stable', 'strategy: { type: Recreate }', '{ app: web, track: stable }'),
      deployment(
        'canary',
        'replicas: 1\n  strategy: { rollingUpdate: { maxUnavailable: 1 } }',
        '{ app: web, track: canary }',
      ),
      deployment(
        'spot',
        'replicas: 1\n  strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 25% } }',
        '{ app: web, track: spot }',
      ),
      service('web', '{ app: web }'),
    ].join(''),
  },
  {
    name: 'an autoscaler with minReplicas 1 and written replicas',
    manifests: `${deployment('web', 'replicas: 10\n  strategy: { rollingUpdate: { maxUnavailable: 1 } }', '{ app: web }')}${service('web', '{ app: web }')}---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 1
  maxReplicas: 20
`,
  },
  {
    name: 'a StatefulSet with a maxUnavailable that may not count',
    manifests: `${deployment('db', 'replicas: 3\n  updateStrategy: { rollingUpdate: { maxUnavailable: 3 } }', '{ app: db }').replace('kind: Deployment', 'kind: StatefulSet')}${service('db', '{ app: db }')}`,
  },
  {
    name: 'nginx with a sleep before its stop, and one whose script traps the signal',
    manifests: [
      deployment(
        'web',
        '',
        '{ app: web }',
        `${ready}, lifecycle: { preStop: { exec: { command: [sh, -c, "sleep 5; nginx -s quit"] } } }`,
        'nginx:1.29',
      ),
      deployment(
        'trap',
        '',
        '{ app: trap }',
        `${ready}, command: [sh, -c, "trap 'sleep 5; nginx -s quit' TERM; nginx; wait"]`,
        'nginx:1.29',
      ),
      service('web', '{ app: web }'),
      service('trap', '{ app: trap }'),
    ].join(''),
  },
  {
    name: 'a distroless image with a shell out of a volume',
    manifests: deployment(
      'web',
      '',
      '{ app: web }',
      `${ready}, volumeMounts: [{ name: tools, mountPath: /tools/bin }], lifecycle: { preStop: { exec: { command: [/tools/bin/sh, -c, "sleep 5"] } } }`,
      'gcr.io/distroless/static-debian12:nonroot',
    ),
  },
];

function deployment(
  name: string,
  spec: string,
  labels: string,
  container = ready,
  image = 'example.com/web:1.2.3',
): string {
  return `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: ${labels} }
  ${spec}
  template:
    metadata: { labels: ${labels} }
    spec:
      containers:
        - { name: app, image: "${image}", ports: [{ name: http, containerPort: 8080 }], ${container} }
`;
}

function service(name: string, selector: string): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: ${selector}, ports: [{ port: 80, targetPort: http }] }
`;
}
