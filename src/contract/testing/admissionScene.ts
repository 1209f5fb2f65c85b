import type { GracefulRolloutSpec } from '../../api/index.ts';
import type { Deployment, LifecycleHandler } from '../../api/kubernetes.ts';
import { Cluster, type Way } from './cluster.ts';
import { manifest, rolloutSpec, service, withPod } from './manifests.ts';

/** A cluster in which a GracefulRollout governs and a Service selects, with the author's Deployment in it. */
export function started(
  author: Deployment,
  way: Way = 'kubectl apply',
  spec: GracefulRolloutSpec = rolloutSpec(),
): Cluster {
  const cluster = new Cluster(spec, [service()]);
  cluster.apply(author, way);
  return cluster;
}

/** The grace period of the stored template, in seconds. */
export function graceOf({ stored }: Cluster): number | undefined {
  return stored.spec.template.spec.terminationGracePeriodSeconds;
}

/** The preStop hook of a container of the stored template. */
export function hookOf({ stored }: Cluster, name = 'app'): LifecycleHandler | undefined {
  return stored.spec.template.spec.containers.find((container) => container.name === name)?.lifecycle?.preStop;
}

export function withGrace(author: Deployment, seconds: number): Deployment {
  return withPod(author, { terminationGracePeriodSeconds: seconds });
}

export function withHook(preStop: LifecycleHandler): Deployment {
  return manifest({ app: { lifecycle: { preStop } } });
}
