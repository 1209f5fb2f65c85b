import type { SliceView } from '../../gate/types.ts';

/** A service proxy that takes longer to follow a change of a slice is stuck. */
export const UNLISTED_MS = 30_000;

/**
 * What an EndpointSlice listed until a moment ago: pods by uid, endpoints that name none by their addresses. A pod that no slice lists
 * any more may still be sent to. Bounded by the changes of {@link UNLISTED_MS}.
 */
export class UnlistedEndpoints {
  /** When it was in a slice last, by the monotonic clock; oldest first. */
  readonly #atMs = new Map<string, number>();

  /** A slice has changed. `monoMs`: monotonic, as everywhere here. */
  changed(old: SliceView | undefined, now: SliceView | undefined, monoMs: number): void {
    this.#drop(monoMs);
    if (old === undefined) return;
    const there = new Set(now?.endpoints.flatMap(keysOf));
    for (const key of old.endpoints.flatMap(keysOf)) {
      if (there.has(key)) continue;
      this.#atMs.delete(key);
      this.#atMs.set(key, monoMs);
    }
  }

  hasAny(keys: readonly string[], monoMs: number): boolean {
    this.#drop(monoMs);
    return keys.some((key) => this.#atMs.has(key));
  }

  #drop(monoMs: number): void {
    for (const [key, atMs] of this.#atMs) {
      if (monoMs - atMs < UNLISTED_MS) return;
      this.#atMs.delete(key);
    }
  }
}

function keysOf({ uid, addresses }: SliceView['endpoints'][number]): readonly string[] {
  return uid === undefined ? addresses : [uid];
}
