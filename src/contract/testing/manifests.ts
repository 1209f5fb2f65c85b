import type { GracefulRolloutSpec } from '../../api/index.ts';
import type { Container, Deployment, PodSpec, Service } from '../../api/kubernetes.ts';
import { contractFields } from '../contractFields.ts';
import { prunedAt, withValueAt } from '../fieldPath.ts';

/** A Deployment as an author writes it: one container that serves port 8080. */
export function manifest(
  change: {
    readonly pod?: Partial<PodSpec>;
    readonly app?: Partial<Container>;
    readonly spec?: Partial<Deployment['spec']>;
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      ...(change.annotations === undefined ? {} : { annotations: change.annotations }),
    },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: 'web' } },
      ...change.spec,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [container('app', { ports: [{ containerPort: 8080 }], ...change.app })], ...change.pod },
      },
    },
  };
}

export function container(name: string, change: Partial<Container> = {}): Container {
  return { name, image: `registry.example/${name}:1`, ...change };
}

export function withImage(deployment: Deployment, image: string): Deployment {
  const [first, ...rest] = deployment.spec.template.spec.containers;
  const containers = first === undefined ? [] : [{ ...first, image }, ...rest];
  return withPod(deployment, { containers });
}

export function withPod(deployment: Deployment, change: Partial<PodSpec>): Deployment {
  const { template } = deployment.spec;
  return {
    ...deployment,
    spec: { ...deployment.spec, template: { ...template, spec: { ...template.spec, ...change } } },
  };
}

/** Everything but the fields that the contract may touch. */
export function withoutContractFields(deployment: Deployment): Deployment {
  return contractFields(deployment).reduce(
    (left, { path }) => prunedAt(withValueAt(left, path, undefined), path, path.slice(0, -1)),
    deployment,
  );
}

export function service(change: Partial<Service['spec']> = {}, name = 'web'): Service {
  return {
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], ...change },
  };
}

/** The spec with its defaults: preStop 5 s, drain 25 s, so a grace period of 35 s. */
export function rolloutSpec(
  change: {
    readonly readiness?: GracefulRolloutSpec['readiness'];
    readonly termination?: Partial<GracefulRolloutSpec['termination']>;
    readonly strategy?: Partial<GracefulRolloutSpec['strategy']>;
    readonly mode?: GracefulRolloutSpec['mode'];
  } = {},
): GracefulRolloutSpec {
  return {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    readiness: change.readiness ?? {},
    termination: { preStopSleepSeconds: 5, drainSeconds: 25, ...change.termination },
    strategy: { maxUnavailable: 0, ...change.strategy },
    endpointCheck: { mode: 'Gate', timeoutSeconds: 60 },
    mode: change.mode ?? 'Enforce',
    adoption: 'Immediate',
  };
}
