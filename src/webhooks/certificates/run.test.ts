import { X509Certificate } from 'node:crypto';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../kube/index.ts';
import { ManualClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { CONFIGURATION, createFakeCluster, type FakeCluster, NAMESPACE } from './clusterUnderTest.ts';
import { type CertificatePolicy, DEFAULT_POLICY } from './policy.ts';
import { type Certificates, runCertificates } from './run.ts';
import { authorityIds } from './state.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 22);

interface Rig {
  readonly cluster: FakeCluster;
  readonly clock: ManualClock;
  readonly replicas: Certificates[];
  readonly log: string[];
  readonly registry: Registry;
  /** Lets time pass, then waits until every replica sleeps again. */
  readonly pass: (ms: number) => Promise<void>;
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function start(
  options: {
    readonly replicas?: number;
    readonly policy?: CertificatePolicy;
    readonly pollSeconds?: number;
    readonly prepare?: (cluster: FakeCluster) => void;
  } = {},
): Promise<Rig> {
  const cluster = createFakeCluster();
  options.prepare?.(cluster);
  const clock = new ManualClock(START_MS);
  const log: string[] = [];
  const registry = new Registry();
  const controller = new AbortController();
  const replicas = Array.from({ length: options.replicas ?? 1 }, (_, index) =>
    runCertificates({
      client: cluster.client,
      namespace: NAMESPACE,
      secretName: 'webhook-tls',
      serviceName: 'webhook',
      webhookConfigurations: [CONFIGURATION],
      clock,
      log: createLogger({ level: 'debug', write: (line) => log.push(line) }),
      ...(index === 0 && { registry }),
      ...(options.policy && { policy: options.policy }),
      ...(options.pollSeconds && { pollSeconds: options.pollSeconds }),
    }),
  );
  const done = Promise.all(replicas.map((replica) => replica.run(controller.signal)));
  const asleep = async (): Promise<void> => {
    while (clock.pendingTimers < replicas.length) await new Promise(setImmediate);
  };
  stops.push(async () => {
    controller.abort();
    await done;
  });
  await asleep();
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await asleep();
  };
  return { cluster, clock, replicas, log, registry, pass };
}

const value = (cluster: FakeCluster, key: string): string =>
  Buffer.from(cluster.secret?.data?.[key] ?? '', 'base64').toString();

/** Whether a client with this bundle accepts the certificate at this time. */
function accepts(bundle: string, certificate: string, nowMs: number): boolean {
  const leaf = new X509Certificate(certificate);
  const isTime = (one: X509Certificate): boolean =>
    one.validFromDate.getTime() <= nowMs && nowMs < one.validToDate.getTime();
  const cas = (bundle.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
  return isTime(leaf) && cas.some((ca) => isTime(ca) && leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
}

describe('runCertificates', () => {
  it('ends in one certificate when several replicas start on an empty Secret', async () => {
    const { cluster, replicas, clock, pass } = await start({ replicas: 5 });
    await pass(1000);
    const served = new Set(replicas.map((replica) => replica.current()?.cert));
    expect([...served]).toEqual([value(cluster, 'tls.crt')]);
    expect(cluster.writes).toEqual({ secrets: 1, mutatingwebhookconfigurations: 1 });
    expect(accepts(cluster.bundle(), value(cluster, 'tls.crt'), clock.nowMs())).toBe(true);
    expect(replicas.every((replica) => replica.ready())).toBe(true);
    expect(new X509Certificate(value(cluster, 'tls.crt')).subjectAltName).toBe(
      'DNS:webhook.graceful-rollout.svc, DNS:webhook.graceful-rollout.svc.cluster.local',
    );
  });

  it('publishes into every entry and touches nothing else', async () => {
    const { cluster } = await start();
    const [first, second] = cluster.configuration?.webhooks ?? [];
    expect(first?.clientConfig.caBundle).toBe(second?.clientConfig.caBundle);
    expect(first).toEqual({
      name: 'deployments.graceful-rollout.io',
      failurePolicy: 'Ignore',
      clientConfig: {
        caBundle: expect.any(String) as string,
        service: { namespace: NAMESPACE, name: 'webhook', path: '/deployments.graceful-rollout.io' },
      },
    });
    expect(cluster.secret).toMatchObject({ type: 'Opaque', metadata: { labels: { app: 'x' } } });
  });

  it('writes nothing while all is well, and mends a bundle that somebody wiped', async () => {
    const { cluster, pass } = await start({ replicas: 2 });
    for (let i = 0; i < 20; i++) await pass(10_000);
    expect(cluster.writes).toEqual({ secrets: 1, mutatingwebhookconfigurations: 1 });
    const bundle = cluster.bundle();
    const { configuration } = cluster;
    cluster.configuration = configuration && {
      ...configuration,
      metadata: { ...configuration.metadata, resourceVersion: '9999' },
      webhooks: (configuration.webhooks ?? []).map(({ name }) => ({ name, clientConfig: { caBundle: '' } })),
    };
    await pass(10_000);
    expect(cluster.bundle()).toBe(bundle);
    expect(cluster.writes).toEqual({ secrets: 1, mutatingwebhookconfigurations: 2 });
  });

  it('says once what to do without a Secret or a configuration, and goes on when they are there', async () => {
    let secret: FakeCluster['secret'];
    let configuration: FakeCluster['configuration'];
    const { cluster, replicas, log, pass } = await start({
      prepare: (fake) => {
        ({ secret, configuration } = fake);
        fake.secret = undefined;
        fake.configuration = undefined;
      },
    });
    for (let i = 0; i < 5; i++) await pass(1000);
    expect(log.filter((line) => line.includes('create an empty Secret of type Opaque'))).toHaveLength(1);
    cluster.secret = secret;
    for (let i = 0; i < 5; i++) await pass(1000);
    expect(log.filter((line) => line.includes('webhook configuration is missing'))).toHaveLength(1);
    expect(replicas[0]?.current()).toBeDefined();
    expect(replicas[0]?.ready()).toBe(false);
    cluster.configuration = configuration;
    for (let i = 0; i < 2; i++) await pass(1000);
    expect(replicas[0]?.ready()).toBe(true);
  });

  it('outlives errors of the API server with what it has', async () => {
    const { cluster, replicas, log, pass, registry } = await start();
    await pass(1000);
    const served = replicas[0]?.current();
    const down = new ApiError({ method: 'GET', path: '/x' }, 500, { message: 'etcd is away' });
    cluster.failures.push(down, down, down, down);
    for (let i = 0; i < 2; i++) await pass(10_000);
    expect(replicas[0]?.current()).toBe(served);
    expect(replicas[0]?.ready()).toBe(true);
    expect(log.filter((line) => line.includes('etcd is away'))).toHaveLength(1);
    const failures = await registry.getSingleMetric('graceful_rollout_certificate_failures_total')?.get();
    expect(failures?.values[0]?.value).toBe(2);
  });

  it('repairs garbage, keeps foreign keys byte for byte and logs no key', async () => {
    const { cluster, clock, log, pass, replicas } = await start({
      prepare: (fake) => {
        const data = { 'ca.crt': 'AAEC', 'ca.key': '', 'tls.crt': '%%%', 'tls.key': '//79', foreign: '/wD+' };
        fake.secret = fake.secret && { ...fake.secret, data };
      },
    });
    await pass(1000);
    expect(accepts(cluster.bundle(), replicas[0]?.current()?.cert ?? '', clock.nowMs())).toBe(true);
    expect(cluster.secret?.data?.['foreign']).toBe('/wD+');
    expect(log.join('\n')).toContain('ca.crt holds something else than CA certificates');
    expect(log.join('\n')).not.toMatch(/PRIVATE|BEGIN/);
    for (const key of ['ca.key', 'tls.key']) {
      const secretLine = value(cluster, key).split('\n')[2] ?? '';
      expect(secretLine.length).toBeGreaterThan(20);
      expect(log.join('\n')).not.toContain(secretLine);
    }
  });

  it('serves the certificate that clients trust until they know the new CA, when the Secret was emptied', async () => {
    const { cluster, clock, pass, replicas } = await start({ replicas: 2 });
    await pass(1000);
    const before = replicas[0]?.current();
    const oldBundle = cluster.bundle();
    cluster.secret = cluster.secret && { ...cluster.secret, data: {} };
    await pass(10_000);
    expect(value(cluster, 'tls.crt')).not.toBe(before?.cert);
    expect(replicas.map((replica) => replica.current()?.cert)).toEqual([before?.cert, before?.cert]);
    expect(authorityIds(cluster.bundle())).toEqual(expect.arrayContaining(authorityIds(oldBundle)));
    for (let i = 0; i < 3; i++) await pass(10_000);
    for (const replica of replicas) {
      expect(replica.current()?.cert).toBe(value(cluster, 'tls.crt'));
      expect(accepts(cluster.bundle(), replica.current()?.cert ?? '', clock.nowMs())).toBe(true);
    }
  });

  it('is not ready with an expired certificate', async () => {
    const { clock, replicas } = await start();
    await new Promise(setImmediate);
    clock.skewWall(91 * DAY_MS);
    expect(replicas[0]?.ready()).toBe(false);
  });

  it('follows a wall clock that jumps in either direction', async () => {
    const { cluster, clock, pass, replicas } = await start();
    for (const jumpMs of [120 * DAY_MS, -300 * DAY_MS, 7 * 365 * DAY_MS, -30 * 60_000]) {
      clock.skewWall(jumpMs);
      for (let i = 0; i < 4; i++) await pass(10_000);
      expect(accepts(cluster.bundle(), replicas[0]?.current()?.cert ?? '', clock.nowMs())).toBe(true);
    }
  });

  it('in six years of renewals and a CA rotation never serves what the bundles of three days before do not verify', {
    timeout: 120_000,
  }, async () => {
    const policy = { ...DEFAULT_POLICY, overlapMs: 6 * DAY_MS, settleMs: 3 * DAY_MS };
    const { cluster, clock, replicas, pass } = await start({ replicas: 2, policy, pollSeconds: 3 * 86_400 });
    await pass(1000);
    const leaves = new Set<string>();
    const authorities = new Set<string>();
    let bundleBefore = cluster.bundle();
    let daysOfBoth = 0;
    for (let day = 0; day < 6 * 365; day += 3) {
      await pass(3 * DAY_MS);
      for (const replica of replicas) {
        const cert = replica.current()?.cert ?? '';
        leaves.add(cert);
        for (const bundle of [bundleBefore, cluster.bundle()]) {
          if (!accepts(bundle, cert, clock.nowMs())) throw new Error(`refused on day ${day}`);
        }
      }
      for (const id of authorityIds(cluster.bundle())) authorities.add(id);
      if (authorityIds(cluster.bundle()).length === 2) daysOfBoth += 3;
      bundleBefore = cluster.bundle();
    }
    expect(authorities.size).toBe(2);
    // Until the last leaf of the first CA must have expired, whatever replica may still serve it.
    expect(daysOfBoth).toBeGreaterThanOrEqual(90);
    expect(authorityIds(cluster.bundle())).toHaveLength(1);
    expect(leaves.size).toBeGreaterThanOrEqual(34);
    expect(Object.keys(cluster.secret?.data ?? {}).sort()).toEqual(['ca.crt', 'ca.key', 'tls.crt', 'tls.key']);
  });
});
