import { isMap, isScalar, isSeq, type Pair, type ParsedNode, stringify, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Edit, Path } from '../safety/index.ts';
import type { ParsedDocument } from './parseDocument.ts';

/** A piece of a document's text and what to put in its place; offsets are those of the document's own text. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Map = YAMLMap.Parsed;
type Seq = YAMLSeq.Parsed;
type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

/** The way down to a node: the containers with what was taken from each. */
interface Step {
  readonly container: Map | Seq;
  /** Of a map. */
  readonly pair?: ParsedPair;
}

/**
 * The smallest change of text that carries out `edit`; undefined where this file knows none (a value that comes from an
 * alias, a removal from a flow collection). The caller reads the result again and compares, so a case that is not
 * thought of here is found there.
 */
export function spliceFor(parsed: ParsedDocument, { path, value }: Edit): Splice | undefined {
  const editor = new Editor(parsed.source.text);
  const isRemoval = value === undefined;
  let node: ParsedNode | null = parsed.yaml.contents;
  const steps: Step[] = [];
  for (const [depth, part] of path.entries()) {
    const rest = path.slice(depth + 1);
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      const map: Map = node;
      const pair: ParsedPair | undefined = map.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(part),
      );
      if (pair === undefined) return isRemoval ? undefined : editor.addPair(steps, map, part, nested(rest, value));
      steps.push({ container: map, pair });
      node = pair.value;
    } else if (isSeq<ParsedNode>(node)) {
      const seq: Seq = node;
      const index = Number(part);
      if (index === seq.items.length && !isRemoval) return editor.append(steps, seq, nested(rest, value));
      const entry: ParsedNode | ParsedPair | undefined = seq.items[index];
      if (entry === undefined || !('range' in entry)) return undefined;
      steps.push({ container: seq });
      node = entry;
    } else {
      // `lifecycle:` with nothing behind it.
      const isEmpty = isScalar(node) && node.value === null;
      return isRemoval || !isEmpty ? undefined : editor.replace(steps, node, nested([part, ...rest], value));
    }
  }
  return isRemoval ? editor.remove(steps) : editor.replace(steps, node, value);
}

class Editor {
  readonly #text: string;
  readonly #indentSeq: boolean;

  constructor(text: string) {
    this.#text = text;
    // Whoever writes lists at the level of their key goes on doing so.
    this.#indentSeq = !/^( *)(?:- )?[\w.-]+:[ \t]*\r?\n\1- /mu.test(text);
  }

