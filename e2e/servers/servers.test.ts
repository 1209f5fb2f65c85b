import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const children: ChildProcess[] = [];
const agents: Agent[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const agent of agents.splice(0)) agent.destroy();
});

interface RunningServer {
  readonly child: ChildProcess;
  readonly port: number;
  readonly lines: string[];
  readonly exited: Promise<[number | null, string | null]>;
}

async function start(name: string, env: Record<string, string> = {}): Promise<RunningServer> {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: '0', ...env },
  });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const [first] = (await once(reader, 'line')) as [string];
  return { child, port: Number(/listening on (\d+)/.exec(first)?.[1]), lines, exited };
}

function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return agent;
}

async function request(
  port: number,
  agent: Agent,
  path = '/',
): Promise<{ status: number; connection: string; body: string; pod: string }> {
  return await new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        const { connection = '', 'x-pod': pod } = response.headers;
        resolve({ status: response.statusCode ?? 0, connection, body, pod: String(pod) });
      });
    }).on('error', reject);
  });
}

describe('abrupt', () => {
  it('answers, names itself, and exits at once on SIGTERM with connections open', async () => {
    const server = await start('abrupt');
    const agent = keepAlive();
    expect(await request(server.port, agent)).toMatchObject({ status: 200, connection: 'keep-alive', body: 'ok' });
    expect(await request(server.port, agent, '/ready')).toMatchObject({ status: 200 });
    expect(await request(server.port, agent, '/other')).toMatchObject({ status: 404, body: '' });
    const askedMs = performance.now();
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual([0, null]);
    expect(performance.now() - askedMs).toBeLessThan(1000);
    expect(server.lines.at(-1)).toMatch(/^\d{4}-.*Z SIGTERM: exiting at once$/);
  });

  it('listens only after its start-up time', async () => {
    const beganMs = performance.now();
    await start('abrupt', { START_UP_MS: '300' });
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300);
  });
});

describe('what a server says of its connections', () => {
  it('is drained when none is open but the one that asks, and holds a request until its client goes', async () => {
    const server = await start('draining', { DRAIN_MS: '0' });
    const asked = async (path: string) => request(server.port, new Agent(), path);
    const holding = get({ port: server.port, host: '127.0.0.1', path: '/hold', agent: new Agent() });
    const broken = once(holding, 'error');
    while (!server.lines.some((line) => line.endsWith('Z holding a request')))
      await once(server.child.stdout ?? server.child, 'data');
    expect(await asked('/drained')).toMatchObject({ status: 503 });
    expect((await asked('/metrics')).body).toMatch(/^http_open_connections [1-9]$/m);
    holding.destroy();
    await broken;
    await expect.poll(async () => (await asked('/drained')).status).toBe(200);
    await expect.poll(async () => (await asked('/metrics')).body).toMatch(/^http_open_connections 0$/m);
    expect(server.lines.filter((line) => line.includes('asked:')).at(-1)).toMatch(/Z asked: 0 open$/);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual([0, null]);
  });
});

describe('draining', () => {
  it('says Connection: close on SIGTERM, refuses new connections, closes what is idle after the drain, and exits', async () => {
    const server = await start('draining', { DRAIN_MS: '400' });
    const used = keepAlive();
    const idle = keepAlive();
    expect(await request(server.port, used)).toMatchObject({ connection: 'keep-alive' });
    expect(await request(server.port, idle)).toMatchObject({ connection: 'keep-alive' });
    const [idleSocket] = Object.values(idle.freeSockets).flatMap((sockets) => sockets ?? []);
    const idleClosed = once(idleSocket ?? idle, 'close');
    const askedMs = performance.now();
    server.child.kill('SIGTERM');
    while (!server.lines.some((line) => line.endsWith('SIGTERM: draining')))
      await once(server.child.stdout ?? server.child, 'data');
    expect(await request(server.port, used)).toMatchObject({ status: 200, connection: 'close', body: 'ok' });
    await expect(request(server.port, keepAlive())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await idleClosed;
    expect(performance.now() - askedMs).toBeGreaterThanOrEqual(390);
    expect(await server.exited).toEqual([0, null]);
    expect(server.lines.at(-1)).toMatch(/drained$/);
  });
});
