import type { Deployment } from '../../src/api/kubernetes.ts';
import type { ApiHarness } from './harness.ts';

/** A namespace, nothing else. */
export const namespaceObject = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** A Service that selects the pods of the Deployment of the same name. */
export const serviceObject = (namespace: string, name = 'web'): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
});

/** A GracefulRollout of the Deployment `target`, with the defaults but for `spec`. */
export const rolloutObject = (namespace: string, spec: object = {}, name = 'web', target = name): object => ({
  apiVersion: 'graceful-rollout.io/v1alpha1',
  kind: 'GracefulRollout',
  metadata: { name, namespace },
  spec: { targetRef: { name: target }, ...spec },
});

/** One container, a readiness probe, nothing of the contract. */
export function deploymentObject(namespace: string, name = 'web', podSpec: object = {}, spec: object = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'registry.invalid/app:1',
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
            },
          ],
          ...podSpec,
        },
      },
      ...spec,
    },
  };
}

/** Waits for a condition of a GracefulRollout, such as `ContractEnforced=True`. */
export async function waitForCondition(
  harness: ApiHarness,
  namespace: string,
  condition: string,
  name = 'web',
): Promise<void> {
  await harness.kubectl(['wait', `--for=condition=${condition}`, `gr/${name}`, '-n', namespace, '--timeout=30s']);
}
