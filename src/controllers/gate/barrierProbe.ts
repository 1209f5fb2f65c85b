import { get, type IncomingMessage } from 'node:http';
import { linkAbort } from '../../runtime/index.ts';

/** What a service proxy says: the number of local endpoints it has programmed, or why that is not known. */
export type ProxyReport =
  | { readonly kind: 'Number'; readonly number: number }
  | { readonly kind: 'Nothing'; readonly problem: string };

/** kube-proxy's answer has some 130 bytes. */
const LONGEST_ANSWER = 4096;

/**
 * Asks a node's service proxy through the health check port of a Service (`pkg/proxy/healthcheck/service_health.go`). 503 is an
 * ordinary answer: no local endpoint, or a proxy that calls itself unhealthy; the number is set after the rules either way.
 * Rejects only with the signal's reason.
 */
export async function askProxy(
  address: string,
  port: number,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProxyReport> {
  const { signal, timeoutMs } = options;
  signal.throwIfAborted();
  const link = linkAbort(signal);
  // For the whole exchange: Node's own timeout begins anew with every byte.
  const timer = setTimeout(() => link.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const answer = await exchange(address, port, link.signal);
    return parseReport(answer.code, answer.weight, answer.body);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'Nothing', problem: problemOf(link.signal.aborted ? link.signal.reason : error) };
  } finally {
    clearTimeout(timer);
    link.release();
  }
}

interface Answer {
  readonly code: number;
  readonly weight: string | undefined;
  readonly body: string;
}

function exchange(host: string, port: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // No agent: a connection that is kept would outlive its proxy, and one that hangs would hold the next question up.
    const request = get({ host, port, path: '/', agent: false, signal, headers: { connection: 'close' } });
    request.once('error', reject);
    request.once('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > LONGEST_ANSWER) response.destroy(new Error('the answer is too long'));
      });
      response.once('error', reject);
      response.once('close', () => reject(new Error('the answer broke off')));
      response.once('end', () => {
        const weight = response.headers['x-load-balancing-endpoint-weight'];
        resolve({ code: response.statusCode ?? 0, weight: Array.isArray(weight) ? weight[0] : weight, body });
      });
    });
  });
}

/**
 * Reads an answer. Only kube-proxy's counts: it alone says `serviceProxyHealthy`, and of it alone is known that it sets the
 * number after its rules are in the kernel. (Cilium answers without that field; whether its maps are written then is not known.)
 */
function parseReport(code: number, weight: string | undefined, body: string): ProxyReport {
  if (code !== 200 && code !== 503) return { kind: 'Nothing', problem: `answered ${code}` };
  const answer = jsonObject(body);
  const number = answer?.['localEndpoints'];
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
    return { kind: 'Nothing', problem: `answered ${code} without localEndpoints` };
  if (typeof answer?.['serviceProxyHealthy'] !== 'boolean')
    return { kind: 'Nothing', problem: 'answered by another service proxy than kube-proxy' };
  if (weight !== undefined && weight !== String(number))
    return { kind: 'Nothing', problem: `answered ${number} local endpoints and weight ${weight}` };
  return { kind: 'Number', number };
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Garbage is an answer like any other here.
    return undefined;
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
