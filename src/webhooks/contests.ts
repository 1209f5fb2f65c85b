/** A writer that keeps naming a value which the contract raises, as seen by this replica's webhook. */
export interface Contest {
  /** Path of the leaf, as in `Change.path`. */
  readonly field: string;
  /** User name of the writer, as authenticated by the API server; its first 256 characters. */
  readonly writer: string;
  /** JSON text of the value it writes; its first 256 characters. */
  readonly value: string;
  /** Writes of that value within {@link contestWindowMs}. */
  readonly times: number;
  readonly lastSeenMs: number;
}

export interface Reassertion {
  readonly namespace: string;
  readonly deployment: string;
  readonly field: string;
  readonly writer: string;
  readonly value: string;
}

/** Writes of one value by one writer within the window from which on it counts as insisting: a person who applies twice does not. */
export const contestThreshold = 3;
/** Longer than the usual interval of a GitOps tool (Flux: 10 min), so that one that reasserts each time is seen. */
export const contestWindowMs = 35 * 60_000;
/** A flood of different writers cannot grow the memory: the oldest entry goes. */
const maxEntries = 10_000;
/** Characters kept of each text: whoever reaches the webhook chooses them, and every entry holds them. */
const maxCharacters = 256;

/**
 * Counts, per target, field and writer, how often a raised value is written again. Pure memory: what it knows is lost
 * with the process and learnt again from the next writes, which is all that a report of a standing dispute needs.
 */
export class Contests {
  readonly #times = new Map<string, number[]>();

  /**
   * Texts longer than 256 characters are cut first, so writes that differ only behind that count as the same.
   *
   * @returns the contest when this write makes the writer one that insists, else `undefined`.
   */
  note(reassertion: Reassertion, nowMs: number): Contest | undefined {
    const namespace = cut(reassertion.namespace);
    const deployment = cut(reassertion.deployment);
    const field = cut(reassertion.field);
    const writer = cut(reassertion.writer);
    const value = cut(reassertion.value);
    const key = JSON.stringify([namespace, deployment, field, writer, value]);
    const recent = (this.#times.get(key) ?? []).filter((atMs) => atMs <= nowMs && nowMs - atMs < contestWindowMs);
    recent.push(nowMs);
    if (recent.length > 100) recent.shift();
    this.#times.delete(key);
    this.#times.set(key, recent);
    if (this.#times.size > maxEntries) {
      const oldest = this.#times.keys().next().value;
      if (oldest !== undefined) this.#times.delete(oldest);
    }
    if (recent.length < contestThreshold) return undefined;
    return { field, writer, value, times: recent.length, lastSeenMs: nowMs };
  }
}

/** Never ends between the two halves of a surrogate pair: half a character is no valid text for the status. */
function cut(text: string): string {
  if (text.length <= maxCharacters) return text;
  const last = text.charCodeAt(maxCharacters - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? maxCharacters - 1 : maxCharacters);
}
