/**
 * A server that shuts down gracefully: on SIGTERM it stops listening, answers what still comes on its connections with
 * `Connection: close` for a while, so that each client learns that it must not use them again, then closes what is
 * idle, finishes what is in process and exits. Environment: DRAIN_MS (default 5000), how long that while is.
 */
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { log, startServer } from './httpServer.ts';

const drainMs = Number(process.env.DRAIN_MS ?? 5000);
let draining = false;
const terminated = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => {
    draining = true;
    log('SIGTERM: draining');
    resolve();
  });
});

const server = await startServer(() => draining);
await terminated;
// http.Server.close() would close idle connections right away, and with them requests that are on their way.
const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
await sleep(drainMs);
log('closing idle connections');
server.closeIdleConnections();
// A connection is closed with its next answer; what has sent nothing in all that time holds nothing up.
const again = setInterval(() => server.closeIdleConnections(), 100);
await closed;
clearInterval(again);
log('drained');
