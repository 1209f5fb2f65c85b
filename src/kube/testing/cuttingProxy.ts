import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A pair of connections: the client's and the one to the real server. */
interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

/**
 * A TCP proxy that breaks connections on purpose. It does not look into the stream (it is TLS): it forwards bytes until
 * it is told to cut, to let only part of a piece through, or to forward nothing any more.
 */
export class CuttingProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #silent = false;
  #cutInMiddle = false;
  cuts = 0;

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
    this.#server = createServer((near) => this.#link(near));
  }

  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(target));
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get links(): number {
    return this.#links.size;
  }

  /** Resets every connection now, towards the client. */
  cut(): void {
    for (const link of this.#links) this.#reset(link);
  }

  /** Each connection is reset in the middle of the next piece that the server sends on it. */
  cutInMiddleOfNextPiece(): void {
    this.#cutInMiddle = true;
  }

  /** While on, bytes from the server vanish; connections stay open. Connections made later are not affected. */
  silenceOpenConnections(): void {
    for (const { far } of this.#links) {
      far.removeAllListeners('data');
      far.resume();
    }
  }

  /** Accepts connections and forwards nothing, as a firewall that drops. */
  setSilent(silent: boolean): void {
    this.#silent = silent;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #link(near: Socket): void {
    if (this.#silent) {
      near.on('error', () => near.destroy());
      return;
    }
    const far = connect(this.#target);
    const link = { near, far };
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      near.destroy();
      far.destroy();
    };
    near.on('data', (piece: Buffer) => far.write(piece));
    far.on('data', (piece: Buffer) => {
      if (!this.#cutInMiddle) near.write(piece);
      else {
        this.#cutInMiddle = false;
        near.write(piece.subarray(0, Math.ceil(piece.length / 2)), () => this.#reset(link));
      }
    });
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
  }

  #reset(link: Link): void {
    this.cuts++;
    this.#links.delete(link);
    link.near.resetAndDestroy();
    link.far.destroy();
  }
}
