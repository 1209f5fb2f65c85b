import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Loopback TCP ports that nobody listens on at the moment. They lie below the range the kernel takes outgoing ports
 * from, so that no connection snatches one between this look and the server's start.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  try {
    for (let tries = 0; held.length < count; tries += 1) {
      if (tries > 200) throw new Error('found no free loopback ports between 20000 and 32000');
      const port = randomInt(20_000, 32_000);
      const server = await listen(port);
      if (server !== undefined) held.push({ port, server });
    }
    return held.map((each) => each.port);
  } finally {
    await Promise.all(held.map((each) => new Promise((resolve) => each.server.close(resolve))));
  }
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
