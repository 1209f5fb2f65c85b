import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import type { Deployment, KubeObject } from '../../src/api/kubernetes.ts';
import { fixManifests } from '../../src/cli/fixManifests.ts';
import {
  ApiError,
  type Client,
  createClient,
  defineResource,
  deployments,
  loadKubeConfig,
  namespaces,
  pods,
  type Resource,
  replicaSets,
} from '../../src/kube/index.ts';
import { CONTEXT_KINDS, contextOf, judge, RULES, workloadOf } from '../../src/safety/index.ts';
import { applyEdits } from '../../src/safety/testing/edits.ts';
import { app, budget, deployment, type Manifest, service, withApp } from '../../src/safety/testing/manifests.ts';
import { until } from './harness.ts';
import { kubectl } from './kubectl.ts';
import { rolloutDefinition } from './warningsHarness.ts';

/*
 * What `lint --fix` makes of the example of each rule that has a fix, of some edges, and of generated workloads of every kind
 * is taken by the API server.
 */

const { signal } = new AbortController();
const namespace = `fixed-${process.pid}`;
let client: Client;

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  client = createClient({ connection, userAgent: 'fixes-test', fieldManager: 'fixes-test', onWarning: () => {} });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
  await byKubectl(['apply', '-f', '-'], JSON.stringify(rolloutDefinition));
  await until('Rollouts are served', async () => {
    const { code } = await byKubectl(['get', 'rollouts.argoproj.io', '-n', namespace], '', true);
    return code === 0 ? true : undefined;
  });
});

afterAll(async () => {
  await byKubectl(['delete', '-f', '-'], JSON.stringify(rolloutDefinition), true);
  await client?.delete(namespaces, { name: namespace }, { signal });
  await client?.close();
});

const probe = { tcpSocket: { port: 8080 } };
const served = service({ ports: [{ port: 80, targetPort: 8080 }] });
const sleeping = (command: string[]) => ({ lifecycle: { preStop: { exec: { command } } } });
const edges: readonly (readonly [string, readonly Manifest[]])[] = [
  ['a short grace period', [withApp({ lifecycle: undefined }, { terminationGracePeriodSeconds: 3 }), served]],
  ['a sleep without a shell', [withApp({ image: 'gcr.io/distroless/base', ...sleeping(['sleep', '60']) }), served]],
  [
    'a grace period of 0',
    [withApp({ image: 'nginx', lifecycle: undefined }, { terminationGracePeriodSeconds: 0 }), served],
  ],
  [
    'a probe that kills at once',
    [withApp({ livenessProbe: { httpGet: { port: 8080 }, terminationGracePeriodSeconds: 1 } }), served],
  ],
  [
    '100 % unavailable',
    [deployment({ replicas: 1, strategy: { rollingUpdate: { maxUnavailable: '100%', maxSurge: '0%' } } }), served],
  ],
  [
    'a short deadline',
    [
      deployment(
        { progressDeadlineSeconds: 10 },
        { containers: [app({ readinessProbe: probe, startupProbe: probe })] },
      ),
      served,
    ],
  ],
  [
    'fractions of a second',
    [withApp({ ...sleeping(['sh', '-c', 'sleep 40.5']), args: ['--graceful-timeout', '12.5'] }), served],
  ],
];
const examples = RULES.filter(({ hasFix }) => hasFix).map(
  ({ code, example }) => [code, parseAllDocuments(example).map((document) => document.toJS() as Manifest)] as const,
);

