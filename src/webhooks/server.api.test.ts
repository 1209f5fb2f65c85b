import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Client,
  type ConfigMap,
  configMaps,
  createClient,
  loadKubeConfig,
  mutatingWebhookConfigurations,
  namespaces,
  type Secret,
  secrets,
  type WebhookConfiguration,
} from '../kube/index.ts';
import { systemClock } from '../runtime/clock.ts';
import { silentLogger } from '../runtime/logger.ts';
import { type AdmissionRequest, allow, allowAs, deny } from './admissionReview.ts';
import { type CertificatePolicy, type Certificates, DEFAULT_POLICY, runCertificates } from './certificates/index.ts';
import { createWebhookServer, type WebhookServer } from './server.ts';

const { signal } = new AbortController();
const namespace = `webhook-${process.pid}`;
let client: Client;

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  client = createClient({ connection, userAgent: 'webhook-test', fieldManager: 'webhook-test' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
});
afterAll(async () => {
  await client.delete(namespaces, { name: namespace }, { signal });
  await client.close();
});

/** A server of ours that the real API server calls by URL for ConfigMaps of the test's namespace. */
interface Rig {
  readonly server: WebhookServer;
  readonly certificates: Certificates;
  readonly configuration: () => Promise<WebhookConfiguration>;
  readonly stop: () => Promise<void>;
}

/** What the handler does is named by the ConfigMap: `label-1`, `slow-1`, ... */
async function handle(request: AdmissionRequest, { signal }: { readonly signal: AbortSignal }) {
  const [behaviour] = (request.name ?? '').split('-');
  if (behaviour === 'throw') throw new Error('a bug');
  if (behaviour === 'slow') await systemClock.sleep(60_000, signal);
  if (behaviour === 'deny') return deny(request, { code: 404, reason: 'NotFound', message: 'not here' });
  if (behaviour !== 'label') return allow(request);
  const metadata = request.object?.['metadata'] as Record<string, unknown>;
  const labels = { ...(metadata['labels'] as object | undefined), 'example.com/handled-by': 'seen' };
  return allowAs(
    request,
    { ...request.object, metadata: { ...metadata, labels } },
    { warnings: ['labelled\nby us', ''] },
  );
}

async function start(name: string, policy: CertificatePolicy, pollSeconds: number): Promise<Rig> {
  const controller = new AbortController();
  const metadata = { name, namespace };
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque' };
  await client.create(secrets, secret, { signal });
  const certificates = runCertificates({
    client,
    namespace,
    secretName: name,
    serviceName: 'webhook',
    webhookConfigurations: [{ resource: mutatingWebhookConfigurations, name }],
    extraNames: ['127.0.0.1'],
    clock: systemClock,
    log: silentLogger,
    policy,
    pollSeconds,
  });
  const server = createWebhookServer({
    port: 0,
    host: '127.0.0.1',
    handlers: { '/label': handle },
    tls: certificates,
    log: silentLogger,
    registry: new Registry(),
    drainSeconds: 0,
  });
  const done = [server.run(controller.signal)];
  await until(() => server.port() !== undefined);
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'configmaps.graceful-rollout.io',
        clientConfig: { url: `https://127.0.0.1:${server.port()}/label` },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        failurePolicy: 'Fail' as const,
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 2,
      },
    ],
  };
  await client.create<WebhookConfiguration>(mutatingWebhookConfigurations, configuration, { signal });
  done.push(certificates.run(controller.signal));
  await until(() => certificates.ready() && server.ready());
  return {
    server,
    certificates,
    configuration: () => client.get(mutatingWebhookConfigurations, { name }, { signal }),
    async stop() {
      await client.delete(mutatingWebhookConfigurations, { name }, { signal });
      controller.abort();
      await Promise.all(done);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 20) {
    if (waitedMs > 20_000) throw new Error('waited 20 s in vain');
    await systemClock.sleep(20, signal);
  }
}

function create(name: string, warnings: string[] = []): Promise<ConfigMap> {
  const configMap: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
  return client.create(configMaps, configMap, { signal, retry: false, onWarning: ({ text }) => warnings.push(text) });
}

/** The API server reads its webhook configurations by a watch: tries until it calls us. */
async function firstLabelled(prefix: string): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 100; attempt++) {
    const created = await create(`${prefix}-${attempt}`).catch((error: unknown) => {
      last = error;
    });
    if (created?.metadata.labels?.['example.com/handled-by'] === 'seen') return;
    await systemClock.sleep(100, signal);
  }
  throw new Error('the API server did not call the webhook within 10 s', { cause: last });
}

describe('a real API server', () => {
  it('trusts the published CA, takes patches, warnings and denials, and is answered in time', async () => {
    const rig = await start('admission', DEFAULT_POLICY, 10);
    try {
      await firstLabelled('label-first');
      const warnings: string[] = [];
      const created = await create('label-1', warnings);
      expect(created.metadata.labels).toEqual({ 'example.com/handled-by': 'seen' });
      expect(
        created.metadata.managedFields?.some(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('f:labels')),
      ).not.toBe(true);
      expect(warnings).toEqual(['labelled by us']);
      await expect(create('deny-1')).rejects.toMatchObject({ code: 404, reason: 'NotFound' });

      // The webhook's failurePolicy is Fail: these are admitted because we answered, not because we did not.
      const unchecked = [`graceful-rollout could not look at configmaps ${namespace}/throw-1: admitted unchanged`];
      const ofThrow: string[] = [];
      await create('throw-1', ofThrow);
      expect(ofThrow).toEqual(unchecked);
      const ofSlow: string[] = [];
      await create('slow-1', ofSlow);
      expect(ofSlow).toEqual([unchecked[0]?.replace('throw', 'slow')]);

      const [webhook] = (await rig.configuration()).webhooks ?? [];
      expect(webhook).toMatchObject({
        failurePolicy: 'Fail',
        clientConfig: { url: `https://127.0.0.1:${rig.server.port()}/label` },
      });
    } finally {
      await rig.stop();
    }
  });

  it('loses no call while leaves and a CA are renewed', async () => {
    const policy: CertificatePolicy = {
      authorityLifetimeMs: 20_000,
      authorityRenewBeforeMs: 14_000,
      leafLifetimeMs: 8000,
      leafRenewAfterFraction: 1 / 2,
      backdateMs: 3_600_000,
      overlapMs: 2000,
      settleMs: 1000,
    };
    const rig = await start('rotation', policy, 0.2);
    try {
      await firstLabelled('label-start');
      const served = new Set<string | undefined>();
      const bundles = new Set<string | undefined>();
      const endMs = performance.now() + 18_000;
      let calls = 0;
      for (; performance.now() < endMs; calls++) {
        const created = await create(`label-rotation-${calls}`);
        expect(created.metadata.labels).toEqual({ 'example.com/handled-by': 'seen' });
        served.add(rig.certificates.current()?.cert);
        if (calls % 20 === 0) bundles.add((await rig.configuration()).webhooks?.[0]?.clientConfig.caBundle);
        await systemClock.sleep(20, signal);
      }
      expect(calls).toBeGreaterThan(200);
      expect(served.size).toBeGreaterThanOrEqual(3);
      expect(bundles.size).toBeGreaterThanOrEqual(2);
    } finally {
      await rig.stop();
    }
  });
});
