import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allow, allowAs, deny } from './admissionReview.ts';
import { BODY_LIMIT_BYTES } from './serverCallBody.ts';
import {
  allowAll,
  authority,
  type CallOptions,
  call,
  outcomes,
  responseOf,
  review,
  start,
  waitFor,
} from './serverUnderTest.ts';

describe('a call of the webhook', () => {
  it('answers allowed, patched and denied, and counts them', async () => {
    const { port, registry } = await start({
      '/allow': allowAll,
      '/patch': (request) => Promise.resolve(allowAs(request, { spec: { replicas: 2 } })),
      '/deny': (request) => Promise.resolve(deny(request, { code: 404, reason: 'NotFound', message: 'gone' })),
    });
    expect(responseOf(await call(port, '/allow?timeout=10s', review()))).toEqual({ uid: 'u-1', allowed: true });
    expect(responseOf(await call(port, '/patch', review()))).toMatchObject({ allowed: true, patchType: 'JSONPatch' });
    expect(responseOf(await call(port, '/deny', review()))).toMatchObject({ allowed: false, status: { code: 404 } });
    expect(await outcomes(registry)).toEqual({ allowed: 1, patched: 1, denied: 1 });
    const inFlight = await registry.getSingleMetric('graceful_rollout_admission_in_flight')?.get();
    expect(inFlight?.values.map(({ value }) => value)).toEqual([0, 0, 0]);
  });

  it('checks path, method, content type and size', async () => {
    const { port, registry } = await start({ '/allow': allowAll });
    expect(await call(port, '/nothing', review())).toMatchObject({ code: 404 });
    expect(await call(port, '/allow', '', { method: 'GET' })).toMatchObject({ code: 405 });
    expect(await call(port, '/allow', review(), { headers: { 'content-type': 'text/plain' } })).toMatchObject({
      code: 415,
    });
    expect(
      await call(port, '/allow', review(), { headers: { 'content-type': 'application/json; charset=utf-8' } }),
    ).toMatchObject({ code: 200 });
    expect(await outcomes(registry)).toEqual({ refused: 3, allowed: 1 });
  });

  it('takes a body of 7 MiB and refuses a larger one, announced or not', async () => {
    const { port } = await start({ '/allow': allowAll });
    const empty = review({ object: { data: '' } });
    const full = review({ object: { data: 'x'.repeat(BODY_LIMIT_BYTES - empty.length) } });
    expect(Buffer.byteLength(full)).toBe(BODY_LIMIT_BYTES);
    expect(await call(port, '/allow', full)).toMatchObject({ code: 200 });
    const headers = { 'content-length': String(BODY_LIMIT_BYTES + 1) };
    expect(await refusedEarly(port, { headers }, '')).toBe(413);
    expect(await refusedEarly(port, { headers: { 'transfer-encoding': 'chunked' } }, `${full} `)).toBe(413);
  });

  /** Status of an answer that comes before the request is complete. */
  async function refusedEarly(port: number, options: CallOptions, body: string): Promise<number | undefined> {
    const headers = { 'content-type': 'application/json', ...options.headers };
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path: '/allow',
      method: 'POST',
      ca: authority.cert,
      agent: false,
      headers,
    });
    const refusal = once(request, 'response') as Promise<[{ statusCode?: number; resume(): void }]>;
    request.on('error', () => undefined); // the server hangs up on the rest
    request.write(body === '' ? 'x' : body);
    const [response] = await refusal;
    response.resume();
    request.destroy();
    return response.statusCode;
  }

  it('admits unchanged, with a warning and an error in the log, when a handler throws', async () => {
    const { port, registry, log } = await start({
      '/throws': () => Promise.reject(new Error('no store')),
      '/throwsAtOnce': () => {
        throw new Error('bug');
      },
    });
    for (const path of ['/throws', '/throwsAtOnce']) {
      expect(responseOf(await call(port, path, review()))).toEqual({
        uid: 'u-1',
        allowed: true,
        warnings: ['graceful-rollout could not look at deployments shop/web: admitted unchanged'],
      });
    }
    expect(await outcomes(registry)).toEqual({ failed_open: 2 });
    const errors = log.filter((line) => line.includes('webhook failed, request admitted unchanged'));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain('no store');
    expect(JSON.parse(errors[0] ?? '')).toMatchObject({ namespace: 'shop', name: 'web', operation: 'UPDATE' });
  });

  it('answers before the API server gives up, and aborts the handler', async () => {
    let aborted: unknown;
    const { port, registry } = await start({
      '/slow': async (request, { signal }) => {
        await delay(5000, undefined, { signal }).catch(() => {
          aborted = signal.reason;
        });
        return allow(request);
      },
    });
    const startMs = performance.now();
    expect(responseOf(await call(port, '/slow?timeout=1s', review()))).toMatchObject({ allowed: true });
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(String(aborted)).toContain('not ready after 750 ms');
    expect(await outcomes(registry)).toEqual({ timed_out: 1 });
  });

  it('aborts the handler when the API server hangs up', async () => {
    let started = false;
    let reason: unknown;
    const { port, registry } = await start({
      '/slow': async (request, { signal }) => {
        started = true;
        await once(signal, 'abort');
        reason = signal.reason;
        return allow(request);
      },
    });
    const client = new AbortController();
    const broken = call(port, '/slow', review(), { signal: client.signal });
    await waitFor(() => started);
    client.abort();
    await expect(broken).rejects.toThrow('aborted');
    await waitFor(() => reason !== undefined);
    expect(String(reason)).toContain('hung up');
    await delay(10);
    expect(await outcomes(registry)).toEqual({ cancelled: 1 });
  });

  it('answers ten thousand malformed bodies with 400 and then an ordinary call', { timeout: 120_000 }, async () => {
    const { port, registry } = await start({ '/allow': allowAll });
    const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: authority.cert });
    const whole = review();
    const body = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.json(),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
      fc.constantFrom('uid', 'operation', 'kind', 'resource', 'userInfo').map((field) => review({ [field]: 7 })),
    );
    const bodies = fc.sample(body, { numRuns: 10_000, seed: 7 });
    const codes = new Map<number, number>();
    const workers = Array.from({ length: 8 }, async () => {
      for (let next = bodies.pop(); next !== undefined; next = bodies.pop()) {
        const answer = await call(port, '/allow', next, { agent });
        codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1);
        expect(answer.text).toMatch(/^[^\n]+\n$/);
      }
    });
    await Promise.all(workers);
    expect(Object.fromEntries(codes)).toEqual({ 400: 10_000 });
    expect(responseOf(await call(port, '/allow', whole, { agent }))).toEqual({ uid: 'u-1', allowed: true });
    expect(await outcomes(registry)).toEqual({ malformed: 10_000, allowed: 1 });
    agent.destroy();
  });

  it('survives clients that break off anywhere', { timeout: 60_000 }, async () => {
    const { port, registry } = await start({
      '/allow': async (request) => {
        await delay(2);
        return allow(request);
      },
    });
    const body = review();
    const wire = `POST /allow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let i = 0; i < 300; i++) {
      const socket = tlsConnect({ host: '127.0.0.1', port, ca: authority.cert });
      socket.on('error', () => undefined); // our own reset
      await once(socket, 'secureConnect');
      socket.write(wire.slice(0, (i * 37) % (wire.length + 1)));
      await delay(i % 5);
      if (i % 2 === 0) socket.destroy();
      else socket.end();
    }
    expect(responseOf(await call(port, '/allow', body))).toEqual({ uid: 'u-1', allowed: true });
    await delay(50);
    const inFlight = await registry.getSingleMetric('graceful_rollout_admission_in_flight')?.get();
    expect(inFlight?.values.map(({ value }) => value)).toEqual([0]);
    expect((await outcomes(registry))['cancelled']).toBeGreaterThan(0);
  });
});
