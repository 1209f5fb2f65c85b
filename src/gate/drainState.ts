import { createHmac, timingSafeEqual } from 'node:crypto';
import { DRAIN_ANNOTATION } from '../api/index.ts';
import { isJsonObject, type JsonObject } from '../api/json.ts';
import type { KubeObject, OwnerReference } from '../api/kubernetes.ts';
import { canonicalJson } from '../contract/index.ts';
import type { DrainPath, DrainState } from './types.ts';

/** Which pod a state was written for: a state copied to another pod, or to its namesake, is worth nothing. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type ReadState =
  | { readonly kind: 'None' }
  /** Not written by an operator with this key, or not for this pod: to be taken off, never to be acted upon. */
  | { readonly kind: 'Forged' }
  | { readonly kind: 'State'; readonly state: DrainState };

/** A longer text is not looked into; ours stay far below. */
const longestText = 32_768;
const longestReason = 500;
const longestUser = 300;
/** The state, its objects, their members. */
const deepestState = 4;

/**
 * The annotation's text: canonical JSON of the state with `sig`, an HMAC-SHA256 over the state and the pod's identity.
 * Who may patch pods but does not know the key cannot make the operator act with its own rights. A long `reason`, `unmet`
 * or user name is cut.
 */
export function encodeState(state: DrainState, pod: PodIdentity, key: Uint8Array): string {
  const kept: DrainState = {
    ...state,
    by: state.by.slice(0, longestUser),
    ...(state.reason === undefined ? {} : { reason: state.reason.slice(0, longestReason) }),
    ...(state.unmet === undefined ? {} : { unmet: state.unmet.slice(0, longestReason) }),
  };
  return canonicalJson({ ...kept, sig: signatureOf(kept, pod, key) });
}

/** What was read from a pod, as it was: objects are never changed, a newer version is another object. */
const readBefore = new WeakMap<KubeObject, { readonly key: Uint8Array; readonly read: ReadState }>();

/**
 * The state that the pod carries. Total: whatever the annotation holds, it never throws. Members that this version does
 * not know are signed along with the others (a newer replica may have written them) and left out. Each drain looks at all
 * others of its namespace, so a signature is checked once per version of a pod.
 */
export function readState(pod: KubeObject, key: Uint8Array): ReadState {
  if (pod.metadata.annotations?.[DRAIN_ANNOTATION] === undefined) return { kind: 'None' };
  const before = readBefore.get(pod);
  if (before?.key === key) return before.read;
  const read = readAnew(pod, key);
  readBefore.set(pod, { key, read });
  return read;
}

function readAnew(pod: KubeObject, key: Uint8Array): ReadState {
  const text = pod.metadata.annotations?.[DRAIN_ANNOTATION] ?? '';
  const { namespace, name, uid } = pod.metadata;
  const written = text.length > longestText ? undefined : parsed(text);
  if (!isJsonObject(written) || namespace === undefined || name === undefined || uid === undefined) return forged;
  const { sig, ...members } = written;
  if (typeof sig !== 'string' || !isShallow(members, deepestState)) return forged;
  const expected = Buffer.from(signatureOf(members, { namespace, name, uid }, key));
  const given = Buffer.from(sig);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return forged;
  const state = stateOf(members);
  return state === undefined ? forged : { kind: 'State', state };
}

const forged: ReadState = { kind: 'Forged' };

function signatureOf(state: object, { namespace, name, uid }: PodIdentity, key: Uint8Array): string {
  return createHmac('sha256', key).update(canonicalJson({ state, namespace, name, uid })).digest('base64url');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Text of thousands of brackets must not exhaust the stack of what walks it. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}

const paths: readonly DrainPath[] = ['ScaleDown', 'Eviction', 'Delete'];
const times = ['lastAskedAt', 'until', 'abandonedAt', 'handedOverAt', 'replacedAt', 'isolatedAt', 'drainedAt'] as const;

/** Undefined when what every state has is missing; members of a wrong type are left out. */
function stateOf(members: JsonObject): DrainState | undefined {
  const path = paths.find((known) => known === members.path);
  const { by, askedAt, reason, unmet } = members;
  if (path === undefined || typeof by !== 'string' || !isTime(askedAt)) return undefined;
  const owner = ownerOf(members.owner);
  const removedLabels = labelsOf(members.removedLabels);
  return {
    path,
    by,
    askedAt,
    ...Object.fromEntries(times.flatMap((name) => (isTime(members[name]) ? [[name, members[name]]] : []))),
    ...(owner === undefined ? {} : { owner }),
    ...(removedLabels === undefined ? {} : { removedLabels }),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof unmet === 'string' ? { unmet } : {}),
  };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function ownerOf(value: unknown): OwnerReference | undefined {
  if (!isJsonObject(value)) return undefined;
  const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  if (typeof name !== 'string' || typeof uid !== 'string') return undefined;
  return {
    apiVersion,
    kind,
    name,
    uid,
    ...(typeof controller === 'boolean' ? { controller } : {}),
    ...(typeof blockOwnerDeletion === 'boolean' ? { blockOwnerDeletion } : {}),
  };
}

function labelsOf(value: unknown): Record<string, string> | undefined {
  if (!isJsonObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, label]) => (typeof label === 'string' ? [[key, label]] : [])),
  );
}
