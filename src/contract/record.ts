import { ADOPT_ANNOTATION, type Change, CONTRACT_ANNOTATION, GIVE_BACK_ANNOTATION } from '../api/index.ts';
import { isJsonObject } from '../api/json.ts';
import type { Deployment } from '../api/kubernetes.ts';
import { recordedFields } from './contractFields.ts';

/**
 * A record beyond this many characters is not read: anybody who may edit the Deployment can write the annotation, and
 * all of them may take 262,144 bytes. This operator's own take about 120 characters per container.
 */
const longestRecord = 65_536;

/** So many entries are read, the rest is ignored: a container has two fields, everything else four. */
function longestList({ spec }: Deployment): number {
  const { containers, initContainers } = spec.template.spec;
  return Math.max(fewestEntries, 4 + 3 * (containers.length + (initContainers ?? []).length));
}

/** A record may still name some containers that went while the webhook was away. */
const fewestEntries = 32;

/**
 * The record of changes that a Deployment carries. Undefined: it carries none, or not one that this operator wrote.
 * Entries that name fields beyond the contract's are passed over: whoever may write an annotation must not be able to
 * make the operator write elsewhere. Never throws.
 */
export function readRecord(deployment: Deployment): readonly Change[] | undefined {
  const text = deployment.metadata.annotations?.[CONTRACT_ANNOTATION];
  if (text === undefined || text.length > longestRecord) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const entries: readonly unknown[] = parsed.slice(0, longestList(deployment));
  return entries.filter((entry: unknown): entry is Change => isChange(entry) && recordedFields([entry]).length > 0);
}

/** The Deployment with that record as its annotation; an empty record removes the annotation. */
export function writeRecord(deployment: Deployment, changes: readonly Change[]): Deployment {
  const text =
    changes.length === 0 ? undefined : JSON.stringify(changes.map(({ path, from, to }) => ({ path, from, to })));
  return withAnnotation(deployment, CONTRACT_ANNOTATION, text);
}

export function withAnnotation(deployment: Deployment, key: string, value: string | undefined): Deployment {
  const { annotations, ...metadata } = deployment.metadata;
  if (annotations?.[key] === value) return deployment;
  const others = Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => name !== key));
  const wanted = value === undefined ? others : { ...annotations, [key]: value };
  // The API server drops an empty map; one that was empty before is left as it was.
  if (Object.keys(wanted).length === 0) return { ...deployment, metadata };
  return { ...deployment, metadata: { ...metadata, annotations: wanted } };
}

export function withoutOurAnnotations(deployment: Deployment): Deployment {
  return [CONTRACT_ANNOTATION, ADOPT_ANNOTATION, GIVE_BACK_ANNOTATION].reduce(
    (stripped, key) => withAnnotation(stripped, key, undefined),
    deployment,
  );
}

function isChange(entry: unknown): entry is Change {
  return (
    isJsonObject(entry) &&
    typeof entry.path === 'string' &&
    typeof entry.to === 'string' &&
    (entry.from === null || typeof entry.from === 'string')
  );
}
