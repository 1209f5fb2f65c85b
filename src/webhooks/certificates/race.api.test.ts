import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Client, createClient, loadKubeConfig, namespaces, type Secret, secrets } from '../../kube/index.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLogger } from '../../runtime/logger.ts';
import { runCertificates } from './run.ts';

const namespace = `certificates-${process.pid}`;
const { signal } = new AbortController();
let client: Client;

beforeAll(async () => {
  const connection = await loadKubeConfig({ path: inject('kubeconfig') }, signal);
  client = createClient({ connection, userAgent: 'certificates-test', fieldManager: 'certificates-test' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { signal });
});
afterAll(async () => {
  await client.delete(namespaces, { name: namespace }, { signal });
  await client.close();
});

it('four replicas that start at once on one Secret end in one certificate, ten times over', async () => {
  for (let round = 0; round < 10; round++) {
    const name = `webhook-tls-${round}`;
    const empty: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque' };
    await client.create(secrets, empty, { signal });
    const registries = Array.from({ length: 4 }, () => new Registry());
    const replicas = registries.map((registry) =>
      runCertificates({
        client,
        namespace,
        secretName: name,
        serviceName: 'webhook',
        webhookConfigurations: [],
        clock: systemClock,
        log: silentLogger,
        registry,
      }),
    );
    const controller = new AbortController();
    const done = replicas.map((replica) => replica.run(controller.signal));
    for (let waitedMs = 0; !replicas.every((replica) => replica.ready()); waitedMs += 20) {
      expect(waitedMs, 'every replica is ready within 20 s').toBeLessThan(20_000);
      await systemClock.sleep(20, signal);
    }
    controller.abort();
    await Promise.all(done);

    const stored = await client.get(secrets, { namespace, name }, { signal });
    const leaf = Buffer.from(stored.data?.['tls.crt'] ?? '', 'base64').toString();
    expect(new Set(replicas.map((replica) => replica.current()?.cert))).toEqual(new Set([leaf]));
    let writes = 0;
    for (const registry of registries) {
      const metric = await registry.getSingleMetric('graceful_rollout_certificate_writes_total')?.get();
      for (const { value } of metric?.values ?? []) writes += value;
    }
    expect(writes).toBe(1);
  }
});
