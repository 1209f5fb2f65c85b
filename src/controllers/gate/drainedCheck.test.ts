import { getEventListeners } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../runtime/index.ts';
import { askUntilDrained, sumOf } from './drainedCheck.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function serve(answers: readonly (readonly [number, string])[]): Promise<number> {
  let asked = 0;
  return listen((_req, res) => {
    const [code, body] = answers[Math.min(asked, answers.length - 1)] ?? [500, ''];
    asked += 1;
    res.writeHead(code).end(body);
  });
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const ask = (check: Parameters<typeof askUntilDrained>[0]) =>
  askUntilDrained(check, '127.0.0.1', { clock: systemClock, signal: AbortSignal.timeout(10_000) });

test('an HTTP check is asked until it answers 2xx', async () => {
  const port = await serve([
    [503, 'busy'],
    [204, ''],
  ]);
  const check = { httpGet: { path: '/drained', port, scheme: 'HTTP' as const }, timeoutSeconds: 5 };
  expect(await ask(check)).toEqual({ met: true, why: 'HTTP 204' });
});

test('its own time-out ends it, unmet', async () => {
  const port = await serve([[503, 'busy']]);
  const check = { httpGet: { path: 'drained', port, scheme: 'HTTP' as const }, timeoutSeconds: 1 };
  expect(await ask(check)).toEqual({ met: false, why: 'HTTP 503' });
});

test('a metric must come down to its maximum, over all its label sets', async () => {
  const port = await serve([
    [200, 'open{a="1"} 2\nopen{a="2"} 1\n'],
    [200, '# TYPE open gauge\nopen{a="1"} 0\nopen{a="2"} 0\n'],
  ]);
  const check = { metric: { path: '/metrics', port, name: 'open', max: 0 }, timeoutSeconds: 5 };
  expect(await ask(check)).toEqual({ met: true, why: 'open is 0' });
});

test('a pod that does not answer is not drained', async () => {
  const check = { httpGet: { path: '/', port: 9, scheme: 'HTTP' as const }, timeoutSeconds: 1 };
  const answer = await ask(check);
  expect(answer.met).toBe(false);
  expect(answer.why).toContain('ECONNREFUSED');
});

test('a pod that hangs is given 2 s; the signal is followed while a question is open, and no longer', async () => {
  const following: number[] = [];
  const { signal } = new AbortController();
  const port = await listen((_req, res) => {
    following.push(getEventListeners(signal, 'abort').length);
    res.writeHead(200).write('open');
  });
  const check = { metric: { path: '/metrics', port, name: 'open', max: 0 }, timeoutSeconds: 1 };
  const answer = await askUntilDrained(check, '127.0.0.1', { clock: systemClock, signal });
  expect(answer).toEqual({ met: false, why: 'no answer within 2000 ms' });
  expect(following).toEqual([1]);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a shutdown ends a question at once', async () => {
  const stop = new AbortController();
  const port = await listen(() => stop.abort(new Error('shutdown')));
  const check = { httpGet: { path: '/', port, scheme: 'HTTP' as const }, timeoutSeconds: 30 };
  const asked = askUntilDrained(check, '127.0.0.1', { clock: systemClock, signal: stop.signal });
  await expect(asked).rejects.toThrow('shutdown');
});

test.each([
  ['open 3', 3],
  ['open 3 1700000000', 3],
  ['open{x="}"} 2', 2],
  ['open_total 9', undefined],
  ['# open 1', undefined],
  ['open NaN', undefined],
])('%s', (page, value) => {
  expect(sumOf(page, 'open')).toBe(value);
});
