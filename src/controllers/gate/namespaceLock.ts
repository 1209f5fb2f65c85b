/**
 * One holder per namespace at a time: "the last endpoint of a Service" and "more pods than the ReplicaSet wants" are decided
 * on what was written last, so looking and writing must not be cut in two by another pod's.
 */
export class NamespaceLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` when everything that was asked for earlier in this namespace is done; rejects as `work` does. */
  async run<T>(namespace: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(namespace) ?? Promise.resolve();
    const done = Promise.withResolvers<void>();
    const tail = before.then(() => done.promise);
    this.#tails.set(namespace, tail);
    await before;
    try {
      return await work();
    } finally {
      done.resolve();
      if (this.#tails.get(namespace) === tail) this.#tails.delete(namespace);
    }
  }
}
