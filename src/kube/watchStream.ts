import type { KubeObject } from '../api/kubernetes.ts';
import type { WatchEvent } from './client.ts';
import { ApiError, type RequestSite, type StatusBody, TransportError } from './errors.ts';

/** Larger than any object that etcd stores (1.5 MiB) with room for escapes: a longer line is not a watch event. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * The events of a watch, one JSON text per line. A stream that ends in mid-line throws: half a line is no event, and
 * dropping it silently would look like a clean end.
 */
export async function* watchEvents<T extends KubeObject>(
  pieces: AsyncIterable<Buffer>,
  site: RequestSite,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  for await (const line of lines(pieces, site)) yield parseEvent<T>(line, site);
}

async function* lines(pieces: AsyncIterable<Buffer>, site: RequestSite): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let partBytes = 0;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      const rest = piece.subarray(start, end);
      const line = (parts.length === 0 ? rest : Buffer.concat([...parts, rest])).toString('utf8');
      parts = [];
      partBytes = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start < piece.length) {
      parts.push(piece.subarray(start));
      partBytes += piece.length - start;
      if (partBytes > LONGEST_LINE_BYTES) {
        throw new TransportError(site, 'answer', `a line of the watch is longer than ${LONGEST_LINE_BYTES} bytes`);
      }
    }
  }
  if (partBytes > 0) throw new TransportError(site, 'connection', `the stream ended in the middle of a line`);
}

interface Line<T> {
  readonly type?: string;
  readonly object?: T & StatusBody;
}

function parseEvent<T extends KubeObject>(line: string, site: RequestSite): WatchEvent<T> {
  let parsed: Line<T> | null;
  try {
    parsed = JSON.parse(line) as Line<T> | null;
  } catch (error) {
    throw new TransportError(site, 'answer', `a line of the watch is not JSON: ${line.slice(0, 100)}`, error);
  }
  const { type, object } = parsed ?? {};
  if (type === 'ERROR') return { type, error: new ApiError(site, object?.code ?? 500, object ?? {}) };
  const metadata = object?.metadata;
  if (object !== undefined && metadata?.resourceVersion !== undefined) {
    if (type === 'BOOKMARK') return { type, resourceVersion: metadata.resourceVersion };
    if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') && metadata.name !== undefined) {
      return { type, object };
    }
  }
  throw new TransportError(site, 'answer', `a line of the watch is no watch event: ${line.slice(0, 100)}`);
}
