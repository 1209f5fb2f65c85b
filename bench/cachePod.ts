import type { Pod } from '../src/kube/index.ts';

/** A pod as clusters have them: two containers with probes, environment and mounts, labels and annotations of tools. */
export function benchPod(namespace: string, index: number): Pod & { readonly spec: object } {
  const name = `web-${String(index).padStart(5, '0')}`;
  const container = (app: string) => ({
    name: app,
    image: `registry.invalid/team/${app}@sha256:${'0123456789abcdef'.repeat(4)}`,
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    env: Array.from({ length: 15 }, (_, number) => ({ name: `SETTING_${number}`, value: `value-${number}-of-${app}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { httpGet: { path: '/live', port: 8080 }, periodSeconds: 10 },
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    volumeMounts: [
      { name: 'configuration', mountPath: '/etc/app' },
      { name: 'scratch', mountPath: '/tmp' },
    ],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  });
  return {
    metadata: {
      namespace,
      name,
      labels: { app: 'web', 'pod-template-hash': '7d9f8c6b5', 'app.kubernetes.io/version': '1.2.3', tier: 'front' },
      annotations: { 'checksum/config': 'a'.repeat(64), 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
    },
    spec: {
      containers: [container('app'), container('sidecar')],
      terminationGracePeriodSeconds: 40,
      nodeName: `node-${index % 20}`,
      ...{
        volumes: [
          { name: 'configuration', configMap: { name: 'web' } },
          { name: 'scratch', emptyDir: {} },
        ],
      },
    },
  };
}

/** What the kubelet writes: it makes a second manager, so that managedFields are as long as in real life. */
export function benchPodStatus(index: number): object {
  const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
  return {
    status: {
      phase: 'Running',
      podIP: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      startTime: '2026-01-01T00:00:00Z',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
      containerStatuses: ['app', 'sidecar'].map((name) => ({
        name,
        ready: true,
        started: true,
        restartCount: 0,
        image: `registry.invalid/team/${name}`,
        imageID: `sha256:${'0123456789abcdef'.repeat(4)}`,
        containerID: `containerd://${'fedcba9876543210'.repeat(4)}`,
        state: running,
      })),
    },
  };
}
