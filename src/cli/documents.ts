/** One YAML document of a file, cut out before it is parsed. */
export interface DocumentText {
  /** Counted from 1 over the documents that hold something, as people count them. */
  readonly number: number;
  /** Offset of `text` in the file, in UTF-16 units. */
  readonly offset: number;
  /** Lines of the file before `text`. */
  readonly linesBefore: number;
  readonly text: string;
}

const SEPARATOR = /^---(?=\s|$)/u;
const END = /^\.\.\.(?=\s|$)/u;
const EMPTY_LINE = /^\s*(?:#|$)/u;
const DIRECTIVE = /^%/u;

/**
 * Cuts a file at its `---` and `...` lines, which YAML lets stand for nothing else, not even inside of a quoted text
 * (YAML 1.2.2 §9.1.2). So a document that is broken cannot break the next one, and one that is changed leaves the text of
 * the others alone. Documents without content (comments, blank lines) are left out; kubectl passes over them as well.
 */
export function splitDocuments(text: string): readonly DocumentText[] {
  const documents: DocumentText[] = [];
  let start = 0;
  let startLine = 0;
  let hasContent = false;
  let hasSeparator = false;
  let line = 0;

  const cut = (end: number): void => {
    if (hasContent) {
      documents.push({
        number: documents.length + 1,
        offset: start,
        linesBefore: startLine,
        text: text.slice(start, end),
      });
    }
    start = end;
    startLine = line;
    hasContent = false;
    hasSeparator = false;
  };

  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const next = newline === -1 ? text.length : newline + 1;
    const current = text.slice(at, next);
    if (SEPARATOR.test(current)) {
      // Comments and directives before the first separator belong to the document that it begins.
      if (hasContent || hasSeparator) cut(at);
      hasSeparator = true;
      hasContent = !EMPTY_LINE.test(current.slice(3));
    } else if (END.test(current)) {
      line += 1;
      cut(next);
      at = next;
      continue;
    } else if (!hasContent && !EMPTY_LINE.test(current) && !(DIRECTIVE.test(current) && !hasSeparator)) {
      hasContent = true;
    }
    line += 1;
    at = next;
  }
  cut(text.length);
  return documents;
}
