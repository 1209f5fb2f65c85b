import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../runtime/logger.ts';
import {
  type AdmissionRequest,
  type AdmissionResponse,
  allow,
  parseAdmissionReview,
  reviewBody,
} from './admissionReview.ts';
import { BODY_LIMIT_BYTES, type BodyBudget, readBody, refuseLength, type Unread } from './serverCallBody.ts';
import { answerWithinMs, parseTimeoutMs } from './serverDeadline.ts';
import type { WebhookMetrics, WebhookOutcome } from './serverMetrics.ts';

/**
 * Decides one request. `signal` is aborted shortly before the API server stops waiting, and when it hangs up. What it
 * throws admits the request unchanged (fail open).
 */
export type AdmissionHandler = (
  request: AdmissionRequest,
  context: { readonly signal: AbortSignal },
) => Promise<AdmissionResponse>;

export interface CallContext {
  readonly handlers: ReadonlyMap<string, AdmissionHandler>;
  readonly log: Logger;
  readonly metrics: WebhookMetrics;
  /** Shared by all calls of a server. */
  readonly bodies: BodyBudget;
  /** True while shutting down: each answer then asks the API server to open its next connection elsewhere. */
  readonly draining: () => boolean;
}

interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly outcome: WebhookOutcome;
}

/** Only a base to read paths against; it names nobody. */
const BASE_URL = 'https://webhook.invalid';

/** Answers one HTTP call, whatever its request target. Rejects only on a fault of ours: the caller must catch that. */
export async function answerCall(req: IncomingMessage, res: ServerResponse, context: CallContext): Promise<void> {
  const url = parseTarget(req.url ?? '');
  const handler = url && context.handlers.get(url.pathname);
  const webhook = handler ? url.pathname.slice(1) : 'unknown';
  const end = context.metrics.begin(webhook);
  const share = context.bodies.share();
  res.on('error', (error) => context.log.debug('webhook answer was not taken', { webhook, err: error }));
  try {
    if (!url || !handler) {
      const unknown = url
        ? { code: 404, reason: 'no such webhook' }
        : { code: 400, reason: 'not the path of a webhook' };
      end(refuse(res, { ...unknown, outcome: 'refused' }, req, context));
      return;
    }
    const refusal = refuseHead(req, context.bodies);
    if (refusal) {
      end(refuse(res, refusal, req, context));
      return;
    }
    const body = await readBody(req, share);
    if (typeof body === 'string') {
      end(refuse(res, REFUSED_UNREAD[body], req, context));
      return;
    }
    const review = parseAdmissionReview(body.text);
    if (!review.ok) {
      context.log.warn('malformed admission review', { webhook, reason: review.reason });
      end(refuse(res, { code: 400, reason: review.reason, outcome: 'malformed' }, undefined, context));
      return;
    }
    const limitMs = answerWithinMs(parseTimeoutMs(url.searchParams.get('timeout')));
    const decided = await decide(review.request, handler, { res, limitMs, webhook, log: context.log });
    if (decided.outcome !== 'cancelled') send(res, 200, 'application/json', reviewBody(decided.response), context);
    end(decided.outcome);
  } catch (error) {
    // Reading failed: the client went away in the middle of its request.
    context.log.debug('webhook call broke off', { webhook, err: error });
    end('cancelled');
    res.destroy();
  } finally {
    share.release();
  }
}

/** A path with its query; undefined for what is no URL (`//`, `http://[`) and for what names another host. */
function parseTarget(target: string): URL | undefined {
  const url = URL.parse(target, BASE_URL);
  return url?.origin === BASE_URL ? url : undefined;
}

interface Decision {
  readonly outcome: WebhookOutcome;
  readonly response: AdmissionResponse;
}

/** Runs the handler against the deadline and the client's patience. */
async function decide(
  request: AdmissionRequest,
  handler: AdmissionHandler,
  call: { readonly res: ServerResponse; readonly limitMs: number; readonly webhook: string; readonly log: Logger },
): Promise<Decision> {
  const controller = new AbortController();
  const interrupted = Promise.withResolvers<Decision>();
  const timer = setTimeout(() => {
    controller.abort(new Error(`the answer was not ready after ${call.limitMs} ms`));
    call.log.error('webhook too slow, request admitted unchanged', {
      ...identity(request, call.webhook),
      limitMs: call.limitMs,
    });
    interrupted.resolve({ outcome: 'timed_out', response: admitUnchecked(request) });
  }, call.limitMs);
  const onClose = () => {
    controller.abort(new Error('the API server hung up'));
    interrupted.resolve({ outcome: 'cancelled', response: allow(request) });
  };
  call.res.once('close', onClose);
  try {
    return await Promise.race([interrupted.promise, runHandler(request, handler, controller.signal, call)]);
  } finally {
    clearTimeout(timer);
    call.res.off('close', onClose);
  }
}

async function runHandler(
  request: AdmissionRequest,
  handler: AdmissionHandler,
  signal: AbortSignal,
  call: { readonly webhook: string; readonly log: Logger },
): Promise<Decision> {
  try {
    const response = await handler(request, { signal });
    return { response, outcome: !response.allowed ? 'denied' : response.patch === undefined ? 'allowed' : 'patched' };
  } catch (error) {
    // After an abort somebody else has answered; the handler's rejection is only its way to stop.
    if (!signal.aborted) {
      call.log.error('webhook failed, request admitted unchanged', { ...identity(request, call.webhook), err: error });
    }
    return { response: admitUnchecked(request), outcome: 'failed_open' };
  }
}

function admitUnchecked(request: AdmissionRequest): AdmissionResponse {
  const object = [request.namespace, request.name].filter(Boolean).join('/');
  return allow(request, {
    warnings: [`graceful-rollout could not look at ${request.resource.resource} ${object}: admitted unchanged`],
  });
}

function identity(request: AdmissionRequest, webhook: string): Record<string, unknown> {
  return {
    webhook,
    uid: request.uid,
    operation: request.operation,
    resource: request.resource.resource,
    namespace: request.namespace,
    name: request.name,
  };
}

const REFUSED_UNREAD: Readonly<Record<Unread, Refusal>> = {
  'too large': { code: 413, reason: `the body is larger than ${BODY_LIMIT_BYTES} bytes`, outcome: 'refused' },
  // The API server goes by its failurePolicy, Ignore: the write is admitted and the controller adopts it afterwards.
  'no room': { code: 503, reason: 'too many bodies are in work', outcome: 'overloaded' },
};

function refuseHead(req: IncomingMessage, bodies: BodyBudget): Refusal | undefined {
  if (req.method !== 'POST') return { code: 405, reason: 'only POST is answered here', outcome: 'refused' };
  const mediaType = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') {
    return { code: 415, reason: 'Content-Type must be application/json', outcome: 'refused' };
  }
  const unread = refuseLength(req, bodies);
  return unread && REFUSED_UNREAD[unread];
}

/** `unread` is a request whose body was not read to its end: its connection cannot be used again. */
function refuse(
  res: ServerResponse,
  refusal: Refusal,
  unread: IncomingMessage | undefined,
  context: CallContext,
): WebhookOutcome {
  if (unread) {
    res.setHeader('Connection', 'close');
    unread.resume();
  }
  if (refusal.code === 405) res.setHeader('Allow', 'POST');
  send(res, refusal.code, 'text/plain; charset=utf-8', `${refusal.reason}\n`, context);
  return refusal.outcome;
}

function send(res: ServerResponse, code: number, type: string, body: string, context: CallContext): void {
  if (context.draining()) res.setHeader('Connection', 'close');
  res.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  res.end(body);
}
