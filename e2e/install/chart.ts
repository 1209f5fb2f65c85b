import { join } from 'node:path';

/** Folder of the chart. */
export const chartFolder = join(import.meta.dirname, '../../charts/graceful-rollout');

/** Release name and namespace that the README, the demo and the tests use. */
export const defaultRelease = 'graceful-rollout';
/** See {@link defaultRelease}. */
export const defaultNamespace = 'graceful-rollout-system';

/** The namespace of the operator under the strictest Pod Security level. */
export function operatorNamespace(name: string): object {
  const level = 'restricted';
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: {
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/warn': level,
        'pod-security.kubernetes.io/audit': level,
      },
    },
  };
}
