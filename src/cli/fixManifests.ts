import type { Finding } from '../safety/index.ts';
import { splitDocuments } from './documents.ts';
import { fixDocument, type Remedy } from './fixDocument.ts';
import { type JudgeManifestsOptions, judgeManifests } from './judgeManifests.ts';
import { type Manifest, readManifests } from './manifests.ts';
import type { ParsedDocument } from './parseDocument.ts';
import type { Source } from './sources.ts';

export interface FixedManifests {
  /** All files, with what `--fix` wrote in them. */
  readonly sources: readonly Source[];
  /** Remedies that were written. */
  readonly written: number;
}

/** More than any object has findings: a pair of rules whose remedies undo each other must not go on for ever. */
const ROUNDS_MAX = 50;

/**
 * Writes the remedies of all findings that have one. One remedy per object and round, then everything is judged anew,
 * because a remedy may mend two findings or be another one's reason.
 */
export function fixManifests(sources: readonly Source[], options: JudgeManifestsOptions): FixedManifests {
  const tried = new Set<string>();
  let current = [...sources];
  let written = 0;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const manifests = current.flatMap((source) => readManifests(source).manifests);
    const turn = nextRemedies(manifests, options, tried);
    if (turn.size === 0) break;
    const changed = new Map<string, Map<number, string>>();
    for (const [document, remedies] of turn) {
      const { document: fixed, refused } = fixDocument(document, remedies);
      written += remedies.length - refused.length;
      const texts = changed.get(document.file) ?? new Map<number, string>();
      texts.set(document.source.number, fixed.source.text);
      changed.set(document.file, texts);
    }
    current = current.map((source) => withDocuments(source, changed.get(source.file)));
  }
  return { sources: current, written };
}

/** The first remedy of each object that was not tried yet, by document. */
function nextRemedies(
  manifests: readonly Manifest[],
  options: JudgeManifestsOptions,
  tried: Set<string>,
): ReadonlyMap<ParsedDocument, readonly Remedy[]> {
  const taken = new Set<Manifest>();
  const remedies = new Map<ParsedDocument, Remedy[]>();
  for (const { finding, manifest } of judgeManifests(manifests, options).findings) {
    if (finding.fix === undefined || finding.fix.length === 0 || taken.has(manifest)) continue;
    const key = keyOf(finding, manifest);
    if (tried.has(key)) continue;
    tried.add(key);
    taken.add(manifest);
    const { document, at } = manifest;
    remedies.set(document, [...(remedies.get(document) ?? []), { at, edits: finding.fix }]);
  }
  return remedies;
}

function keyOf({ code, fix }: Finding, { document, at }: Manifest): string {
  return JSON.stringify([document.file, document.source.number, at, code, fix]);
}

function withDocuments(source: Source, texts: ReadonlyMap<number, string> | undefined): Source {
  if (texts === undefined) return source;
  let text = '';
  let end = 0;
  for (const document of splitDocuments(source.text)) {
    text += source.text.slice(end, document.offset) + (texts.get(document.number) ?? document.text);
    end = document.offset + document.text.length;
  }
  return { ...source, text: text + source.text.slice(end) };
}
