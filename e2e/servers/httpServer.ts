import { createServer, type Server, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The right answer of every server of the rig. */
export const BODY = 'ok';

/** One line to standard output with the wall clock, so that a pod's log shows when its SIGTERM came. */
export function log(message: string): void {
  process.stdout.write(`${new Date().toISOString()} ${message}\n`);
}

/**
 * The rig's Node server: answers `/` and `/ready` with `ok` and the pod's name in `x-pod`. `/hold` is work that is not done
 * before its client goes. `/drained` is 200 when no connection but the asking one is open, else 503; `/metrics` says how many.
 * Environment: PORT (default 8080), START_UP_MS (default 0): time before it listens.
 * @param closing asked per answer: should it say `Connection: close`?
 */
export async function startServer(closing: () => boolean): Promise<Server> {
  const pod = hostname();
  const asked: Asked = {};
  await sleep(Number(process.env.START_UP_MS ?? 0));
  const server = createServer((request, response) => {
    if (closing()) response.shouldKeepAlive = false;
    if (request.url === '/hold') {
      log('holding a request');
      return;
    }
    if (request.url === '/drained' || request.url === '/metrics') {
      answerOpen(server, request.url, response, asked);
      return;
    }
    const known = request.url === '/' || request.url === '/ready';
    response.writeHead(known ? 200 : 404, { 'content-length': known ? BODY.length : 0, 'x-pod': pod });
    response.end(known ? BODY : undefined);
  });
  // Longer than any pause between two requests of the load: an idle time-out would be a loss of the rig's making.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(process.env.PORT ?? 8080), resolve);
  });
  const address = server.address();
  log(`listening on ${address === null || typeof address === 'string' ? address : address.port}`);
  return server;
}

/** What was answered last about open connections: only what changes is logged. */
interface Asked {
  open?: number;
}

/** Answers, and logs, how many connections are open besides the one that asks. */
function answerOpen(server: Server, path: '/drained' | '/metrics', response: ServerResponse, asked: Asked): void {
  server.getConnections((_error, connections) => {
    const open = connections - 1;
    if (open !== asked.open) log(`asked: ${open} open`);
    asked.open = open;
    const body = path === '/metrics' ? `# TYPE http_open_connections gauge\nhttp_open_connections ${open}\n` : '';
    response.writeHead(path === '/metrics' || open === 0 ? 200 : 503, { 'content-length': body.length });
    response.end(body);
  });
}
