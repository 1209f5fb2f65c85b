import { once } from 'node:events';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { allow } from './admissionReview.ts';
import { BodyBudget } from './serverCallBody.ts';
import { allowAll, authority, call, outcomes, responseOf, review, start, waitFor } from './serverUnderTest.ts';

const admitted = { uid: 'u-1', allowed: true };
const large = review({ object: { data: 'x'.repeat(700_000) } });

/** A connection that sends `text` and no more; it collects what it is answered. */
async function speak(port: number, text: string) {
  const socket = tlsConnect({ host: '127.0.0.1', port, ca: authority.cert });
  socket.on('error', () => undefined); // the server hangs up on what it does not read
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  await once(socket, 'secureConnect');
  socket.write(text);
  return { socket, answer: () => answer };
}

const head = (length: string) =>
  `POST /allow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;

/** Whether the server has room for `large`, and answers it. */
const hasRoom = async (port: number) => (await call(port, '/allow', large).catch(() => undefined))?.code === 200;

it('shares a budget out, and takes back what a call gives back', () => {
  const budget = new BodyBudget(100);
  const [one, two] = [budget.share(), budget.share()];
  expect([one.take(60), two.take(50), two.take(40), one.take(1)]).toEqual([true, false, true, false]);
  expect(budget.freeBytes).toBe(0);
  one.release();
  one.release();
  expect(budget.freeBytes).toBe(60);
  two.release();
  expect(budget.freeBytes).toBe(100);
});

describe('a server whose memory for bodies is full', () => {
  it('refuses with 503 what does not fit, announced or not, and still answers what does', async () => {
    const { port, registry } = await start({ '/allow': allowAll }, { maxBodiesBytes: 1_000_000 });
    expect(await hasRoom(port)).toBe(true);
    const holder = await speak(port, head('Content-Length: 900000') + 'x'.repeat(600_000));
    let announced = '';
    await waitUntil(async () => {
      const tried = await speak(port, head('Content-Length: 700000'));
      await Promise.race([once(tried.socket, 'close'), new Promise((resolve) => setTimeout(resolve, 200))]);
      announced = tried.answer();
      tried.socket.destroy();
      return announced !== '';
    });
    expect(announced).toMatch(/^HTTP\/1\.1 503 /);
    expect(announced).toContain('Connection: close');

    const chunked = await speak(port, `${head('Transfer-Encoding: chunked')}7a120\r\n${'x'.repeat(500_000)}`);
    await waitFor(() => chunked.answer() !== '');
    expect(chunked.answer()).toMatch(/^HTTP\/1\.1 503 /);
    expect(responseOf(await call(port, '/allow', review()))).toEqual(admitted);

    holder.socket.destroy();
    await waitUntil(() => hasRoom(port));
    expect((await outcomes(registry))['overloaded']).toBeGreaterThanOrEqual(2);
  });

  it('counts the bodies of calls that a handler has not decided yet', async () => {
    const decide: (() => void)[] = [];
    const { port } = await start(
      {
        '/allow': allowAll,
        '/slow': async (request) => {
          await new Promise<void>((resolve) => decide.push(resolve));
          return allow(request);
        },
      },
      { maxBodiesBytes: 1_000_000 },
    );
    const slow = call(port, '/slow', large);
    await waitFor(() => decide.length === 1);
    expect(await call(port, '/allow', review())).toMatchObject({ code: 200 });
    const refused = await speak(port, head(`Content-Length: ${large.length}`));
    await waitFor(() => refused.answer() !== '');
    expect(refused.answer()).toMatch(/^HTTP\/1\.1 503 /);
    decide[0]?.();
    expect(responseOf(await slow)).toEqual(admitted);
    expect(await hasRoom(port)).toBe(true);
  });

  it('counts what single bytes cost, not only the bytes', async () => {
    const { port } = await start({ '/allow': allowAll }, { maxBodiesBytes: 1_000_000 });
    const bytes = await speak(port, head('Transfer-Encoding: chunked') + '1\r\nx\r\n'.repeat(3000));
    await waitFor(() => bytes.answer() !== '');
    expect(bytes.answer()).toMatch(/^HTTP\/1\.1 503 /);
    await waitUntil(() => hasRoom(port));
  });

  it('counts what a body becomes once parsed', async () => {
    const { port, registry } = await start({ '/allow': allowAll }, { maxBodiesBytes: 1_000_000 });
    const values = (count: number) => review({ object: { values: Array.from({ length: count }, () => []) } });
    expect(await call(port, '/allow', values(10_000))).toMatchObject({ code: 503 });
    expect(responseOf(await call(port, '/allow', values(5000)))).toEqual(admitted);
    expect(await outcomes(registry)).toEqual({ overloaded: 1, allowed: 1 });
  });

  it('gives back what every kind of call took', async () => {
    const { port } = await start(
      { '/allow': allowAll, '/throws': () => Promise.reject(new Error('bug')) },
      { maxBodiesBytes: 1_000_000 },
    );
    for (const path of ['/allow', '/throws', '/nothing']) {
      for (let n = 0; n < 3; n++) await call(port, path, large).catch(() => undefined); // refused unread: may reset
    }
    for (let n = 0; n < 3; n++) expect(await call(port, '/allow', 'x'.repeat(700_000))).toMatchObject({ code: 400 });
    expect(await hasRoom(port)).toBe(true);
  });
});

it('closes connections beyond the limit at once, and takes new ones when others end', async () => {
  const { port, registry } = await start({ '/allow': allowAll }, { maxConnections: 2 });
  const first = await speak(port, '');
  const second = await speak(port, '');
  await expect(call(port, '/allow', review())).rejects.toThrow(/ECONNRESET|disconnected|hang up/);
  const dropped = await registry.getSingleMetric('graceful_rollout_admission_connections_dropped_total')?.get();
  expect(dropped?.values).toMatchObject([{ value: 1 }]);
  first.socket.destroy();
  await waitUntil(async () => (await call(port, '/allow', review()).catch(() => undefined))?.code === 200);
  second.socket.destroy();
});

/** Tries until `attempt` succeeds; throws after 10 s. */
async function waitUntil(attempt: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await attempt())) {
    if (performance.now() > endMs) throw new Error('tried for 10 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
