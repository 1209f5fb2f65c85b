import { type Agent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterEach } from 'vitest';
import { createLogger } from '../runtime/logger.ts';
import { type AdmissionRequest, type AdmissionResponse, allow } from './admissionReview.ts';
import { issueAuthority, issueLeaf } from './certificates/issue.ts';
import { DEFAULT_POLICY } from './certificates/policy.ts';
import {
  type AdmissionHandler,
  createWebhookServer,
  type ServingCertificate,
  type WebhookServer,
  type WebhookServerOptions,
} from './server.ts';

/** The CA that the tests' clients trust. */
export const authority = await issueAuthority(Date.now(), DEFAULT_POLICY);
/** The certificate that the server under test starts with. */
export const leaf = await issueLeaf(authority, ['localhost', '127.0.0.1'], Date.now(), DEFAULT_POLICY);

/** A certificate that the test sets. */
export function certificateSource(first: ServingCertificate | undefined) {
  const listeners = new Set<() => void>();
  let certificate = first;
  return {
    current: () => certificate,
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(next: ServingCertificate) {
      certificate = next;
      for (const listener of listeners) listener();
    },
  };
}

/** A server that listens on loopback and is stopped after the test. */
export interface Running {
  readonly server: WebhookServer;
  readonly port: number;
  readonly registry: Registry;
  readonly log: string[];
  readonly tls: ReturnType<typeof certificateSource>;
  readonly stop: () => void;
  readonly stopped: Promise<void>;
}

const running: Running[] = [];
afterEach(async () => {
  for (const { stop, stopped } of running.splice(0)) {
    stop();
    await stopped;
  }
});

/** What a test may change about its server. */
export interface StartOptions
  extends Partial<Pick<WebhookServerOptions, 'drainSeconds' | 'maxConnections' | 'maxBodiesBytes'>> {
  readonly certificate?: ServingCertificate | null;
}

/** Starts a server; `certificate: null` starts it without one. */
export async function start(handlers: Record<string, AdmissionHandler>, options: StartOptions = {}): Promise<Running> {
  const registry = new Registry();
  const log: string[] = [];
  const tls = certificateSource(options.certificate === null ? undefined : (options.certificate ?? leaf));
  const { certificate: _, ...limits } = options;
  const server = createWebhookServer({
    drainSeconds: 0,
    ...limits,
    port: 0,
    host: '127.0.0.1',
    handlers,
    tls,
    registry,
    log: createLogger({ level: 'debug', write: (line) => log.push(line) }),
  });
  const controller = new AbortController();
  const stopped = server.run(controller.signal);
  await Promise.race([waitFor(() => server.port() !== undefined), stopped]);
  const one = { server, port: server.port() ?? 0, registry, log, tls, stop: () => controller.abort(), stopped };
  running.push(one);
  return one;
}

/** Resolves once `condition` holds; throws after 10 s. */
export async function waitFor(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 5) {
    if (waitedMs > 10_000) throw new Error('waited 10 s in vain');
    await delay(5);
  }
}

export interface Answer {
  readonly code: number;
  readonly connection: string | undefined;
  readonly text: string;
}

/** What a test may change about its call. */
export interface CallOptions {
  readonly agent?: Agent;
  readonly ca?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxVersion?: 'TLSv1.2';
  readonly method?: string;
  readonly signal?: AbortSignal;
}

/** One HTTPS call as the API server makes them. */
export function call(port: number, path: string, body: string | Buffer, options: CallOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        ca: authority.cert,
        agent: false,
        ...options,
        headers: { 'content-type': 'application/json', ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            code: response.statusCode ?? 0,
            connection: response.headers.connection,
            text: Buffer.concat(chunks).toString(),
          }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** An AdmissionReview of an update of Deployment shop/web. */
export const review = (changes: object = {}): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
      name: 'web',
      namespace: 'shop',
      operation: 'UPDATE',
      userInfo: { username: 'kim' },
      object: { spec: { replicas: 1 } },
      ...changes,
    },
  });

/** `response` of the review in an answer. */
export const responseOf = (answer: Answer): AdmissionResponse =>
  (JSON.parse(answer.text) as { response: AdmissionResponse }).response;

/** How many calls ended in each outcome. */
export async function outcomes(registry: Registry): Promise<Record<string, number>> {
  const metric = await registry.getSingleMetric('graceful_rollout_admission_duration_seconds')?.get();
  const counts: Record<string, number> = {};
  for (const entry of metric?.values ?? []) {
    if (!('metricName' in entry) || !String(entry.metricName).endsWith('_count')) continue;
    const outcome = String(entry.labels['outcome']);
    counts[outcome] = (counts[outcome] ?? 0) + entry.value;
  }
  return counts;
}

export const allowAll = (request: AdmissionRequest): Promise<AdmissionResponse> => Promise.resolve(allow(request));
