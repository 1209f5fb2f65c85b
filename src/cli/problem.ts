/** Why a part of the input could not be judged; the rest of it is judged all the same. */
export interface InputProblem {
  /** As the user wrote it; `-` is standard input. */
  readonly file: string;
  /** Counted from 1 over the documents of the file that hold something. */
  readonly document?: number;
  /** Counted from 1. */
  readonly line?: number;
  /** Counted from 1. */
  readonly column?: number;
  /** One line. */
  readonly message: string;
}

/** Arguments that nobody can act on: exit code 2, with a word on what is allowed. */
export class UsageError extends Error {}
