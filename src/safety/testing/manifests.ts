/** Raw objects for the tests of the rules. Each builder makes one that no rule says anything of; a test breaks one thing. */
export type Manifest = Readonly<Record<string, unknown>>;

const metadata = { namespace: 'shop', name: 'web' };
const labels = { app: 'web' };

/** A container that serves port 8080, named http. */
export function app(change: Manifest = {}): Manifest {
  return {
    name: 'app',
    image: 'example.com/web:1.2.3',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '64Mi' } },
    ...change,
  };
}

export function deployment(change: Manifest = {}, pod: Manifest = {}): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [app()], ...pod } },
      ...change,
    },
  };
}

/** Another Deployment with pods of the same labels: a canary, say. */
export function beside(name: string, change: Manifest = {}, container: Manifest = {}): Manifest {
  return { ...deployment(change, { containers: [app(container)] }), metadata: { namespace: 'shop', name } };
}

/** The Deployment with its only container changed. */
export function withApp(change: Manifest, pod: Manifest = {}): Manifest {
  return deployment({}, { containers: [app(change)], ...pod });
}

/** The same template as another kind. */
export function ofKind(kind: string, apiVersion: string, manifest: Manifest = deployment()): Manifest {
  return { ...manifest, kind, apiVersion };
}

export function service(change: Manifest = {}, name = 'web'): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 'http' }], ...change },
  };
}

export function budget(change: Manifest = { maxUnavailable: 1 }, name = 'web'): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'shop', name },
    spec: { selector: { matchLabels: labels }, ...change },
  };
}

export function autoscaler(change: Manifest = {}): Manifest {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 2,
      maxReplicas: 5,
      ...change,
    },
  };
}

export function gracefulRollout(spec: Manifest = {}): Manifest {
  return {
    apiVersion: 'graceful-rollout.io/v1alpha1',
    kind: 'GracefulRollout',
    metadata,
    spec: { targetRef: { name: 'web' }, ...spec },
  };
}

export function claim(accessMode: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace: 'shop', name: 'data' },
    spec: { accessModes: [accessMode] },
  };
}
