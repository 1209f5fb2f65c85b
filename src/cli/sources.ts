import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { InputProblem } from './problem.ts';

/** One file of the input, as it was read. */
export interface Source {
  /** As the user wrote it, or below the folder that the user named; `-` is standard input. */
  readonly file: string;
  readonly text: string;
}

export interface ReadSources {
  readonly sources: readonly Source[];
  readonly problems: readonly InputProblem[];
}

/** What is read at most: beyond it an input is a mistake, and memory is the machine's. */
export interface SourceLimits {
  readonly fileBytes: number;
  readonly totalBytes: number;
  readonly files: number;
}

const SOURCE_LIMITS: SourceLimits = { fileBytes: 64 << 20, totalBytes: 256 << 20, files: 20_000 };

const MANIFEST = /\.(ya?ml|json)$/u;

/**
 * Reads files, folders (all `.yaml`, `.yml` and `.json` below them, hidden ones and `node_modules` apart, in the order of
 * their names, links not followed) and `-` (standard input). What cannot be read is a problem, not an exception.
 */
export async function readSources(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array | string>,
  limits: SourceLimits = SOURCE_LIMITS,
): Promise<ReadSources> {
  const sources: Source[] = [];
  const problems: InputProblem[] = [];
  const seen = new Set<string>();
  let leftBytes = limits.totalBytes;

  const take = (file: string, bytes: Uint8Array): void => {
    leftBytes -= bytes.length;
    try {
      sources.push({ file, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) });
    } catch (error) {
      problems.push({ file, message: `is not UTF-8 text (${(error as Error).message})` });
    }
  };
  const takeFile = async (file: string, bytes: number): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    if (seen.size > limits.files) {
      if (seen.size === limits.files + 1) problems.push({ file, message: `more than ${limits.files} files` });
      return;
    }
    const limit = Math.min(limits.fileBytes, leftBytes);
    if (bytes > limit) problems.push({ file, message: tooLarge(bytes, limit) });
    else take(file, await readFile(file));
  };

  for (const path of paths) {
    try {
      if (path === '-') {
        if (seen.has('-')) continue;
        seen.add('-');
        const limit = Math.min(limits.fileBytes, leftBytes);
        const read = await readStream(stdin, limit);
        if (read === undefined) problems.push({ file: '-', message: tooLarge(undefined, limit) });
        else take('-', read);
        continue;
      }
      const found = await stat(path);
      if (!found.isDirectory()) await takeFile(path, found.size);
      else for (const file of await filesBelow(path)) await takeFile(file, (await stat(file)).size);
    } catch (error) {
      problems.push({ file: path, message: `cannot be read: ${(error as Error).message}` });
    }
  }
  return { sources, problems };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile() && MANIFEST.test(entry.name)) files.push(path);
  }
  return files;
}

async function readStream(
  stream: AsyncIterable<Uint8Array | string>,
  limitBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    bytes += piece.length;
    if (bytes > limitBytes) return undefined;
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytes: number | undefined, limitBytes: number): string {
  const size = bytes === undefined ? 'more than what is read at most' : `${bytes} bytes`;
  return `is too large: ${size}, limit ${limitBytes} bytes; pass fewer or smaller files`;
}
