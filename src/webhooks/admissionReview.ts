import { isJsonObject } from '../api/json.ts';
import { sanitizeWarnings } from './admissionReviewWarnings.ts';
import { diff } from './jsonPatch.ts';

/** A group, version and kind, as admission.k8s.io/v1 writes it. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** Who asks. */
export interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** `request` of an AdmissionReview (k8s.io/api admission/v1), plain JSON; fields not named here are kept. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subResource?: string;
  readonly requestKind?: GroupVersionKind;
  readonly requestResource?: GroupVersionResource;
  readonly requestSubResource?: string;
  /** Absent or empty on a CREATE with `generateName`. */
  readonly name?: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string;
  readonly operation: AdmissionOperation;
  readonly userInfo: UserInfo;
  /** The object as it would be stored; null on DELETE and CONNECT. */
  readonly object?: Readonly<Record<string, unknown>> | null;
  /** The stored object; null on CREATE and CONNECT. */
  readonly oldObject?: Readonly<Record<string, unknown>> | null;
  /** True: nothing outside of the answer may change. */
  readonly dryRun?: boolean;
  /** The operation's options: DeleteOptions, PatchOptions, ... */
  readonly options?: Readonly<Record<string, unknown>> | null;
}

/** `response` of an AdmissionReview (k8s.io/api admission/v1). */
export interface AdmissionResponse {
  /** The request's. */
  readonly uid: string;
  readonly allowed: boolean;
  /** Only when denied: what the client gets. */
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  /** Base64 of a JSON patch. */
  readonly patch?: string;
  readonly patchType?: 'JSONPatch';
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  /** See {@link sanitizeWarnings}. */
  readonly warnings?: readonly string[];
}

/** What may go with any answer. Warnings are made fit for the API server here. */
export interface AnswerExtras {
  readonly warnings?: readonly string[];
  /** Keys without a prefix; the API server prefixes the webhook's name. */
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** Admits the request as it is. */
export function allow(request: AdmissionRequest, extras: AnswerExtras = {}): AdmissionResponse {
  return { uid: request.uid, allowed: true, ...extrasOf(extras) };
}

/** Admits the request with `object` in place of `request.object`; without a patch when they are equal. */
export function allowAs(request: AdmissionRequest, object: unknown, extras: AnswerExtras = {}): AdmissionResponse {
  const operations = diff(request.object ?? {}, object);
  if (operations.length === 0) return allow(request, extras);
  return {
    ...allow(request, extras),
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  };
}

/**
 * Refuses the request. `code` and `reason` reach the client as they are (metav1.Status); no `retryAfterSeconds`, because
 * client-go sleeps for it inside the caller's worker.
 */
export function deny(
  request: AdmissionRequest,
  status: { readonly code: number; readonly reason: string; readonly message: string },
  extras: AnswerExtras = {},
): AdmissionResponse {
  return { uid: request.uid, allowed: false, status, ...extrasOf(extras) };
}

/** The body of the HTTP answer. */
export function reviewBody(response: AdmissionResponse): string {
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}

export type ParsedReview =
  | { readonly ok: true; readonly request: AdmissionRequest }
  | { readonly ok: false; readonly reason: string };

const OPERATIONS: readonly string[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];

/** Reads the body of a call by the API server. Never throws: `reason` says which field is wrong, without quoting values. */
export function parseAdmissionReview(body: string): ParsedReview {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    // V8's message quotes the text around the error, which may be part of a Secret.
    return refuse(`the body is not JSON (${error instanceof SyntaxError ? 'syntax error' : 'unreadable'})`);
  }
  if (!isJsonObject(review)) return refuse('the body is not a JSON object');
  if (review['kind'] !== 'AdmissionReview') return refuse('kind is not AdmissionReview');
  if (review['apiVersion'] !== 'admission.k8s.io/v1') {
    return refuse('apiVersion is not admission.k8s.io/v1; list v1 in the webhook’s admissionReviewVersions');
  }
  const request = review['request'];
  if (!isJsonObject(request)) return refuse('request is missing');
  const problem = requestProblem(request);
  return problem === undefined ? { ok: true, request: review['request'] as AdmissionRequest } : refuse(problem);
}

function requestProblem(request: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof request['uid'] !== 'string' || request['uid'] === '') return 'request.uid is missing';
  if (typeof request['operation'] !== 'string' || !OPERATIONS.includes(request['operation'])) {
    return 'request.operation is not CREATE, UPDATE, DELETE or CONNECT';
  }
  if (!hasStrings(request['kind'], ['group', 'version', 'kind']))
    return 'request.kind is not a group, version and kind';
  if (!hasStrings(request['resource'], ['group', 'version', 'resource'])) {
    return 'request.resource is not a group, version and resource';
  }
  if (!isJsonObject(request['userInfo'])) return 'request.userInfo is missing';
  for (const field of ['name', 'namespace', 'subResource']) {
    if (!['string', 'undefined'].includes(typeof request[field])) return `request.${field} is not a string`;
  }
  for (const field of ['object', 'oldObject', 'options']) {
    const value = request[field];
    if (value !== undefined && value !== null && !isJsonObject(value)) return `request.${field} is not an object`;
  }
  if (!['boolean', 'undefined'].includes(typeof request['dryRun'])) return 'request.dryRun is not a boolean';
  return undefined;
}

function extrasOf(extras: AnswerExtras): Pick<AdmissionResponse, 'warnings' | 'auditAnnotations'> {
  const warnings = sanitizeWarnings(extras.warnings ?? []);
  return {
    ...(warnings.length > 0 && { warnings }),
    ...(extras.auditAnnotations && { auditAnnotations: extras.auditAnnotations }),
  };
}

function refuse(reason: string): ParsedReview {
  return { ok: false, reason };
}

function hasStrings(value: unknown, fields: readonly string[]): boolean {
  return isJsonObject(value) && fields.every((field) => typeof value[field] === 'string');
}
