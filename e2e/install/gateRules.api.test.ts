import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import type { OwnerReference } from '../../src/api/kubernetes.ts';
import {
  ApiError,
  type Client,
  createClient,
  type DeleteOptions,
  loadKubeConfig,
  namespaces,
  podEviction,
  pods,
  validatingWebhookConfigurations,
  type WebhookConfiguration,
} from '../../src/kube/index.ts';
import { DEFAULT_POLICY } from '../../src/webhooks/certificates/index.ts';
import { issueAuthority, issueLeaf } from '../../src/webhooks/certificates/issue.ts';
import { runCommand } from '../cluster/command.ts';
import { helmProgram } from '../cluster/goTools.ts';
import { chartFolder } from './chart.ts';

/*
 * Which requests reach the gate, by the rules and match conditions that the chart renders, as a real API server evaluates
 * them: the webhook of this test refuses whatever it is asked about and names the path by which it was asked.
 */

const { signal } = new AbortController();
const namespace = `gate-rules-${process.pid}`;
const operator = 'system:serviceaccount:operators:gr-graceful-rollout';
const replicaSetController = 'system:serviceaccount:kube-system:replicaset-controller';
const controllerManager = 'system:kube-controller-manager';
const withoutGrace = { terminationGracePeriodSeconds: 0 };
const withoutNode = { nodeName: '', schedulerName: 'nobody' };
let client: Client;
let server: Server;

beforeAll(async () => {
  client = await clientAs();
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
  const authority = await issueAuthority(Date.now(), DEFAULT_POLICY);
  const { cert, key } = await issueLeaf(authority, ['127.0.0.1'], Date.now(), DEFAULT_POLICY);
  server = createServer({ cert, key }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const review = JSON.parse(body) as { apiVersion: string; kind: string; request: { uid: string } };
      const answer = {
        uid: review.request.uid,
        allowed: false,
        status: { code: 403, message: `asked ${request.url?.split('?')[0]}` },
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const rendered = await render();
  const configuration = {
    ...rendered,
    metadata: { name: namespace },
    webhooks: (rendered.webhooks ?? []).map((webhook) => ({
      ...webhook,
      // An error in a condition, or on the way, is not to pass for a request that nobody was asked about.
      failurePolicy: 'Fail' as const,
      clientConfig: {
        url: `https://127.0.0.1:${port}${webhook.clientConfig.service?.path ?? ''}`,
        caBundle: Buffer.from(authority.cert).toString('base64'),
      },
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In' as const, values: [namespace] }],
      },
    })),
  };
  await client.create(validatingWebhookConfigurations, configuration, { signal });
  await untilInForce();
}, 300_000);

afterAll(async () => {
  await client.delete(validatingWebhookConfigurations, { name: namespace }, { signal });
  await client.delete(namespaces, { name: namespace }, { signal });
  await client.close();
  server.close();
});

async function render(): Promise<WebhookConfiguration> {
  const helm = await helmProgram(3);
  const args = ['template', 'gr', chartFolder, '--namespace=operators', '--kube-version=1.37.0'];
  const { stdout } = await runCommand([helm, ...args, '--show-only=templates/gate.yaml'], { check: true });
  const document = stdout.split('\n---\n').find((text) => text.includes('kind: ValidatingWebhookConfiguration'));
  return parse(document ?? '') as WebhookConfiguration;
}

/** A client for a user who may do everything. */
async function clientAs(user?: string): Promise<Client> {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  return createClient({
    connection,
    userAgent: 'gate-rules-test',
    fieldManager: 'gate-rules-test',
    ...(user === undefined ? {} : { impersonate: { user, groups: ['system:masters'] } }),
  });
}

const owner = (kind: string, apiVersion = 'apps/v1', controller = true): OwnerReference => ({
  apiVersion,
  kind,
  name: 'web',
  uid: '8f6f0b1c-0000-4000-8000-000000000000',
  controller,
});

let created = 0;
async function freshPod(owners: readonly OwnerReference[], podSpec: object = {}): Promise<string> {
  created += 1;
  const name = `pod-${created}`;
  const metadata = { name, namespace, ownerReferences: owners };
  // A pod that has no node yet is deleted with a grace period of 0, and so is not the gate's business.
  const spec = { nodeName: 'nowhere', containers: [{ name: 'app', image: 'registry.invalid/app:1' }], ...podSpec };
  await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }, { signal });
  return name;
}

/** The path by which the gate was asked, or `not asked` where the request went through. */
async function askedBy(request: () => Promise<unknown>): Promise<string> {
  try {
    await request();
    return 'not asked';
  } catch (error) {
    const path = error instanceof ApiError ? /asked (\S+)/.exec(error.message)?.[1] : undefined;
    if (path === undefined) throw error;
    return path;
  }
}

type Given = { readonly owners?: readonly OwnerReference[]; readonly podSpec?: object } & Omit<DeleteOptions, 'signal'>;

async function deletedBy(user: string, given: Given = {}): Promise<string> {
  const { owners = [owner('ReplicaSet')], podSpec, ...options } = given;
  const name = await freshPod(owners, podSpec);
  const as = await clientAs(user);
  try {
    return await askedBy(() => as.delete(pods, { namespace, name }, { signal, retry: false, ...options }));
  } finally {
    await as.close();
  }
}

