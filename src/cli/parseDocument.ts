import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
} from 'yaml';
import type { Path } from '../safety/index.ts';
import type { DocumentText } from './documents.ts';
import type { InputProblem } from './problem.ts';

/** Counted from 1, in the file. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ParsedDocument {
  readonly file: string;
  readonly source: DocumentText;
  readonly yaml: Document.Parsed;
  /** Plain JSON: what the API server would get. */
  readonly value: unknown;
  /** Where the node at `path` stands, or the deepest one above it that is written down. */
  positionOf(path: Path): Position;
}

export type DocumentResult =
  | { readonly parsed: ParsedDocument }
  | { readonly parsed?: never; readonly problems: readonly InputProblem[] };

/** No manifest has more; each one costs a walk over all others when it is resolved. */
const ALIASES_MAX = 1000;
/** How often one anchor may be expanded, nested ones multiplied (the `yaml` package's own measure). */
const ALIAS_EXPANSIONS_MAX = 1000;
/** Beyond it parsing takes seconds and gigabytes; the API server takes no object of more than 3 MiB. */
const DOCUMENT_CHARACTERS_MAX = 16 << 20;
/** As many as are worth reading of one document. */
const PROBLEMS_MAX = 5;

/**
 * Parses one document as kubectl does (YAML 1.1: `yes` is true, `<<` merges, `0644` is octal; times and `1:30` stay text, as
 * sigs.k8s.io/yaml leaves them). Never throws: what is wrong comes back with its line.
 */
export function parseDocument(file: string, source: DocumentText): DocumentResult {
  const lineCounter = new LineCounter();
  const problem = (message: string, offset?: number): InputProblem => ({
    file,
    document: source.number,
    ...(offset === undefined ? { line: source.linesBefore + 1 } : positionAt(lineCounter, source, offset)),
    // The composer is recursive, and says so in V8's words; a manifest of real use is not 500 levels deep.
    message: message.startsWith('Maximum call stack') ? 'nested too deeply' : oneLine(message),
  });
  if (source.text.length > DOCUMENT_CHARACTERS_MAX) {
    return { problems: [problem(`larger than ${DOCUMENT_CHARACTERS_MAX} characters`)] };
  }
  try {
    const documents = parseAllDocuments(source.text, {
      version: '1.1',
      customTags: (tags) =>
        tags.filter((tag) => typeof tag === 'string' || !(tag.tag.endsWith(':timestamp') || tag.format === 'TIME')),
      lineCounter,
      prettyErrors: false,
      // Compares each key with all others: quadratic. `duplicateKeys` below is not.
      uniqueKeys: false,
      stringKeys: true,
      logLevel: 'error',
    });
    const [yaml, ...more] = Array.isArray(documents) ? documents : [];
    if (yaml === undefined) return { problems: [problem('nothing that could be read')] };
    // The first is the cause, the others mostly follow from it.
    const [broken] = [yaml, ...more].flatMap(({ errors }) => errors);
    if (broken !== undefined) return { problems: [problem(broken.message, broken.pos[0])] };
    const problems: InputProblem[] = [];
    if (more.length > 0) problems.push(problem('two values where one was expected', more[0]?.range[0]));
    problems.push(...duplicateKeys(yaml).map(({ key, offset }) => problem(`the key "${key}" appears twice`, offset)));
    if (problems.length === 0 && countAliases(yaml) > ALIASES_MAX) {
      problems.push(problem(`more than ${ALIASES_MAX} aliases`));
    }
    if (problems.length > 0) return { problems: problems.slice(0, PROBLEMS_MAX) };
    const value: unknown = yaml.toJS({ maxAliasCount: ALIAS_EXPANSIONS_MAX });
    const positionOf = (path: Path): Position =>
      positionAt(lineCounter, source, offsetOf(yaml, path) ?? yaml.contents?.range[0] ?? 0);
    return { parsed: { file, source, yaml, value, positionOf } };
  } catch (error) {
    return { problems: [problem((error as Error).message)] };
  }
}

function positionAt(lineCounter: LineCounter, source: DocumentText, offset: number): Position {
  const { line, col } = lineCounter.linePos(offset);
  return { line: source.linesBefore + Math.max(line, 1), column: Math.max(col, 1) };
}

/** The key's offset for a member, which is where a reader looks; the value's for a list entry. */
function offsetOf(yaml: Document.Parsed, path: Path): number | undefined {
  let node: unknown = yaml.contents;
  let offset = yaml.contents?.range[0];
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const entry: unknown = node.items[Number(part)];
      if (entry === undefined) return offset;
      if (isScalar(entry) || isCollection(entry) || isAlias(entry)) offset = entry.range?.[0] ?? offset;
      node = entry;
    } else return offset;
  }
  return offset;
}

function duplicateKeys(yaml: Document.Parsed): readonly { readonly key: string; readonly offset: number }[] {
  const found: { readonly key: string; readonly offset: number }[] = [];
  visit(yaml, {
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const text = String(key.value);
        if (seen.has(text) && text !== '<<') found.push({ key: text, offset: key.range?.[0] ?? 0 });
        seen.add(text);
      }
    },
  });
  return found;
}

function countAliases(yaml: Document.Parsed): number {
  let aliases = 0;
  visit(yaml, {
    Alias() {
      aliases += 1;
    },
  });
  return aliases;
}

function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
