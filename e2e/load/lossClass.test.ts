import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { classifyFailure, type LossClass } from './lossClass.ts';
import type { TargetPlan } from './plan.ts';
import { SourcePorts } from './sourcePorts.ts';
import { Tally } from './tally.ts';
import { judge, TargetLoad } from './targetLoad.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-pod: p1\r\n\r\nok';
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** A server that treats request number n on connection number c as `behave` says. */
async function serve(behave: (socket: Socket, request: number, connection: number) => void): Promise<number> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    let requests = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      for (const _ of data.toString().matchAll(/\r\n\r\n/g)) behave(socket, ++requests, connection);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return portOf(server);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function plan(port: number, mode: TargetPlan['mode']): TargetPlan {
  return { name: 't', host: '127.0.0.1', port, path: '/', mode, ratePerSecond: 100, expectedBody: 'ok', poolSize: 1 };
}

/** Sends one request after the other and answers what became of each: a class, or `ok`. */
async function requests(
  port: number,
  mode: TargetPlan['mode'],
  count: number,
  between?: () => void,
): Promise<string[]> {
  const target = plan(port, mode);
  const tally = new Tally(target);
  const load = new TargetLoad(target, new SourcePorts(['127.0.0.1', '127.0.0.2']), 400);
  const fates: string[] = [];
  for (let i = 1; i <= count; i++) {
    if (i > 1) between?.();
    const lostBefore = tally.lost;
    load.send(performance.now(), tally);
    while (tally.outstanding > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const { losses, lost } = tally.count();
    fates.push(lost > lostBefore ? (losses.at(-1)?.lossClass ?? '') : 'ok');
  }
  load.stop();
  const { answered, lost, requests } = tally.count();
  expect(answered + lost).toBe(requests);
  expect(requests).toBe(count);
  return fates;
}

describe('a loss on a fresh connection is named', () => {
  const cases: [LossClass, (socket: Socket) => void][] = [
    ['reset', (socket) => socket.resetAndDestroy()],
    ['unanswered', (socket) => socket.end()],
    ['cut-in-response', (socket) => socket.end(ANSWER.slice(0, 30))],
    ['cut-in-response', (socket) => socket.write(ANSWER.slice(0, -1), () => socket.resetAndDestroy())],
    ['response-timeout', () => undefined],
    ['response-timeout', (socket) => socket.write(ANSWER.slice(0, -1))],
    ['server-error', (socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')],
    ['wrong-status', (socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')],
    ['wrong-body', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno')],
    ['malformed-response', (socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n')],
    ['malformed-response', (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nok')],
    ['malformed-response', (socket) => socket.end(`${ANSWER}!`)],
  ];
  it.each(cases)('%s (%#)', async (lossClass, behave) => {
    const port = await serve(behave);
    expect(await requests(port, 'new-connection', 2)).toEqual([lossClass, lossClass]);
  });

  it('wrong-body when a pod of somebody else answers', () => {
    const response = { status: 200, body: 'ok', close: false, pod: 'plain-1' };
    const target = { ...plan(1, 'keep-alive'), podPrefix: 'protected-' };
    const end = { kind: 'response', response } as const;
    expect(judge(end, target)).toEqual({ lossClass: 'wrong-body', detail: 'answered by plain-1' });
    expect(judge(end, { ...target, podPrefix: 'plain-' })).toBeUndefined();
  });

  it('connect-refused', async () => {
    const port = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await requests(port, 'new-connection', 1)).toEqual(['connect-refused']);
  });

  it('connect-timeout, from a process that accepts no more', async () => {
    const listen =
      'const s = require("node:net").createServer().listen({port: 0, host: "127.0.0.1", backlog: 1}, () => console.log(s.address().port))';
    const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    const fillers: Socket[] = [];
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const port = Number(line.toString());
      child.kill('SIGSTOP');
      for (let i = 0; i < 4; i++) fillers.push(connect(port, '127.0.0.1').on('error', () => undefined));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await requests(port, 'new-connection', 1)).toEqual(['connect-timeout']);
    } finally {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
    }
  });
});

describe('a loss on a reused connection is named', () => {
  it('unanswered when the server took the request and then closed', async () => {
    const port = await serve((socket, request) => (request === 1 ? socket.write(ANSWER) : socket.end()));
    expect(await requests(port, 'keep-alive', 2)).toEqual(['ok', 'unanswered']);
  });

  it('idle-closed when FIN and request cross: RST follows FIN', async () => {
    let accepted: Socket | undefined;
    const port = await serve((socket) => {
      accepted = socket;
      socket.write(ANSWER);
    });
    expect(await requests(port, 'keep-alive', 2, () => accepted?.destroy())).toEqual(['ok', 'idle-closed']);
  });

  it('idle-closed when the server closes with the request unread: RST alone', async () => {
    let accepted: Socket | undefined;
    const port = await serve((socket) => {
      accepted = socket;
      socket.write(ANSWER);
    });
    const fates = requests(port, 'keep-alive', 2, () => {
      accepted?.pause();
      setTimeout(() => accepted?.resetAndDestroy(), 50);
    });
    expect(await fates).toEqual(['ok', 'idle-closed']);
  });

  it('nothing is lost when the server says Connection: close, or closes an idle connection in peace', async () => {
    const closing = ANSWER.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const polite = await serve((socket) => socket.end(closing));
    expect(await requests(polite, 'keep-alive', 3)).toEqual(['ok', 'ok', 'ok']);

    const target = plan(await serve((socket) => socket.end(ANSWER)), 'keep-alive');
    const tally = new Tally(target);
    const load = new TargetLoad(target, new SourcePorts(['127.0.0.1']), 400);
    for (let i = 0; i < 3; i++) {
      load.send(performance.now(), tally);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    load.stop();
    expect(tally.count()).toMatchObject({
      requests: 3,
      answered: 3,
      lost: 0,
      closedWhileIdle: 3,
      connectionsOpened: 3,
    });
  });

  it('one connection carries many requests, and a second one only when the first is busy', async () => {
    const port = await serve((socket) => setTimeout(() => socket.write(ANSWER), 20));
    const target = plan(port, 'keep-alive');
    const tally = new Tally(target);
    const load = new TargetLoad(target, new SourcePorts(['127.0.0.1']), 400);
    for (let i = 0; i < 5; i++) {
      load.send(performance.now(), tally);
      while (tally.outstanding > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(tally.count()).toMatchObject({ answered: 5, connectionsOpened: 1 });
    load.send(performance.now(), tally);
    load.send(performance.now(), tally);
    while (tally.outstanding > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    load.stop();
    expect(tally.count()).toMatchObject({ answered: 7, connectionsOpened: 2, pods: { p1: { answers: 7 } } });
  });
});

it('an answer that came while this process stood still is an answer, not a time-out', async () => {
  const listen =
    'const s = require("node:http").createServer((q, r) => r.end("ok")).listen(0, "127.0.0.1", () => console.log(s.address().port))';
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const standStill = (): void => {
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900));
    };
    expect(await requests(Number(line.toString()), 'keep-alive', 2, standStill)).toEqual(['ok', 'ok']);
  } finally {
    child.kill('SIGKILL');
  }
});

describe('what a kernel says besides', () => {
  const seen = { connected: false, reused: false, responseBytes: 0, end: 'error' } as const;
  it.each([
    [{ ...seen, code: 'EHOSTUNREACH' }, 'connect-unreachable'],
    [{ ...seen, code: 'ENETUNREACH' }, 'connect-unreachable'],
    [{ ...seen, code: 'ETIMEDOUT' }, 'connect-timeout'],
    [{ ...seen, code: 'ECONNRESET' }, 'reset'],
    [{ ...seen, code: 'EMFILE' }, 'rig'],
    [{ ...seen, connected: true, code: 'EHOSTUNREACH' }, 'connect-unreachable'],
    [{ ...seen, connected: true, code: 'ENOBUFS' }, 'rig'],
    [{ ...seen, connected: true, reused: true, code: 'EPIPE' }, 'idle-closed'],
    [{ ...seen, connected: true, code: 'ECONNREFUSED' }, 'reset'],
  ] as const)('%o is %s', (failure, lossClass) => {
    expect(classifyFailure(failure)).toBe(lossClass);
  });
});
