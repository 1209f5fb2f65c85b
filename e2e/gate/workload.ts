import type { KubeObject } from '../../src/api/kubernetes.ts';
import { SERVER_PORT } from '../load/lossManifests.ts';
import type { ServerName } from '../load/lossReport.ts';

/** A Deployment of one of the rig's servers with its Service, and what names or budgets it. */
export interface Workload {
  readonly namespace: string;
  /** Of the Deployment, its Service, its GracefulRollout and its PodDisruptionBudget; label `app` of the pods. */
  readonly name: string;
  readonly server: ServerName;
  /** Loaded into every node. */
  readonly image: string;
  readonly replicas: number;
  /** Time before the server listens, and so before it can be Ready. Default 0. */
  readonly startUpSeconds?: number;
  /** How long the server that drains its connections goes on after SIGTERM. Default 5. */
  readonly drainSeconds?: number;
  /** `spec` of its GracefulRollout besides `targetRef`; absent: it has none and is plain. */
  readonly rollout?: Readonly<Record<string, unknown>>;
  /** `minAvailable` of its PodDisruptionBudget; absent: it has none. */
  readonly minAvailable?: number;
  /** Seconds after which a lost node's pods are deleted. Default: the API server's, 300. */
  readonly tolerateLostNodeSeconds?: number;
  /** A native preStop sleep of the author's own. Default none. */
  readonly preStopSleepSeconds?: number;
  /** Its pods fit nowhere else. */
  readonly onlyOnNode?: string;
  /** A node takes one of its pods and no more. */
  readonly onePerNode?: boolean;
}

/** Something to apply. */
export type Manifest = KubeObject & { readonly apiVersion: string; readonly kind: string; readonly spec: object };

/** The Service and the PodDisruptionBudget: there before the pods. */
export function foundationsOf(workload: Workload): Manifest[] {
  const { namespace, name, minAvailable } = workload;
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
  if (minAvailable === undefined) return [service];
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { minAvailable, selector: { matchLabels: { app: name } } },
  };
  return [service, budget];
}

/** The GracefulRollout, where the workload has one. */
export function gracefulRolloutOf({ namespace, name, rollout }: Workload): Manifest[] {
  if (rollout === undefined) return [];
  const spec = { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, ...rollout };
  return [{ apiVersion: 'graceful-rollout.io/v1alpha1', kind: 'GracefulRollout', metadata: { name, namespace }, spec }];
}

/** The Deployment, as people write it: a readiness probe, the default strategy, replicas spread over the nodes. */
export function deploymentOf(workload: Workload): Manifest {
  const { namespace, name, replicas } = workload;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: podTemplateOf(workload) },
  };
}

/** The pods of a workload; also for Jobs and DaemonSets. */
export function podTemplateOf(workload: Workload): { readonly metadata: object; readonly spec: object } {
  const { name, startUpSeconds = 0, preStopSleepSeconds, tolerateLostNodeSeconds: seconds } = workload;
  const environment = [
    ...(startUpSeconds === 0 ? [] : [{ name: 'START_UP_MS', value: String(startUpSeconds * 1000) }]),
    ...(workload.drainSeconds === undefined ? [] : [{ name: 'DRAIN_MS', value: String(workload.drainSeconds * 1000) }]),
  ];
  const container = {
    name: 'server',
    image: workload.image,
    imagePullPolicy: 'Never',
    ports: [{ name: 'http', containerPort: SERVER_PORT }],
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 1 },
    ...(environment.length === 0 ? {} : { env: environment }),
    ...(preStopSleepSeconds === undefined
      ? {}
      : { lifecycle: { preStop: { sleep: { seconds: preStopSleepSeconds } } } }),
  };
  const lostNode = ['not-ready', 'unreachable'].map((taint) => ({
    key: `node.kubernetes.io/${taint}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: seconds,
  }));
  const apart = {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: name } } },
    ],
  };
  return {
    metadata: { labels: { app: name } },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(seconds === undefined ? {} : { tolerations: lostNode }),
      ...(workload.onlyOnNode === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': workload.onlyOnNode } }),
      ...(workload.onePerNode === true ? { affinity: { podAntiAffinity: apart } } : {}),
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { app: name } },
        },
      ],
      containers: [container],
    },
  };
}
