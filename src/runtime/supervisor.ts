/** A part of the operator failed; the process must end. The reason is in `cause`. */
export class ComponentFailedError extends Error {
  override readonly name = 'ComponentFailedError';
  readonly component: string;
  constructor(component: string, cause: unknown) {
    super(`${component} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.component = component;
  }
}

/** Watches parts that run side by side: the first that fails, or ends without having been asked to, is fatal. */
export class Supervisor {
  readonly #fatal = new AbortController();
  readonly #parts = new Map<Promise<void>, string>();

  /** Aborted with a {@link ComponentFailedError} at the first failure. */
  get fatal(): AbortSignal {
    return this.#fatal.signal;
  }

  /** Runs `part` until `end` is aborted. The promise settles with the part and never rejects. */
  run(component: string, end: AbortSignal, part: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const supervised = this.attempt(component, async () => {
      await part(end);
      if (!end.aborted) throw new Error('it ended although nobody had asked it to');
    });
    this.#parts.set(supervised, component);
    void supervised.then(() => this.#parts.delete(supervised));
    return supervised;
  }

  /** Runs `step` to its end; its failure is fatal. Never rejects. */
  async attempt(component: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (err) {
      this.#fatal.abort(new ComponentFailedError(component, err));
    }
  }

  /** Resolves when every part that was ever run has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#parts.keys());
  }

  /** Parts that have not ended. */
  get running(): string[] {
    return [...this.#parts.values()];
  }
}
