import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../api/kubernetes.ts';
import { ApiError, type ObjectRef, type Page, type PageOptions, type Resource } from '../kube/index.ts';
import { readCluster } from './auditRead.ts';
import { auditObjects, formatAudit } from './auditReport.ts';

const signal = new AbortController().signal;
const nowMs = Date.UTC(2026, 0, 1);

/** A cluster that answers lists, two objects to a page. */
function cluster(objects: readonly KubeObject[], refuse: Readonly<Record<string, number>> = {}) {
  const asked: { readonly plural: string; readonly namespace: string | undefined }[] = [];
  const listPage = <T extends KubeObject>(resource: Resource<T>, options: PageOptions): Promise<Page<T>> => {
    asked.push({ plural: resource.plural, namespace: options.namespace });
    const code = refuse[resource.plural];
    if (code !== undefined) {
      const site = { method: 'GET', path: `/${resource.plural}` };
      return Promise.reject(new ApiError(site, code, { message: code === 403 ? 'forbidden to you' : 'not found' }));
    }
    const all = objects.filter(({ kind, metadata }) => {
      return kind === resource.kind && (options.namespace === undefined || metadata.namespace === options.namespace);
    }) as T[];
    const from = Number(options.continue ?? 0);
    const items = all.slice(from, from + 2);
    return Promise.resolve({
      items,
      resourceVersion: '1',
      ...(from + 2 < all.length ? { continue: String(from + 2) } : {}),
    });
  };
  const find = async <T extends KubeObject>(resource: Resource<T>, { name }: ObjectRef): Promise<T | undefined> => {
    const all = await listPage(resource, { signal });
    return all.items.find(({ metadata }) => metadata.name === name);
  };
  return { find, listPage, asked };
}

function workload(kind: string, namespace: string, name: string, podSpec: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace, ...metadata },
    ...{
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: podSpec },
      },
    },
  };
}

const probe = { httpGet: { path: '/ready', port: 80 } };
const bare = { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 80 }] }] };
const good = {
  terminationGracePeriodSeconds: 60,
  containers: [
    {
      name: 'app',
      image: 'app:1',
      ports: [{ containerPort: 80 }],
      readinessProbe: probe,
      lifecycle: { preStop: { sleep: { seconds: 10 } } },
    },
  ],
};
const sleeping = (seconds: number) => ({ lifecycle: { preStop: { sleep: { seconds } } } });
const service = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  ...{ spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 80 }] } },
});
const owned = {
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true }],
};

const objects = [
  workload('Deployment', 'shop', 'web', bare),
  workload('Deployment', 'shop', 'api', bare),
  workload('Deployment', 'shop', 'fine', good),
  workload('ReplicaSet', 'shop', 'web-1', bare, owned),
  workload('StatefulSet', 'data', 'db', good),
  service('shop', 'web'),
  service('shop', 'api'),
  service('shop', 'fine'),
  service('data', 'db'),
];

test('a table by namespace, the worst first, with what to do next', async () => {
  const read = await readCluster(cluster(objects), undefined, signal);
  expect(read.objects).toHaveLength(objects.length);
  expect(read.notices).toEqual([]);
  const audits = auditObjects(read, { level: 'baseline', nowMs });
  expect(audits.map(({ namespace, workloads }) => [namespace, workloads])).toEqual([
    ['shop', 3],
    ['data', 1],
  ]);
  expect(audits[0]?.findings.filter(({ code }) => code === 'GR101').map(({ object }) => object.name)).toEqual([
    'web',
    'api',
  ]);
  const lines = formatAudit(audits, false).split('\n');
  expect(lines[0]).toMatch(/^NAMESPACE  WORKLOADS  ERRORS  WARNINGS  REMARKS  MOST FREQUENT$/);
  expect(lines[1]).toMatch(/^shop +3 +2 .*GR101 x2/);
  expect(lines[2]).toMatch(/^data +1 +0 /);
  expect(lines.join('\n')).toContain('4 workloads in 2 namespaces: ');
  expect(formatAudit(audits, true)).toContain('error GR101 shop/web: container app serves without a readinessProbe');
});

test('an owned ReplicaSet is no workload and keeps its grace period alone', async () => {
  const read = await readCluster(cluster(objects), undefined, signal);
  expect(read.objects.find(({ metadata }) => metadata.name === 'web-1')).toEqual({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web-1', namespace: 'shop', ...owned },
    spec: { template: { spec: {} } },
  });
});

describe('kinds that admission does not judge', () => {
  const forever = { terminationGracePeriodSeconds: 5, containers: [{ name: 'app', image: 'app:1', ...sleeping(60) }] };
  const job = (name: string, change: object = {}): KubeObject => ({
    ...workload('Job', 'batch', name, forever),
    apiVersion: 'batch/v1',
    ...change,
  });
  const ended = (type: string, status: string) => ({
    status: { conditions: [{ type: 'Suspended' }, { type, status }] },
  });
  const found = async (all: readonly KubeObject[]) => {
    const [audit] = auditObjects(await readCluster(cluster(all), undefined, signal), { level: 'baseline', nowMs });
    return [audit?.workloads, audit?.findings.map(({ code, object }) => `${code} ${object.kind} ${object.name}`)];
  };

  test('Jobs, CronJobs and ReplicationControllers are judged as lint judges them', async () => {
    const cronJob: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly', namespace: 'batch' },
      ...{ spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template: { spec: forever } } } } },
    };
    const controller = { ...workload('ReplicationController', 'batch', 'old', forever), apiVersion: 'v1' };
    expect(await found([controller, job('import'), cronJob])).toEqual([
      3,
      ['GR202 ReplicationController old', 'GR202 Job import', 'GR202 CronJob nightly'],
    ]);
  });

  test('a Job that has ended is not judged, nor one that a CronJob made', async () => {
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid: 'c', controller: true };
    const ofCronJob = job('nightly-1', {
      metadata: { name: 'nightly-1', namespace: 'batch', ownerReferences: [owner] },
    });
    const over = [job('done', ended('Complete', 'True')), job('lost', ended('Failed', 'True')), ofCronJob];
    const still = [job('runs', ended('Failed', 'False')), job('odd', { status: 'x' }), job('new', { status: {} })];
    const read = await readCluster(cluster([...over, ...still]), undefined, signal);
    expect(read.objects.map(({ metadata }) => metadata.name)).toEqual(['runs', 'odd', 'new']);
    expect((await found([...over, ...still]))[0]).toBe(3);
  });
});

