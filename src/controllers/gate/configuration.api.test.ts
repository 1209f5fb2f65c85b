import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Claim, claimOf } from '../../api/claim.ts';
import { API_VERSION, KIND } from '../../api/index.ts';
import type { LabelSelector } from '../../api/kubernetes.ts';
import {
  type Client,
  createClient,
  loadKubeConfig,
  mutatingWebhookConfigurations,
  namespaces,
  type Secret,
  secrets,
  validatingWebhookConfigurations,
  type WebhookConfiguration,
} from '../../kube/index.ts';
import { silentLogger, systemClock } from '../../runtime/index.ts';
import { runCertificates } from '../../webhooks/certificates/index.ts';
import { gateScope } from './scope.ts';
import { createStateKey, GATE_KEY } from './stateKey.ts';

/*
 * What several parts keep in two objects at once: the certificate and the key of the gate in one Secret, the CA and the
 * namespaces in one webhook configuration, on a real API server with its rules for merging and for conflicts.
 */

const { signal } = new AbortController();
const namespace = `gate-configuration-${process.pid}`;
let client: Client;

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  client = createClient({ connection, userAgent: 'gate-test', fieldManager: 'gate-test' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
});
afterAll(async () => {
  await client.delete(namespaces, { name: namespace }, { signal });
  await client.close();
});

async function emptySecret(name: string): Promise<void> {
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque' };
  await client.create(secrets, secret, { signal });
}

/** Entries for a resource that does not exist, so that nobody else's requests are asked about. */
const configuration = (kind: string, ...entries: string[]) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  metadata: { name: namespace },
  webhooks: entries.map((name) => ({
    name,
    clientConfig: { url: 'https://127.0.0.1:1/nothing' },
    rules: [{ apiGroups: ['example.invalid'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] }],
    failurePolicy: 'Ignore' as const,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  })),
});

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waitedMs = 0; !(await holds()); waitedMs += 20) {
    if (waitedMs > 20_000) throw new Error(`not within 20 s: ${what}`);
    await systemClock.sleep(20, signal);
  }
}

test('four replicas that start at once on one Secret end in one certificate and one key, ten times over', async () => {
  for (let round = 0; round < 10; round++) {
    const name = `tls-${round}`;
    await emptySecret(name);
    const options = { client, namespace, secretName: name, clock: systemClock, log: silentLogger };
    const stop = new AbortController();
    const replicas = Array.from({ length: 4 }, () => ({
      certificates: runCertificates({ ...options, serviceName: 'webhook', webhookConfigurations: [] }),
      key: createStateKey(options),
    }));
    const done = replicas.flatMap(({ certificates, key }) => [certificates.run(stop.signal), key.run(stop.signal)]);
    const keys = await Promise.all(replicas.map(({ key }) => key.get(signal)));
    await until(() => replicas.every(({ certificates }) => certificates.ready()), 'every replica is ready');
    stop.abort();
    await Promise.all(done);
    const { data = {} } = await client.get(secrets, { namespace, name }, { signal });
    expect(new Set(keys.map((key) => key.toString('base64')))).toEqual(new Set([data[GATE_KEY]]));
    const leaf = Buffer.from(data['tls.crt'] ?? '', 'base64').toString();
    expect(new Set(replicas.map(({ certificates }) => certificates.current()?.cert))).toEqual(new Set([leaf]));
  }
});

test('the CA goes into every entry of both kinds while the namespaces of one are kept, and neither takes the other away', async () => {
  await emptySecret('both');
  const mutating = configuration('MutatingWebhookConfiguration', 'deployments.example.invalid');
  const gateEntries = ['a.example.invalid', 'b.example.invalid', 'c.example.invalid'];
  const gate = configuration('ValidatingWebhookConfiguration', ...gateEntries);
  await client.create<WebhookConfiguration>(mutatingWebhookConfigurations, mutating, { signal });
  await client.create<WebhookConfiguration>(validatingWebhookConfigurations, gate, { signal });
  const ref = { name: namespace };
  const stop = new AbortController();
  const claims: Claim[] = [];
  const handlers = new Set<() => void>();
  const certificates = runCertificates({
    client,
    namespace,
    secretName: 'both',
    serviceName: 'webhook',
    webhookConfigurations: [
      { resource: mutatingWebhookConfigurations, ...ref },
      { resource: validatingWebhookConfigurations, ...ref },
    ],
    clock: systemClock,
    log: silentLogger,
    pollSeconds: 0.05,
  });
  const scope = gateScope({
    client,
    configuration: namespace,
    claims: {
      store: { list: () => claims } as never,
      onChange(handler) {
        const call = (): void => handler('key', {});
        handlers.add(call);
        return () => handlers.delete(call);
      },
    },
    excludedNamespaces: [],
    clock: systemClock,
    log: silentLogger,
  });
  const done = [certificates.run(stop.signal), scope.run(stop.signal)];
  for (const name of ['one', 'two', 'three']) {
    claims.push(
      claimOf({
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name: 'web', namespace: name, creationTimestamp: '2026-11-22T12:00:00Z' },
        spec: { targetRef: { name: 'web' } },
      }),
    );
    for (const handler of handlers) handler();
    await scope.ensure(name, AbortSignal.timeout(20_000));
    // Somebody's upgrade in between.
    const body = { webhooks: [{ name: gateEntries[0], namespaceSelector: { matchLabels: { team: name } } }] };
    await client.patch(validatingWebhookConfigurations, ref, { type: 'strategic', body }, { signal });
  }
  claims.push({ ...claims[0], metadata: { ...claims[0]?.metadata, namespace: 'four' } } as Claim);
  for (const handler of handlers) handler();
  await scope.ensure('four', AbortSignal.timeout(20_000));
  await until(() => certificates.ready(), 'the CA is published');
  const after = await client.get(validatingWebhookConfigurations, ref, { signal });
  const { webhooks: [deployments] = [] } = await client.get(mutatingWebhookConfigurations, ref, { signal });
  const namespaceSelector: LabelSelector = {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['four', 'one', 'three', 'two'] }],
  };
  const caBundle = deployments?.clientConfig.caBundle;
  expect(Buffer.from(caBundle ?? '', 'base64').toString()).toContain('BEGIN CERTIFICATE');
  expect(after.webhooks).toMatchObject(
    gate.webhooks.map((entry) => ({ ...entry, namespaceSelector, clientConfig: { ...entry.clientConfig, caBundle } })),
  );
  expect(after.webhooks?.map(({ namespaceSelector: found }) => found)).toEqual(
    gateEntries.map(() => namespaceSelector),
  );
  expect(deployments?.namespaceSelector).toEqual({});
  const managers = after.metadata.managedFields?.map(({ manager }) => manager);
  expect(managers).toContain('graceful-rollout-gate');
  stop.abort();
  await Promise.all(done);
  await client.delete(mutatingWebhookConfigurations, ref, { signal });
  await client.delete(validatingWebhookConfigurations, ref, { signal });
});
