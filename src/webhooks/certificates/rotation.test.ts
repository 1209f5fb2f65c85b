import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { createWebhookServer } from '../server.ts';
import { CONFIGURATION, createFakeCluster, NAMESPACE } from './clusterUnderTest.ts';
import type { CertificatePolicy } from './policy.ts';
import { runCertificates } from './run.ts';
import { authorityIds } from './state.ts';

/** Five years in ten seconds: X.509 counts whole seconds, so nothing is shorter than two. */
const policy: CertificatePolicy = {
  authorityLifetimeMs: 14_000,
  authorityRenewBeforeMs: 10_000,
  leafLifetimeMs: 6000,
  leafRenewAfterFraction: 1 / 2,
  backdateMs: 3_600_000,
  overlapMs: 2000,
  settleMs: 1000,
};

interface Seen {
  readonly serials: Set<string>;
  readonly bundles: Set<string>;
  handshakes: number;
}

it('renews leaves and a CA under a client that verifies every handshake, without one failure', {
  timeout: 60_000,
}, async () => {
  const cluster = createFakeCluster();
  const log = createLogger({ level: 'silent' });
  const controller = new AbortController();
  const certificates = runCertificates({
    client: cluster.client,
    namespace: NAMESPACE,
    secretName: 'webhook-tls',
    serviceName: 'webhook',
    webhookConfigurations: [CONFIGURATION],
    clock: systemClock,
    log,
    policy,
    pollSeconds: 0.1,
  });
  const server = createWebhookServer({
    port: 0,
    host: '127.0.0.1',
    handlers: {},
    tls: certificates,
    log,
    registry: new Registry(),
    drainSeconds: 0,
  });
  const running = [certificates.run(controller.signal), server.run(controller.signal)];
  while (!(certificates.ready() && server.ready())) await delay(20);

  const seen: Seen = { serials: new Set(), bundles: new Set(), handshakes: 0 };
  const port = server.port() ?? 0;
  const endMs = performance.now() + 12_000;
  let known = cluster.bundle();
  let knownAtMs = performance.now();
  while (performance.now() < endMs) {
    // Like an API server whose watch is up to 200 ms behind, however slow this machine is.
    if (performance.now() - knownAtMs > 200) {
      known = cluster.bundle();
      knownAtMs = performance.now();
    }
    seen.serials.add(await handshake(port, known));
    seen.bundles.add(known);
    seen.handshakes++;
    await delay(20);
  }
  controller.abort();
  await Promise.all(running);

  expect(seen.handshakes).toBeGreaterThan(50);
  expect(seen.serials.size).toBeGreaterThanOrEqual(3);
  const authorities = new Set([...seen.bundles].flatMap((bundle) => authorityIds(bundle)));
  expect(authorities.size).toBeGreaterThanOrEqual(2);
});

/** Serial number of the certificate served; rejects unless it verifies for the Service's name. */
async function handshake(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: `webhook.${NAMESPACE}.svc` });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