test.each([...examples, ...edges])('%s', async (name, [target, ...others]) => {
  const { uid: _, ...metadata } = (target as unknown as KubeObject).metadata;
  const code = RULES.find((rule) => rule.code === name)?.code;
  const context = (object: unknown) => contextOf([object, ...others.map(here)], { namespace, complete: CONTEXT_KINDS });
  let object: unknown = { ...target, metadata: { ...metadata, namespace } };
  const found: string[][] = [];
  for (let round = 0; round < 2; round += 1) {
    const workload = workloadOf(object);
    if (workload === undefined) throw new Error('the example is no workload');
    const findings = judge(workload, context(object), { level: 'strict', nowMs: Date.UTC(2026, 0, 1) });
    found.push(findings.filter(({ fix }) => fix !== undefined).map((finding) => finding.code));
    object = applyEdits(
      object,
      findings.flatMap(({ fix = [] }) => fix),
    );
  }
  if (code !== undefined) expect(found[0]).toContain(code);
  expect(found[0]).not.toEqual([]);
  expect(found[1]).toEqual([]);
  const { kind } = object as KubeObject;
  expect(kind).toBe('Deployment');
  expect(await refusal(deployments, object as Deployment)).toBeUndefined();
});

const apps = { group: 'apps', version: 'v1', namespaced: true } as const;
const batch = { group: 'batch', version: 'v1', namespaced: true } as const;
const core = { group: '', version: 'v1', namespaced: true } as const;
const argo = { group: 'argoproj.io', version: 'v1alpha1', namespaced: true } as const;
const resources: Readonly<Record<string, Resource>> = {
  Deployment: deployments,
  StatefulSet: defineResource({ ...apps, plural: 'statefulsets', kind: 'StatefulSet' }),
  DaemonSet: defineResource({ ...apps, plural: 'daemonsets', kind: 'DaemonSet' }),
  ReplicaSet: replicaSets,
  ReplicationController: defineResource({ ...core, plural: 'replicationcontrollers', kind: 'ReplicationController' }),
  Rollout: defineResource({ ...argo, plural: 'rollouts', kind: 'Rollout' }),
  Job: defineResource({ ...batch, plural: 'jobs', kind: 'Job' }),
  CronJob: defineResource({ ...batch, plural: 'cronjobs', kind: 'CronJob' }),
  Pod: pods,
};

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyProbe = fc
  .record({
    initialDelaySeconds: maybe(fc.nat(60)),
    periodSeconds: maybe(fc.integer({ min: 1, max: 30 })),
    failureThreshold: maybe(fc.integer({ min: 1, max: 60 })),
    asks: fc.constantFrom(
      { httpGet: { path: '/ready', port: 'http' } },
      { httpGet: { path: '/live', port: 8080 } },
      { tcpSocket: { port: 8080 } },
    ),
  })
  .map(({ asks, ...numbers }) => ({ ...asks, ...numbers }));
const anyPreStop = fc.oneof(
  fc.nat(40).map((seconds) => ({ sleep: { seconds } })),
  fc.nat(90).map((seconds) => ({ exec: { command: ['sh', '-c', `sleep ${seconds}`] } })),
);
const anyContainer = fc
  .record({
    image: fc.constantFrom('example.com/web:1.2.3', 'nginx:1.29', 'gcr.io/distroless/static', 'php:8.4-fpm'),
    preStop: maybe(anyPreStop),
    readinessProbe: maybe(anyProbe),
    livenessProbe: maybe(anyProbe),
    startupProbe: maybe(anyProbe),
    args: maybe(fc.nat(120).map((seconds) => ['--graceful-timeout', `${seconds}`])),
  })
  .map(({ preStop, ...members }) => app({ ...members, lifecycle: preStop === undefined ? undefined : { preStop } }));
const anyPod = fc.record({
  containers: fc
    .tuple(anyContainer, fc.boolean())
    .map(([container, beside]) => [
      container,
      ...(beside ? [{ name: 'proxy', image: 'gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.2' }] : []),
    ]),
  terminationGracePeriodSeconds: maybe(fc.nat(120)),
});
const share = fc.constantFrom(0, 1, 2, 5, '10%', '50%', '100%');
const ofDeployment = fc.record({
  replicas: maybe(fc.nat(5)),
  progressDeadlineSeconds: maybe(fc.integer({ min: 1, max: 900 })),
  minReadySeconds: maybe(fc.nat(30)),
  strategy: maybe(
    fc.oneof(
      fc.constant({ type: 'Recreate' }),
      fc.record({ rollingUpdate: fc.record({ maxSurge: maybe(share), maxUnavailable: maybe(share) }) }),
    ),
  ),
});
const ofOthers = fc.record({ replicas: maybe(fc.nat(5)) });
const labels = { app: 'web' };
const anyWorkload = fc
  .constantFrom('Deployment', ...Object.keys(resources))
  .chain((kind) =>
    fc.tuple(kind === 'Deployment' ? ofDeployment : ofOthers, anyPod).map(([spec, pod]) => written(kind, spec, pod)),
  );

