/**
 * Which source address and port the next connection uses. Addresses in turn; ports in order from a random start, so
 * that no pair is used twice in a run: a reused pair finds the conntrack entry of its predecessor, possibly one of a
 * dead pod, and shows as a loss that the product did not cause.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 64_999;
const PORTS = LAST_PORT - FIRST_PORT + 1;

/** Hands out (address, port) pairs, each once, until all are used. */
export class SourcePorts {
  readonly #addresses: readonly string[];
  readonly #offset: number;
  #used = 0;

  /** @param addresses local addresses, at least one; @param offset where to start in the port range (default random). */
  constructor(addresses: readonly string[], offset: number = Math.floor(Math.random() * PORTS)) {
    if (addresses.length === 0) throw new RangeError('load generator: at least one source address is needed');
    this.#addresses = addresses;
    this.#offset = offset;
  }

  /** Pairs that are left before one would come a second time. */
  get remaining(): number {
    return this.#addresses.length * PORTS - this.#used;
  }

  /** The next pair; `undefined` when all have been used. */
  next(): { readonly address: string; readonly port: number } | undefined {
    if (this.remaining <= 0) return undefined;
    const count = this.#addresses.length;
    const address = this.#addresses[this.#used % count];
    const port = FIRST_PORT + ((this.#offset + Math.floor(this.#used / count)) % PORTS);
    this.#used++;
    return address === undefined ? undefined : { address, port };
  }
}
