import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../runtime/logger.ts';
import { allow } from './admissionReview.ts';
import { issueLeaf } from './certificates/issue.ts';
import { DEFAULT_POLICY } from './certificates/policy.ts';
import { createWebhookServer, LAME_DUCK_SECONDS } from './server.ts';
import { allowAll, authority, call, certificateSource, leaf, review, start, waitFor } from './serverUnderTest.ts';

describe('the webhook server', () => {
  it('survives what is not HTTP and what is not TLS', async () => {
    const { port } = await start({ '/allow': allowAll });
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: authority.cert });
    await once(socket, 'secureConnect');
    socket.write('this is not HTTP\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('400 Bad Request');
    await expect(call(port, '/allow', review(), { maxVersion: 'TLSv1.2' })).rejects.toThrow(/version|alert/);
    await expect(call(port, '/allow', review(), { ca: leaf.cert })).rejects.toThrow(/certificate/);
    expect(await call(port, '/allow', review())).toMatchObject({ code: 200 });
  });

  it('is ready with a certificate, and takes a new one without a restart', async () => {
    const { server, port, tls, log } = await start({ '/allow': allowAll }, { certificate: null });
    expect(server.ready()).toBe(false);
    await expect(call(port, '/allow', review())).rejects.toThrow(/handshake|alert/);
    tls.set(leaf);
    expect(server.ready()).toBe(true);
    expect(await servedSerial(port)).toBe(await servedSerial(port));
    const before = await servedSerial(port);
    tls.set(await issueLeaf(authority, ['127.0.0.1'], Date.now(), DEFAULT_POLICY));
    expect(await servedSerial(port)).not.toBe(before);
    const last = await servedSerial(port);
    tls.set({ cert: 'garbage', key: leaf.key });
    expect(server.ready()).toBe(true);
    expect(await servedSerial(port)).toBe(last);
    expect(log.join('')).toContain('webhook certificate cannot be used');
    expect(log.join('')).not.toContain('PRIVATE KEY');
  });

  async function servedSerial(port: number): Promise<string> {
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: authority.cert });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  it('shuts down in order: not ready, still answering with Connection: close, then closed', async () => {
    let release = (): void => undefined;
    const { server, port, stop, stopped } = await start(
      {
        '/allow': allowAll,
        '/held': async (request) => {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return allow(request);
        },
      },
      { drainSeconds: 0.5 },
    );
    const agent = new Agent({ keepAlive: true, ca: authority.cert });
    expect(await call(port, '/allow', review(), { agent })).toMatchObject({ code: 200, connection: 'keep-alive' });
    stop();
    await waitFor(() => !server.ready());
    expect(await call(port, '/allow', review(), { agent })).toMatchObject({ code: 200, connection: 'close' });
    const held = call(port, '/held', review());
    await delay(700);
    await expect(call(port, '/allow', review())).rejects.toThrow(/ECONNREFUSED/);
    release();
    expect(await held).toMatchObject({ code: 200, connection: 'close' });
    await stopped;
    agent.destroy();
  });

  it('says why it cannot listen, and runs once', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const server = createWebhookServer({
      port,
      host: '127.0.0.1',
      handlers: {},
      tls: certificateSource(leaf),
      log: createLogger({ level: 'silent' }),
      registry: new Registry(),
    });
    await expect(server.run(new AbortController().signal)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    await expect(server.run(new AbortController().signal)).rejects.toThrow('started before');
    taken.close();
  });
});

it('a replica that is evicted with what it guards closes its connections between two retries of kubectl drain', () => {
  const chart = readFileSync(join(import.meta.dirname, '../../charts/graceful-rollout/golden/default.yaml'), 'utf8');
  const slept = /preStop:\s+sleep:\s+seconds: (\d+)/.exec(chart)?.[1];
  const afterRetry = (Number(slept) + LAME_DUCK_SECONDS) % 5;
  expect(afterRetry).toBeGreaterThanOrEqual(2);
  expect(afterRetry).toBeLessThanOrEqual(3);
});
