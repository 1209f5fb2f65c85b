/**
 * A server as many are: it exits at once on SIGTERM, whatever it is doing. (As process 1 of a container the kernel
 * ignores SIGTERM for a program without a handler, so the handler is what makes it abrupt.)
 */
import { log, startServer } from './httpServer.ts';

process.once('SIGTERM', () => {
  log('SIGTERM: exiting at once');
  process.exit(0);
});

await startServer(() => false);