async function evictedBy(user: string, options: { readonly body?: object; readonly dryRun?: boolean } = {}) {
  const name = await freshPod([owner('ReplicaSet')]);
  const as = await clientAs(user);
  const { body, ...query } = options;
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    ...(body === undefined ? {} : { deleteOptions: { apiVersion: 'v1', kind: 'DeleteOptions', ...body } }),
  };
  try {
    return await askedBy(() => as.create(podEviction, eviction, { signal, retry: false, ...query }));
  } finally {
    await as.close();
  }
}

/** The API server reads a new configuration some time after it was stored. */
async function untilInForce(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await deletedBy('jane')) === '/gate-deletes') return;
  }
  throw new Error('the webhooks are not called');
}

it.each<[string, string, string]>([
  ['the ReplicaSet controller', replicaSetController, '/gate-replicasets'],
  ['a controller manager that is one user', controllerManager, '/gate-replicasets'],
  ['a person', 'jane', '/gate-deletes'],
  ['an administrator', 'kubernetes-admin', '/gate-deletes'],
  ["somebody's controller", 'system:serviceaccount:shop:replicaset-controller', '/gate-deletes'],
  ['an unknown part of the control plane', 'system:serviceaccount:kube-system:descheduler', '/gate-deletes'],
  ['the operator', operator, 'not asked'],
  ['a kubelet', 'system:node:one', 'not asked'],
  ['the scheduler (preemption)', 'system:kube-scheduler', 'not asked'],
  ...[
    'generic-garbage-collector',
    'namespace-controller',
    'pod-garbage-collector',
    'node-controller',
    'taint-eviction-controller',
    'device-taint-eviction-controller',
    'job-controller',
    'daemon-set-controller',
  ].map((name): [string, string, string] => [name, `system:serviceaccount:kube-system:${name}`, 'not asked']),
])('a delete by %s', async (_, user, path) => {
  expect(await deletedBy(user)).toBe(path);
});

it.each<[string, Given, string]>([
  ['a pod that was handed over', { owners: [owner('Deployment')] }, '/gate-deletes'],
  ['a pod without an owner', { owners: [] }, 'not asked'],
  ['a pod of a Job', { owners: [owner('Job', 'batch/v1')] }, 'not asked'],
  ['a pod of a DaemonSet', { owners: [owner('DaemonSet')] }, 'not asked'],
  ['a pod of another ReplicaSet', { owners: [owner('ReplicaSet', 'example.com/v1')] }, 'not asked'],
  [
    'a pod that a ReplicaSet owns but does not control',
    { owners: [owner('ReplicaSet', 'apps/v1', false)] },
    'not asked',
  ],
  ['a shorter grace period', { gracePeriodSeconds: 1 }, '/gate-deletes'],
  ['by force', { gracePeriodSeconds: 0 }, 'not asked'],
  ['a dry run', { dryRun: true }, 'not asked'],
])('a delete of %s', async (_, given, path) => {
  expect(await deletedBy('jane', given)).toBe(path);
});

it.each<[string, string, Given, string]>([
  ['a ReplicaSet, of a pod without grace', replicaSetController, { podSpec: withoutGrace }, '/gate-replicasets'],
  ['a person, of a pod without grace: as good as by force', 'jane', { podSpec: withoutGrace }, 'not asked'],
  ['a ReplicaSet, of a pod without a node', replicaSetController, { podSpec: withoutNode }, 'not asked'],
  ['the pod garbage collection of one controller user', controllerManager, { gracePeriodSeconds: 0 }, 'not asked'],
])('a delete by %s', async (_, user, given, path) => {
  expect(await deletedBy(user, given)).toBe(path);
});

it('a collection is asked about pod by pod, and a pod that is terminating not again', async () => {
  const name = await freshPod([owner('ReplicaSet')]);
  const all = { method: 'DELETE', path: `/api/v1/namespaces/${namespace}/pods`, signal, retry: false } as const;
  const asJane = await clientAs('jane');
  expect(await askedBy(() => asJane.raw(all))).toBe('/gate-deletes');
  await asJane.close();
  const finalizers = { metadata: { finalizers: ['example.com/hold'] } };
  await client.patch(pods, { namespace, name }, { type: 'merge', body: finalizers }, { signal });
  const asOperator = await clientAs(operator);
  await asOperator.delete(pods, { namespace, name }, { signal });
  await asOperator.close();
  const again = await clientAs('jane');
  expect(await askedBy(() => again.delete(pods, { namespace, name }, { signal }))).toBe('not asked');
  await again.close();
  await client.patch(
    pods,
    { namespace, name },
    { type: 'merge', body: { metadata: { finalizers: null } } },
    { signal },
  );
});

it.each<[string, string, { readonly body?: object; readonly dryRun?: boolean }, string]>([
  ['a person', 'jane', {}, '/gate-evictions'],
  ['a person with a grace period', 'jane', { body: { gracePeriodSeconds: 5 } }, '/gate-evictions'],
  ['an autoscaler', 'system:serviceaccount:kube-system:cluster-autoscaler', {}, '/gate-evictions'],
  ['a person who tries it in the query', 'jane', { dryRun: true }, 'not asked'],
  ['a person who tries it in the body', 'jane', { body: { dryRun: ['All'] } }, 'not asked'],
  ['the operator', operator, { body: { dryRun: ['All'] } }, 'not asked'],
])('an eviction by %s', async (_, user, options, path) => {
  expect(await evictedBy(user, options)).toBe(path);
});
