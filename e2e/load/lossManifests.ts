import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { ServerName, Side } from './lossReport.ts';

/** What the two Deployments of a scenario are made of. */
export interface LossManifests {
  readonly namespace: string;
  /** Namespace, Services and the GracefulRollout: there before the Deployments, so that their first apply is complete. */
  readonly foundations: readonly KubeObject[];
  readonly deployments: readonly KubeObject[];
}

/** The port that every server of the rig listens on. */
export const SERVER_PORT = 8080;

/**
 * Two Deployments of one server, as people write them: a readiness probe, the default strategy, no preStop hook. They
 * differ in nothing but their names, and in that a GracefulRollout names the protected one.
 * @param image loaded into every node.
 */
export function lossManifests(server: ServerName, image: string, replicas: number): LossManifests {
  const namespace = `loss-${server}`;
  const rollout = {
    apiVersion: 'graceful-rollout.io/v1alpha1',
    kind: 'GracefulRollout',
    metadata: { name: 'protected', namespace },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'protected' } },
  };
  return {
    namespace,
    foundations: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      service(namespace, 'plain'),
      service(namespace, 'protected'),
      rollout,
    ],
    deployments: [deployment(namespace, 'plain', image, replicas), deployment(namespace, 'protected', image, replicas)],
  };
}

function service(namespace: string, name: Side): KubeObject & { spec: unknown } {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
}

function deployment(namespace: string, name: Side, image: string, replicas: number): KubeObject & { spec: unknown } {
  const container = {
    name: 'server',
    image,
    imagePullPolicy: 'Never',
    ports: [{ name: 'http', containerPort: SERVER_PORT }],
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 2 },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { automountServiceAccountToken: false, enableServiceLinks: false, containers: [container] },
      },
    },
  };
}
