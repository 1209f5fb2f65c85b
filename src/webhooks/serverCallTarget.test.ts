import { once } from 'node:events';
import { connect as tlsConnect } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { allowAll, authority, call, outcomes, responseOf, review, start } from './serverUnderTest.ts';

/** The status of the answer to a request line written as it is, or `closed` when there was none. */
async function statusOf(port: number, requestLine: string): Promise<string> {
  const socket = tlsConnect({ host: '127.0.0.1', port, ca: authority.cert });
  socket.on('error', () => undefined); // a reset counts as closed
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const closed = once(socket, 'close');
  socket.write(`${requestLine} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1');
  await closed;
  return /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'closed';
}

describe('a hostile request target', () => {
  it.each([
    ['GET //', '400'],
    ['POST //', '400'],
    ['GET ///', '400'],
    ['GET http://[', '400'],
    ['GET http://', '400'],
    ['GET https://', '400'],
    ['GET //[', '400'],
    ['GET /\\[', '400'],
    ['GET \\\\', '400'],
    ['GET //a:99999/', '400'],
    ['GET http://a:99999/', '400'],
    ['POST //elsewhere/allow', '400'],
    ['POST https://elsewhere/allow', '400'],
    ['GET data:,x', '400'],
    ['GET /%', '404'],
    ['GET /%00%ff?%=%', '404'],
    ['GET /\xff\xfe', '400'],
    ['OPTIONS *', '404'],
    ['GET ?', '400'],
    ['GET *', '404'],
    ['GET /allow?timeout=%ff', '405'],
    ['CONNECT elsewhere:443', 'closed'],
  ])('%j is answered and the next call too', async (requestLine, status) => {
    const { port } = await start({ '/allow': allowAll });
    expect(await statusOf(port, requestLine)).toBe(status);
    expect(responseOf(await call(port, '/allow', review()))).toEqual({ uid: 'u-1', allowed: true });
  });

  it('of any length is answered and the next call too', async () => {
    const { port } = await start({ '/allow': allowAll });
    expect(await statusOf(port, `GET /${'a'.repeat(15_000)}`)).toBe('404');
    expect(await statusOf(port, `GET /${'a'.repeat(20_000)}`)).toBe('400');
    expect(responseOf(await call(port, '/allow', review()))).toEqual({ uid: 'u-1', allowed: true });
  });

  it('of any shape is refused and leaves no call open', { timeout: 60_000 }, async () => {
    const { port, registry } = await start({ '/allow': allowAll });
    const part = fc.constantFrom('/', '//', '\\', '[', ']', ':', '@', '?', '#', '%', '..', 'http:', 'a', '*', '99999');
    const target = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    for (const sample of fc.sample(target, { numRuns: 300, seed: 11 })) {
      expect(await statusOf(port, `GET ${sample}`), sample).toMatch(/^40[04]$/);
    }
    expect(responseOf(await call(port, '/allow', review()))).toEqual({ uid: 'u-1', allowed: true });
    const inFlight = await registry.getSingleMetric('graceful_rollout_admission_in_flight')?.get();
    expect(inFlight?.values.every(({ value }) => value === 0)).toBe(true);
    expect((await outcomes(registry))['refused']).toBeGreaterThan(100);
  });
});

it('cuts the connection of a call that meets a fault of ours, logs it and goes on', async () => {
  const { port, registry, log } = await start({ '/allow': allowAll });
  const gauge = registry.getSingleMetric('graceful_rollout_admission_in_flight');
  if (!gauge || !('inc' in gauge)) throw new Error('the gauge of calls in flight is not registered');
  const broken = vi.spyOn(gauge, 'inc').mockImplementation(() => {
    throw new Error('a fault');
  });
  await expect(call(port, '/allow', review())).rejects.toThrow(/hang up|ECONNRESET/);
  expect(log.join('')).toContain('webhook call failed, its connection is cut');
  broken.mockRestore();
  expect(responseOf(await call(port, '/allow', review()))).toEqual({ uid: 'u-1', allowed: true });
});
