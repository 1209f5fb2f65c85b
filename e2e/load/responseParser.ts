/**
 * Reads one HTTP/1.1 answer with a Content-Length from a byte stream: all that the rig's servers send. Small on
 * purpose, so that what counts as an answer can be read here instead of in a library's retry logic.
 */

/** A complete answer. */
export interface ParsedResponse {
  readonly status: number;
  readonly body: string;
  /** The server said `Connection: close`: this connection carries no further request. */
  readonly close: boolean;
  /** Value of the `x-pod` header: which pod answered. */
  readonly pod: string | undefined;
}

/** State after some bytes: more needed, an answer, or not HTTP. */
export type ParseStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'response'; readonly response: ParsedResponse }
  | { readonly kind: 'malformed'; readonly detail: string };

const MORE: ParseStep = { kind: 'more' };
const HEAD_LIMIT_BYTES = 16_384;

/** Feeds on chunks until one answer is complete. One parser per answer. */
export class ResponseParser {
  #buffered: Buffer | undefined;
  #head: { status: number; close: boolean; pod: string | undefined; bodyStart: number; length: number } | undefined;

  /** Bytes received so far. */
  get bytes(): number {
    return this.#buffered?.length ?? 0;
  }

  /** Takes the next chunk. */
  push(chunk: Buffer): ParseStep {
    const data = this.#buffered === undefined ? chunk : Buffer.concat([this.#buffered, chunk]);
    this.#buffered = data;
    if (this.#head === undefined) {
      const headEnd = data.indexOf('\r\n\r\n');
      if (headEnd < 0) return data.length > HEAD_LIMIT_BYTES ? malformed('no end of the headers') : MORE;
      const head = parseHead(data.toString('latin1', 0, headEnd));
      if (typeof head === 'string') return malformed(head);
      this.#head = { ...head, bodyStart: headEnd + 4 };
    }
    const { bodyStart, length, status, close, pod } = this.#head;
    if (data.length < bodyStart + length) return MORE;
    if (data.length > bodyStart + length) return malformed('bytes after the end of the answer');
    return { kind: 'response', response: { status, close, pod, body: data.toString('utf8', bodyStart) } };
  }
}

function malformed(detail: string): ParseStep {
  return { kind: 'malformed', detail };
}

function parseHead(text: string): { status: number; close: boolean; pod: string | undefined; length: number } | string {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine);
  if (match === null) return `not an HTTP/1.1 status line: ${JSON.stringify(statusLine.slice(0, 60))}`;
  let length: number | undefined;
  let close = false;
  let pod: string | undefined;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).toLowerCase()) {
      case 'content-length':
        length = Number(value);
        break;
      case 'connection':
        close = value.toLowerCase() === 'close';
        break;
      case 'x-pod':
        pod = value;
        break;
      default:
    }
  }
  if (length === undefined || !Number.isSafeInteger(length) || length < 0) return 'no usable Content-Length';
  return { status: Number(match[1]), close, pod, length };
}
