import { ADOPT_ANNOTATION, type Change, CONTRACT_ANNOTATION, GIVE_BACK_ANNOTATION } from '../api/index.ts';
import type { Deployment, KubeObject } from '../api/kubernetes.ts';
import { isRecord } from './canonicalJson.ts';
import { recordedFields } from './contractFields.ts';

/** A record beyond this many characters is not one that this operator wrote (all annotations may take 262,144 bytes). */
const longestRecord = 131_072;

/**
 * The record of changes that a Deployment carries. Undefined: it carries none, or not one that this operator wrote.
 * Entries that name fields beyond the contract's are passed over: whoever may write an annotation must not be able to
 * make the operator write elsewhere. Never throws.
 */
export function readRecord(deployment: KubeObject): readonly Change[] | undefined {
  const text = deployment.metadata.annotations?.[CONTRACT_ANNOTATION];
  if (text === undefined || text.length > longestRecord) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  return parsed.filter((entry: unknown): entry is Change => isChange(entry) && recordedFields([entry]).length > 0);
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
    isRecord(entry) &&
    typeof entry.path === 'string' &&
    typeof entry.to === 'string' &&
    (entry.from === null || typeof entry.from === 'string')
  );
}
