import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';
import { HealthServer } from './health.ts';
import { eventLoopDelayCheck, silentWatchCheck } from './healthChecks.ts';
import { createLogger, silentLogger } from './logger.ts';
import { OperatorMetrics } from './metrics.ts';

const metrics = new OperatorMetrics();
let server: HealthServer | undefined;

async function start(configure: (server: HealthServer) => void = () => undefined, log = silentLogger): Promise<void> {
  server = new HealthServer({
    port: 0,
    host: '127.0.0.1',
    registry: metrics.registry,
    clock: systemClock,
    log,
    checkDeadlineMs: 50,
  });
  configure(server);
  await server.start();
}

async function get(path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

afterEach(async () => {
  await server?.stop();
});

describe('HealthServer', () => {
  test('says ok, and with ?verbose which checks it made', async () => {
    await start((health) => health.addReadinessCheck('informers-synced', () => undefined));
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok' });
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ok' });
    expect(await get('/readyz?verbose')).toEqual({
      status: 200,
      text: '[+]ping ok\n[+]informers-synced ok\nreadyz check passed\n',
    });
  });

  test('a failing check says why, and touches only its own endpoint', async () => {
    await start((health) => {
      health.addReadinessCheck('informers-synced', () => 'not synced yet: deployments');
      health.addReadinessCheck('throws', () => {
        throw new Error('broken check');
      });
    });
    const { status, text } = await get('/readyz');
    expect(status).toBe(503);
    expect(text).toContain('[-]informers-synced failed: not synced yet: deployments\n');
    expect(text).toContain('[-]throws failed: broken check\n');
    expect(text).toContain('[+]ping ok\n');
    expect((await get('/healthz')).status).toBe(200);
  });

  test('a check that does not answer has failed', async () => {
    await start((health) => health.addLivenessCheck('stuck', () => new Promise(() => undefined)));
    expect(await get('/healthz')).toEqual({
      status: 503,
      text: '[+]ping ok\n[-]stuck failed: no answer within 50 ms\nhealthz check failed\n',
    });
  });

  test('logs a change of the answer, not every probe', async () => {
    const lines: string[] = [];
    let problem: string | undefined;
    const log = createLogger({ write: (line) => lines.push(line) });
    await start((health) => health.addReadinessCheck('sync', () => problem), log);
    await get('/readyz');
    problem = 'not synced yet';
    await get('/readyz');
    await get('/readyz');
    problem = undefined;
    await get('/readyz');
    await get('/readyz');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'warn',
        msg: 'health check failed',
        path: '/readyz',
        failed: [{ name: 'sync', problem: 'not synced yet' }],
      },
      { level: 'info', msg: 'health check passes again', path: '/readyz' },
    ]);
  });

  test('one check alone, all but one, and what is not there', async () => {
    await start((health) => health.addReadinessCheck('bad', () => 'so bad'));
    expect((await get('/readyz/ping')).status).toBe(200);
    expect((await get('/readyz/bad')).status).toBe(503);
    expect((await get('/readyz?exclude=bad')).status).toBe(200);
    expect((await get('/readyz/none')).status).toBe(404);
    expect((await get('/')).status).toBe(404);
    expect((await get('/healthz', 'POST')).status).toBe(405);
  });

  test('serves the metrics', async () => {
    await start();
    metrics.leader('x', true);
    const response = await fetch(`http://127.0.0.1:${server?.port}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('leader_election_master_status{name="x"} 1');
  });

  test('a port that is taken is an error that names it', async () => {
    await start();
    const port = server?.port ?? 0;
    const second = new HealthServer({
      port,
      host: '127.0.0.1',
      registry: metrics.registry,
      clock: systemClock,
      log: silentLogger,
    });
    await expect(second.start()).rejects.toThrow(`cannot listen on port ${port}`);
    await second.stop();
  });
});

describe('silentWatchCheck', () => {
  test('names the watches that have been silent for too long, also those that never spoke', async () => {
    const clock = new ManualClock();
    const pods = { lastActivityMs: 0 as number | undefined };
    const check = silentWatchCheck(
      new Map([
        ['pods', pods],
        ['leases', { lastActivityMs: undefined }],
      ]),
      clock,
      600_000,
    );
    const signal = new AbortController().signal;
    await clock.advance(600_000);
    expect(check(signal)).toBeUndefined();
    await clock.advance(1_000);
    pods.lastActivityMs = clock.monotonicMs();
    expect(check(signal)).toBe('the watch of leases has been silent for 601 s');
  });
});

describe('eventLoopDelayCheck', () => {
  test('fails after a blocked event loop, and recovers', async () => {
    const check = eventLoopDelayCheck(100);
    const signal = new AbortController().signal;
    await systemClock.sleep(60);
    expect(check(signal)).toBeUndefined();
    await systemClock.sleep(40);
    const untilMs = performance.now() + 600;
    while (performance.now() < untilMs);
    await systemClock.sleep(30);
    expect(check(signal)).toMatch(/the event loop is \d+ ms late on average/);
    await systemClock.sleep(200);
    expect(check(signal)).toBeUndefined();
  });
});
