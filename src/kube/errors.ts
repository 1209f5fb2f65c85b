/** One field that the API server objects to: `details.causes[]` of a Status. */
export interface StatusCause {
  /** Machine-readable: `FieldValueInvalid`, `FieldManagerConflict`, ... */
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** The parts of a metav1.Status that callers decide on; anything may be missing (proxies answer too). */
export interface StatusBody {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** What was asked when an error came back. */
export interface RequestSite {
  readonly method: string;
  /** Path with query, without the server's address. */
  readonly path: string;
}

/**
 * The API server answered, and said no. `code` is the HTTP status, `reason` the Kubernetes reason
 * (k8s.io/apimachinery/pkg/apis/meta/v1 StatusReason), empty where a proxy answered without a Status.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  /** From the Status or the Retry-After header, whichever is longer. */
  readonly retryAfterSeconds: number | undefined;
  readonly causes: readonly StatusCause[];
  readonly method: string;
  readonly path: string;
  /** The server's own sentence, without method and path. */
  readonly serverMessage: string;

  constructor(site: RequestSite, httpCode: number, body: StatusBody, retryAfterHeaderSeconds?: number) {
    const code = body.code ?? httpCode;
    const serverMessage = body.message ?? `HTTP ${httpCode}`;
    super(`${site.method} ${site.path}: ${serverMessage} (${code}${body.reason ? ` ${body.reason}` : ''})`);
    this.code = code;
    this.reason = body.reason ?? '';
    this.method = site.method;
    this.path = site.path;
    this.serverMessage = serverMessage;
    const waits = [body.details?.retryAfterSeconds, retryAfterHeaderSeconds].filter((wait) => wait !== undefined);
    this.retryAfterSeconds = waits.length === 0 ? undefined : Math.max(...waits);
    this.causes = (body.details?.causes ?? []).map((cause) => ({
      reason: cause.reason ?? '',
      message: cause.message ?? '',
      field: cause.field ?? '',
    }));
  }

  get notFound(): boolean {
    return this.code === 404;
  }
  /** Somebody else wrote first (or a precondition failed): read again and decide again. */
  get conflict(): boolean {
    return this.code === 409 && this.reason !== 'AlreadyExists';
  }
  get alreadyExists(): boolean {
    return this.code === 409 && this.reason === 'AlreadyExists';
  }
  get forbidden(): boolean {
    return this.code === 403;
  }
  /** The API server, its schema or a webhook refused the object itself: repeating the same write cannot help. */
  get invalid(): boolean {
    return this.code === 422 || (this.code === 400 && this.reason === 'BadRequest');
  }
  /** The resourceVersion or continue token is older than what the server keeps (410 Gone or Expired). */
  get expired(): boolean {
    return this.code === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
}

/**
 * - `connection`: the connection failed or broke; a write may or may not have happened.
 * - `deadline`: no complete answer within the call's deadline; a write may or may not have happened.
 * - `answer`: something answered that is not the Kubernetes API (not JSON, half a body).
 */
export type TransportFailure = 'connection' | 'deadline' | 'answer';

/** No answer from the API server, or one that is not its own. The underlying error is in `cause`. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly failure: TransportFailure;
  readonly method: string;
  readonly path: string;

  constructor(site: RequestSite, failure: TransportFailure, problem: string, cause?: unknown) {
    super(`${site.method} ${site.path}: ${problem}`, cause === undefined ? {} : { cause });
    this.failure = failure;
    this.method = site.method;
    this.path = site.path;
  }
}

/** True for "there is no such object" (404), the one error that most callers treat as an ordinary answer. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.notFound;
}

/** True for an optimistic-concurrency or precondition conflict (409, not AlreadyExists). */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.conflict;
}