test('one namespace: nothing else is asked for', async () => {
  const { asked, ...client } = cluster(objects);
  const read = await readCluster(client, 'data', signal);
  expect(auditObjects(read, { level: 'baseline', nowMs }).map(({ namespace }) => namespace)).toEqual(['data']);
  const namespaced = asked.filter(({ plural }) => plural !== 'nodes' && plural !== 'namespaces');
  expect(namespaced.every(({ namespace }) => namespace === 'data')).toBe(true);
});

test('what may not be listed is said and not taken for absent; what is not served is absent', async () => {
  const read = await readCluster(
    cluster(objects, { poddisruptionbudgets: 403, gracefulrollouts: 404, rollouts: 404 }),
    undefined,
    signal,
  );
  expect(read.notices).toEqual([
    'poddisruptionbudgets may not be listed: rules that need them say nothing (forbidden to you)',
  ]);
  expect(read.complete).not.toContain('PodDisruptionBudget');
  expect(read.complete).toContain('GracefulRollout');
});

describe('nodes', () => {
  const node = (name: string, providerID?: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    ...{ spec: providerID === undefined ? {} : { providerID } },
  });
  const apart = workload('Deployment', 'shop', 'apart', {
    ...good,
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'apart' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    },
  });
  const codesAmong = async (nodes: readonly KubeObject[], refuse: Readonly<Record<string, number>> = {}) => {
    const read = await readCluster(cluster([apart, service('shop', 'apart'), ...nodes], refuse), undefined, signal);
    const audits = auditObjects(read, { level: 'baseline', nowMs });
    return { codes: audits.flatMap(({ findings }) => findings.map(({ code }) => code)), notices: read.notices };
  };
  const three = [node('a'), node('b', 'kind://docker/test/b'), node('c', 'k3s://c')];

  test('too few for a surge pod, where no other can come', async () => {
    expect((await codesAmong(three)).codes).toEqual(['GR305']);
    expect((await codesAmong([...three, node('d')])).codes).toEqual([]);
  });

  test('a cloud may add one, and none or unknown ones are not too few', async () => {
    expect((await codesAmong([node('a'), node('b', 'aws:///eu-central-1a/i-0')])).codes).toEqual([]);
    expect(await codesAmong([])).toEqual({ codes: [], notices: [] });
    expect(await codesAmong(three, { nodes: 403 })).toEqual({
      codes: [],
      notices: ['nodes may not be listed: rules that need them say nothing (forbidden to you)'],
    });
    await expect(codesAmong(three, { nodes: 500 })).rejects.toThrow('/nodes');
  });
});

describe('labels of namespaces', () => {
  const namespace = (name: string, gate?: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: {
        'kubernetes.io/metadata.name': name,
        ...(gate === undefined ? {} : { 'elbv2.k8s.aws/pod-readiness-gate-inject': gate }),
      },
    },
  });
  const balancer = (of: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: of,
      annotations: { 'service.beta.kubernetes.io/aws-load-balancer-nlb-target-type': 'ip' },
    },
    ...{ spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 80 }] } },
  });
  const all = ['gated', 'plain'].flatMap((of) => [workload('Deployment', of, 'web', good), balancer(of)]);
  const gateless = async (of: string | undefined, refuse: Readonly<Record<string, number>> = {}) => {
    const client = cluster([...all, namespace('gated', 'enabled'), namespace('plain')], refuse);
    const read = await readCluster(client, of, signal);
    const audits = auditObjects(read, { level: 'strict', nowMs });
    return {
      namespaces: audits.flatMap((audit) =>
        audit.findings.some(({ code }) => code === 'GR407') ? [audit.namespace] : [],
      ),
      audited: audits.length,
      notices: read.notices,
    };
  };

  test('say where a rollout does not wait for the load balancer', async () => {
    expect(await gateless(undefined)).toEqual({ namespaces: ['plain'], audited: 2, notices: [] });
    expect(await gateless('plain')).toEqual({ namespaces: ['plain'], audited: 1, notices: [] });
    expect(await gateless('gated')).toEqual({ namespaces: [], audited: 1, notices: [] });
  });

  test('that may not be read leave the rule silent, and that is said', async () => {
    for (const of of [undefined, 'plain']) {
      const { namespaces, notices } = await gateless(of, { namespaces: 403 });
      expect(namespaces).toEqual([]);
      expect(notices).toEqual(['namespaces may not be listed: rules that need them say nothing (forbidden to you)']);
    }
  });
});

test('any other refusal ends the audit', async () => {
  await expect(readCluster(cluster(objects, { services: 500 }), undefined, signal)).rejects.toThrow('/services');
});

test('an empty cluster', () => {
  const text = formatAudit(auditObjects({ objects: [], complete: [], notices: [] }, { level: 'strict', nowMs }), false);
  expect(text).toContain('0 workloads in 0 namespaces: nothing found.');
});
