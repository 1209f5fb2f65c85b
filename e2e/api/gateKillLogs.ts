import { readFileSync } from 'node:fs';

/** A step that the operator said it takes. */
export interface StepLine {
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly step: string;
}

/** What its webhooks answered about the end of a pod. */
export interface AnswerLine {
  readonly namespace: string;
  readonly name: string;
  readonly answer: string;
}

/** The log of the operator (level debug), of all its processes. */
export class OperatorLog {
  readonly #file: string;
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** The steps since the last time. */
  takeSteps(): readonly StepLine[] {
    const text = readFileSync(this.#file).subarray(this.#offset).toString();
    const end = text.lastIndexOf('\n') + 1;
    this.#offset += Buffer.byteLength(text.slice(0, end));
    return linesOf(text.slice(0, end), 'next step of a drain') as readonly StepLine[];
  }

  /** Every answer about this pod. */
  answersAbout(namespace: string, name: string): readonly string[] {
    const lines = linesOf(readFileSync(this.#file, 'utf8'), 'answered the end of a pod') as readonly AnswerLine[];
    return lines.flatMap((line) => (line.namespace === namespace && line.name === name ? [line.answer] : []));
  }
}

function linesOf(text: string, message: string): readonly unknown[] {
  const lines = text.split('\n').filter((line) => line.endsWith('}') && line.includes(`"msg":"${message}"`));
  return lines.map((line): unknown => JSON.parse(line));
}

/** One request that an API server let through although a webhook should have been asked about it (`failurePolicy: Ignore`). */
export interface FailOpen {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Nobody answered in time, though somebody listened: a machine that is too busy, or an operator that hangs. */
  readonly isTimeout: boolean;
  readonly text: string;
}

/** What the log of an API server says of that (apiserver `webhook/validating/dispatcher.go`), in order. Pure. */
export function failOpensIn(log: string, year = new Date().getFullYear()): readonly FailOpen[] {
  return log.split('\n').flatMap((line) => {
    const [, month, day, time] = /^W(\d\d)(\d\d) (\d\d:\d\d:\d\d\.\d{3})\d* .*failing open/.exec(line) ?? [];
    if (time === undefined) return [];
    // klog writes the local time.
    const atMs = new Date(`${year}-${month}-${day}T${time}`).getTime();
    return [{ atMs, isTimeout: /deadline exceeded|timeout/i.test(line), text: line.slice(line.indexOf('] ') + 2) }];
  });
}

/** From the answer of no webhook to the deletion that a watch shows. */
const BEFORE_MS = 3_000;
const AFTER_MS = 500;

/** Those that may be about a deletion that was seen at this time. */
export function failOpensNear(file: string, atMs: number): readonly FailOpen[] {
  const all = failOpensIn(readFileSync(file, 'utf8'));
  return all.filter((each) => each.atMs >= atMs - BEFORE_MS && each.atMs <= atMs + AFTER_MS);
}
