/** What a command reads and writes beside files; tests hand in their own. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** Whole texts, with their line ends. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `out` shows colours. */
  readonly color: boolean;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}
