import { isJsonObject } from '../api/json.ts';
import type { Path } from '../safety/index.ts';
import { splitDocuments } from './documents.ts';
import { type ParsedDocument, type Position, parseDocument } from './parseDocument.ts';
import type { InputProblem } from './problem.ts';
import type { Source } from './sources.ts';

/** One Kubernetes object of the input. */
export interface Manifest {
  readonly document: ParsedDocument;
  /** Where the object stands in its document: `[]`, or `['items', 3]` in a List. */
  readonly at: Path;
  readonly apiVersion: string;
  readonly kind: string;
  /** The object as it was written, without defaults. */
  readonly object: Readonly<Record<string, unknown>>;
}

export interface ReadManifests {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly InputProblem[];
}

/** Lists in lists: kubectl flattens them, and nobody needs more. */
const LIST_DEPTH_MAX = 5;

/**
 * All objects of a file. A document that cannot be parsed is a problem and the others are still read; one that is no
 * Kubernetes object (Helm values, a CI pipeline) is passed over.
 */
export function readManifests(source: Source): ReadManifests {
  const manifests: Manifest[] = [];
  const problems: InputProblem[] = [];
  for (const text of splitDocuments(source.text)) {
    const result = parseDocument(source.file, text);
    if (result.parsed === undefined) problems.push(...result.problems);
    else manifests.push(...objectsIn(result.parsed, result.parsed.value, [], 0));
  }
  return { manifests, problems };
}

/** Where a field of the manifest is written, or the nearest thing above it. */
export function positionIn(manifest: Manifest, path: Path): Position {
  return manifest.document.positionOf([...manifest.at, ...path]);
}

function* objectsIn(document: ParsedDocument, value: unknown, at: Path, depth: number): Generator<Manifest> {
  if (!isJsonObject(value)) return;
  const { apiVersion, kind, items } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return;
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (depth === LIST_DEPTH_MAX) return;
    for (const [index, item] of items.entries()) {
      yield* objectsIn(document, item, [...at, 'items', index], depth + 1);
    }
    return;
  }
  yield { document, at, apiVersion, kind, object: value };
}
