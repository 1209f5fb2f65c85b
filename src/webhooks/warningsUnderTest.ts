import * as fc from 'fast-check';
import type { Counter } from 'prom-client';
import type { Deployment } from '../api/kubernetes.ts';
import { silentLogger } from '../runtime/index.ts';
import { contextOf } from '../safety/index.ts';
import { warningsWebhook } from './warnings.ts';

/** What the label `enforce` of a namespace says, by the namespace's name: the last is none that is known. */
const namespaces = { shop: 'off', base: 'baseline', hard: 'strict', slip: 'x' } as const;

const kinds = [
  ['apps', 'deployments', 'Deployment'],
  ['apps', 'statefulsets', 'StatefulSet'],
  ['apps', 'daemonsets', 'DaemonSet'],
  ['apps', 'replicasets', 'ReplicaSet'],
  ['argoproj.io', 'rollouts', 'Rollout'],
  ['', 'services', 'Service'],
] as const;

/** How the pods of a kind are replaced; replicas where one pod would leave nothing to judge. */
function strategyOf(kind: string): Record<string, unknown> {
  if (kind === 'Rollout') return { strategy: { canary: { maxSurge: '25%', maxUnavailable: 1, steps: [] } } };
  if (kind === 'StatefulSet' || kind === 'DaemonSet') {
    const rollingUpdate = kind === 'DaemonSet' ? { maxUnavailable: '100%' } : { maxUnavailable: 3, partition: 0 };
    return { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate } };
  }
  return { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } } };
}

/** A workload, or the Service before it. */
function written(group: string, kind: string, namespace: string): Record<string, unknown> {
  return kind === 'Service' ? serviceOf(namespace) : workload(group, kind, namespace);
}

function serviceOf(namespace: string): Record<string, unknown> {
  const ports = [
    { port: 80, targetPort: 'http' },
    { name: 'grpc', port: 81, targetPort: 'grpc' },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'front', namespace, annotations: {} },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports, publishNotReadyAddresses: true },
  };
}

function workload(group: string, kind: string, namespace: string): Record<string, unknown> {
  return {
    apiVersion: `${group}/v1`,
    kind,
    metadata: {
      name: 'web',
      namespace,
      labels: { app: 'web' },
      annotations: { 'graceful-rollout.io/waive': 'GR101 because until=2030-01-01' },
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      ...strategyOf(kind),
      progressDeadlineSeconds: 600,
      minReadySeconds: 0,
      template: {
        metadata: { labels: { app: 'web' }, annotations: {} },
        spec: {
          terminationGracePeriodSeconds: 10,
          hostNetwork: false,
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
              ],
            },
          },
          initContainers: [{ name: 'init', image: 'busybox', restartPolicy: 'Always' }],
          containers: [
            {
              name: 'app',
              image: 'nginx:latest',
              command: ['sh', '-c', 'nginx'],
              ports: [{ name: 'http', containerPort: 80, hostPort: 80 }],
              lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 20 && true'] } } },
              readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 10, failureThreshold: 3 },
              livenessProbe: { httpGet: { path: '/', port: 'http' } },
              resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
            },
          ],
        },
      },
    },
  };
}

const objects = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
  },
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, minReplicas: 1, maxReplicas: 3 },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'] },
  },
];

/** By name, so that a counterexample can be read; made anew each time, because a later mutation may change it. */
const large = {
  '<deep>': () => JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown,
  '<wide>': () => Array.from({ length: 3000 }, (_, index) => ({ name: `c${index}`, image: 'x', containerPort: index })),
  '<long>': () => '0'.repeat(50_000),
} as const;
function made(value: unknown): unknown {
  return value === '<deep>' || value === '<wide>' || value === '<long>' ? large[value]() : structuredClone(value);
}

const anything = fc.oneof(
  { weight: 6, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(null, -1, 0, 1e308, 2 ** 53, '', '100%', '-1%', [], {}, true) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>('\u0000\r\n\u2028', '\ud800', '__proto__', 'sleep 9e999'),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('<deep>', '<wide>', '<long>') },
);
/** Which of an object's members to go to, and what to do at the end: drop, replace, double, or put it in itself. */
const mutation = fc.record({
  turns: fc.array(fc.nat(1000), { minLength: 1, maxLength: 9 }),
  deed: fc.constantFrom('drop', 'replace', 'double', 'nest'),
  value: anything,
});

function mutate(root: Record<string, unknown>, turns: readonly number[], deed: string, value: unknown): void {
  let at: Record<string, unknown> | unknown[] = root;
  for (const [depth, turn] of turns.entries()) {
    const keys = Object.keys(at);
    const key = keys[turn % Math.max(1, keys.length)];
    if (key === undefined) return;
    const member: unknown = Reflect.get(at, key);
    const isLast = depth === turns.length - 1 || typeof member !== 'object' || member === null;
    if (!isLast) {
      at = member as Record<string, unknown>;
      continue;
    }
    if (deed === 'drop') Reflect.deleteProperty(at, key);
    else if (deed === 'replace') Reflect.set(at, key, value);
    else if (deed === 'double') Reflect.set(at, key, [member, structuredClone(member), value]);
    else Reflect.set(at, key, { [key]: member, value });
    return;
  }
}

/** The body of a call by the API server: a workload of any kind or a Service, mutated; some are mutated as a whole, some cut off. */
export const reviewBodies: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...kinds),
    fc.array(mutation, { maxLength: 6 }),
    fc.constantFrom('CREATE', 'UPDATE'),
    fc.constantFrom(...Object.keys(namespaces)),
    fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: mutation }),
    fc.oneof({ weight: 19, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(4000) }),
  )
  .map(([[group, resource, kind], mutations, operation, namespace, ofReview, cutAt]) => {
    const object = written(group, kind, namespace);
    for (const { turns, deed, value } of mutations) mutate(object, turns, deed, made(value));
    const request = {
      uid: 'u1',
      kind: { group, version: 'v1', kind },
      resource: { group, version: 'v1', resource },
      name: 'web',
      namespace,
      operation,
      userInfo: { username: 'alice' },
      object,
      oldObject: operation === 'UPDATE' ? written(group, kind, namespace) : null,
    };
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
    if (ofReview !== undefined) mutate(review, ofReview.turns, ofReview.deed, made(ofReview.value));
    return JSON.stringify(review).slice(0, cutAt);
  });

/** The webhook over a cache with a Service, a budget, an autoscaler and a volume claim of each namespace. */
export function webhookUnderTest(decisions: Counter<'webhook' | 'decision'>) {
  const contexts = new Map(
    Object.keys(namespaces).map((namespace) => [
      namespace,
      contextOf(
        [
          ...objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } })),
          workload('apps', 'Deployment', namespace),
        ],
        { namespace, complete: ['Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler'] },
      ),
    ]),
  );
  const enforce = new Map<string, string>(Object.entries(namespaces));
  return warningsWebhook({
    view: {
      synced: () => true,
      contextOf: (namespace) => contexts.get(namespace) ?? {},
      deployment: (namespace) => workload('apps', 'Deployment', namespace) as unknown as Deployment,
      namespaceLabels: (namespace) => ({ 'graceful-rollout.io/enforce': enforce.get(namespace) ?? 'off' }),
    },
    defaults: {
      warn: { level: 'strict', version: 'latest' },
      audit: { level: 'baseline', version: 'v1' },
    },
    exemptUsers: [],
    nowMs: () => Date.UTC(2026, 0, 1),
    decisions,
    log: silentLogger,
  });
}
