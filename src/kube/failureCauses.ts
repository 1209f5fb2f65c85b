import { errors as undiciErrors } from 'undici';
import { ApiError, TransportError } from './errors.ts';
import type { AttemptFailure } from './retry.ts';

/** Whether reading the credentials again may help: the server does not know us, or we do not know the server. */
export function asksForCredentials(failure: unknown): boolean {
  if (failure instanceof ApiError) return failure.code === 401;
  return failure instanceof TransportError && TLS_REFUSALS.has(codeOf(failure.cause));
}

/** What OpenSSL and Node call a certificate that the CA bundle in use does not vouch for. */
const TLS_REFUSALS = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
]);

/** A failed attempt as `retryDelayMs` weighs it; undefined where trying again is out of the question. */
export function classify(failure: unknown): AttemptFailure | undefined {
  if (failure instanceof ApiError) {
    return { kind: 'answer', code: failure.code, retryAfterSeconds: failure.retryAfterSeconds };
  }
  if (failure instanceof TransportError && failure.failure === 'connection') {
    return { kind: 'connection', neverSent: neverSent(failure.cause) };
  }
  return undefined;
}

function neverSent(cause: unknown): boolean {
  return (
    cause instanceof undiciErrors.ConnectTimeoutError ||
    ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause))
  );
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** One line about an error of a socket; Node leaves the message of some empty. */
export function explain(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(explain).join(', ');
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? codeOf(error) || error.name : error.message;
}