/** The same pods as another kind's, with the members that it asks for. */
function written(kind: string, { replicas, ...spec }: Manifest, pod: Manifest): Manifest {
  const { group = '', version = 'v1' } = resources[kind] ?? {};
  const template = { metadata: { labels }, spec: pod };
  const once = { template: { metadata: { labels }, spec: { ...pod, restartPolicy: 'Never' } } };
  const selector = { matchLabels: labels };
  const specs: Readonly<Record<string, Manifest>> = {
    DaemonSet: { selector, template },
    ReplicationController: { replicas, selector: labels, template },
    Job: once,
    CronJob: { schedule: '0 0 * * *', jobTemplate: { spec: once } },
    Pod: pod,
  };
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name: 'web', namespace, labels },
    spec: specs[kind] ?? { replicas, selector, template, ...spec },
  };
}

test('what --fix writes is accepted wherever the original is: some hundred workloads of every kind', async () => {
  const options = { level: 'strict', nowMs: Date.UTC(2026, 0, 1), complete: CONTEXT_KINDS } as const;
  const fixedOf: Record<string, number> = {};
  for (const target of fc.sample(anyWorkload, { numRuns: 700, seed: 5 })) {
    const objects = [target, here(served), here(budget())];
    const text = objects.map((object) => stringify(object, { keepUndefined: false })).join('---\n');
    const [original] = objectsIn(text);
    if (original === undefined) throw new Error(`nothing is in ${text}`);
    if ((await refusalAsItsKind(original)) !== undefined) continue;
    const { sources, written } = fixManifests([{ file: 'f.yaml', text }], options);
    if (written === 0) continue;
    const [fixed] = objectsIn(sources[0]?.text ?? '');
    if (fixed === undefined) throw new Error(`nothing is left of ${text}`);
    expect({ text, refusal: await refusalAsItsKind(fixed) }).toEqual({ text, refusal: undefined });
    fixedOf[original.kind ?? ''] = (fixedOf[original.kind ?? ''] ?? 0) + 1;
  }
  for (const kind of Object.keys(resources)) expect(fixedOf[kind], kind).toBeGreaterThan(5);
}, 600_000);

function objectsIn(text: string): KubeObject[] {
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** The schema of the Rollouts here takes anything, so their pods are sent as a Deployment's as well. */
async function refusalAsItsKind(object: KubeObject): Promise<string | undefined> {
  const resource = resources[object.kind ?? ''];
  if (resource === undefined) throw new Error(`no resource for ${object.kind}`);
  const own = await refusal(resource, object);
  if (own !== undefined || object.kind !== 'Rollout') return own;
  return refusal(deployments, { ...object, apiVersion: 'apps/v1', kind: 'Deployment' });
}

/** What the API server says against the object; undefined: it takes it. */
async function refusal(resource: Resource, object: KubeObject): Promise<string | undefined> {
  try {
    await client.create(resource, object, { signal, dryRun: true });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error.serverMessage;
    throw error;
  }
}

function here(object: Manifest): object {
  return { ...object, metadata: { ...(object['metadata'] as object), namespace } };
}

async function byKubectl(args: readonly string[], input: string, allowFailure = false) {
  const program = { kubectl: inject('kubectl'), kubeconfig: inject('kubeconfig') };
  const result = await kubectl(program, args, input);
  if (result.code !== 0 && !allowFailure) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
  return result;
}
