import { isDeepStrictEqual } from 'node:util';
import type { Edit, Path } from '../safety/index.ts';
import { type ParsedDocument, parseDocument } from './parseDocument.ts';
import { patchValue } from './patchValue.ts';
import { type Splice, spliceFor } from './splice.ts';

/** What to write into one object of a document. */
export interface Remedy {
  /** Where the object stands in the document. */
  readonly at: Path;
  /** Paths below the object; carried out one after the other. */
  readonly edits: readonly Edit[];
}

export interface FixedDocument {
  readonly document: ParsedDocument;
  /** Those that could not be written without changing something else too (values that come from aliases, mostly). */
  readonly refused: readonly Remedy[];
}

/**
 * Writes remedies into a document's text: comments, order, quotes and indentation of everything else stay. At most one
 * remedy per object. Each result is read again and must be exactly what the edits make of the value, else the remedy is
 * refused, whole.
 */
export function fixDocument(document: ParsedDocument, remedies: readonly Remedy[]): FixedDocument {
  // All together first: a List of a thousand objects is parsed once per step, not once per object.
  const together = writeAll(document, remedies);
  if (together !== undefined) return { document: together, refused: [] };
  let current = document;
  const refused: Remedy[] = [];
  for (const remedy of remedies) {
    const written = writeAll(current, [remedy]);
    if (written === undefined) refused.push(remedy);
    else current = written;
  }
  return { document: current, refused };
}

function writeAll(document: ParsedDocument, remedies: readonly Remedy[]): ParsedDocument | undefined {
  let current: ParsedDocument | undefined = document;
  const steps = Math.max(0, ...remedies.map(({ edits }) => edits.length));
  for (let step = 0; step < steps && current !== undefined; step += 1) {
    const turn = remedies.flatMap(({ at, edits }) => {
      const edit = edits[step];
      return edit === undefined ? [] : [{ path: [...at, ...edit.path], value: edit.value }];
    });
    current = carryOut(current, turn);
  }
  return current;
}

function carryOut(document: ParsedDocument, edits: readonly Edit[]): ParsedDocument | undefined {
  let expected = document.value;
  for (const edit of edits) {
    expected = patchValue(expected, edit);
    if (expected === undefined) return undefined;
  }
  const { text } = document.source;
  const written = isJson(text) ? asJson(text, expected) : withSplices(text, document, edits);
  if (written === undefined) return undefined;
  const { parsed } = parseDocument(document.file, { ...document.source, text: written });
  return parsed !== undefined && isDeepStrictEqual(parsed.value, expected) ? parsed : undefined;
}

/** Undefined when one is not known, or two touch. */
function withSplices(text: string, document: ParsedDocument, edits: readonly Edit[]): string | undefined {
  const splices: Splice[] = [];
  for (const edit of edits) {
    const splice = spliceFor(document, edit);
    if (splice === undefined) return undefined;
    splices.push(splice);
  }
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end, text: replacement } of splices.sort((a, b) => a.start - b.start)) {
    if (start < at) return undefined;
    pieces.push(text.slice(at, start), replacement);
    at = end;
  }
  return [...pieces, text.slice(at)].join('');
}

function isJson(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function asJson(text: string, value: unknown): string {
  const indent = /\n([ \t]+)"/u.exec(text)?.[1];
  return JSON.stringify(value, undefined, indent) + (text.endsWith('\n') ? '\n' : '');
}