  replace(steps: readonly Step[], old: ParsedNode | null, value: unknown): Splice | undefined {
    const pair = steps.at(-1)?.pair;
    if (old === null) return undefined;
    const [start] = old.range;
    const end = this.#contentEnd(old);
    const isBlock = typeof value === 'object' && value !== null && Object.keys(value).length > 0 && !inFlow(steps);
    const wasBlock = (isMap(old) || isSeq(old)) && old.flow !== true;
    if (!isBlock) {
      const afterColon = wasBlock && pair !== undefined ? this.#text.indexOf(':', rangeOf(pair.key)[1]) + 1 : undefined;
      const text = inline(value);
      if (afterColon !== undefined) return { start: afterColon, end, text: ` ${text}` };
      return { start, end, text: this.#text[start - 1] === ':' ? ` ${text}` : text };
    }
    if (wasBlock) return { start, end, text: this.#block(value, this.#column(start)) };
    if (pair === undefined) return undefined;
    const indent = this.#column(rangeOf(pair.key)[0]) + (Array.isArray(value) && !this.#indentSeq ? 0 : 2);
    let from = start;
    while (this.#text[from - 1] === ' ') from -= 1;
    return { start: from, end, text: `${this.#newline(indent)}${this.#block(value, indent)}` };
  }

  addPair(steps: readonly Step[], map: Map, key: string | number, value: unknown): Splice | undefined {
    const last = map.items.at(-1);
    if (last === undefined) return this.replace(steps, map, { [key]: value });
    const end = this.#contentEnd(map);
    if (map.flow === true) {
      const at = last.value === null ? rangeOf(last.key)[1] : this.#contentEnd(last.value);
      return { start: at, end: at, text: `, ${inline(key)}: ${inline(value)}` };
    }
    const first = map.items[0];
    if (first === undefined) return undefined;
    const indent = this.#column(rangeOf(first.key)[0]);
    return this.#insertLines(end, indent, this.#block({ [key]: value }, indent));
  }

  append(steps: readonly Step[], seq: Seq, value: unknown): Splice | undefined {
    const last = seq.items.at(-1);
    if (last === undefined) return this.replace(steps, seq, [value]);
    const end = this.#contentEnd(seq);
    if (seq.flow === true) {
      const at = 'range' in last ? this.#contentEnd(last) : undefined;
      return at === undefined ? undefined : { start: at, end: at, text: `, ${inline(value)}` };
    }
    const indent = this.#column(seq.range[0]);
    return this.#insertLines(end, indent, `- ${this.#block(value, indent + 2)}`);
  }

  remove(steps: readonly Step[]): Splice | undefined {
    const { container, pair } = steps.at(-1) ?? {};
    if (container === undefined || pair === undefined || !isMap(container) || container.flow === true) return undefined;
    const map = container;
    if (map.items.length === 1) return this.replace(steps.slice(0, -1), map, {});
    const [keyStart] = rangeOf(pair.key);
    const next = map.items[map.items.findIndex((item) => item === pair) + 1];
    const lineStart = this.#text.lastIndexOf('\n', keyStart - 1) + 1;
    if (this.#text.slice(lineStart, keyStart).trim() !== '') {
      // Behind a dash: the next member takes its place.
      return next === undefined ? undefined : { start: keyStart, end: rangeOf(next.key)[0], text: '' };
    }
    const end = pair.value === null ? rangeOf(pair.key)[1] + 1 : this.#contentEnd(pair.value);
    return { start: lineStart, end: Math.min(this.#lineEnd(end) + 1, this.#text.length), text: '' };
  }

  #insertLines(end: number, indent: number, block: string): Splice {
    const at = this.#lineEnd(end);
    const isReturn = this.#text[at - 1] === '\r';
    const start = isReturn ? at - 1 : at;
    return { start, end: start, text: `${this.#newline(indent)}${block}` };
  }

  /** Where the last written character of a node is: a block collection's own range takes in what follows it. */
  #contentEnd(node: ParsedNode): number {
    if (isMap(node) && node.flow !== true) {
      const last = node.items.at(-1);
      if (last !== undefined) return last.value === null ? rangeOf(last.key)[1] + 1 : this.#contentEnd(last.value);
    }
    if (isSeq(node) && node.flow !== true) {
      const last = node.items.at(-1);
      if (last !== undefined && 'range' in last) return this.#contentEnd(last);
    }
    let end = node.range[1];
    while (end > node.range[0] && /[\r\n]/u.test(this.#text[end - 1] ?? '')) end -= 1;
    return end;
  }

  #lineEnd(offset: number): number {
    const end = this.#text.indexOf('\n', offset);
    return end === -1 ? this.#text.length : end;
  }

  #column(offset: number): number {
    return offset - (this.#text.lastIndexOf('\n', offset - 1) + 1);
  }

  #newline(indent: number): string {
    return `${this.#text.includes('\r\n') ? '\r\n' : '\n'}${' '.repeat(indent)}`;
  }

  #block(value: unknown, indent: number): string {
    const lines = stringify(value, { version: '1.1', lineWidth: 0, indentSeq: this.#indentSeq });
    return lines.trimEnd().split('\n').join(this.#newline(indent));
  }
}

function inline(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, collectionStyle: 'flow' }).trimEnd();
}

function inFlow(steps: readonly Step[]): boolean {
  return steps.some(({ container }) => container.flow === true);
}

/** `value` with the objects above it that are missing. */
function nested(path: Path, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
}

function rangeOf(node: ParsedNode): readonly [number, number, number] {
  return node.range;
}
