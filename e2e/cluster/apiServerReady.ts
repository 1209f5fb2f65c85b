import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where and as whom to ask. */
export interface ApiAccess {
  url: string;
  caPem: string;
  token: string;
}

/**
 * Waits until a path of the API server answers 200; `/readyz` unless another is given.
 * @param stillRunning throws where waiting has become pointless, because the process died
 * @throws Error with the last answer after `deadlineMs`
 */
export async function waitForApiServer(
  access: ApiAccess,
  options: { deadlineMs: number; stillRunning: () => void; path?: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const path = options.path ?? '/readyz';
  const untilMs = Date.now() + options.deadlineMs;
  for (;;) {
    options.signal?.throwIfAborted();
    options.stillRunning();
    const answer = await ask(`${access.url}${path}`, access, options.signal);
    if (answer === 'ready') return;
    if (Date.now() > untilMs) {
      throw new Error(`${access.url}${path} does not answer 200 after ${options.deadlineMs / 1000} s, but: ${answer}`);
    }
    await sleep(50, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

function ask(url: string, access: ApiAccess, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(
      url,
      {
        ca: access.caPem,
        headers: { authorization: `Bearer ${access.token}` },
        timeout: 2_000,
        agent: false,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? 'ready' : `${response.statusCode} ${body}`));
        response.on('error', (error) => resolve(error.message));
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer within 2 s')));
    asked.on('error', (error) => resolve(error.message));
    asked.end();
  });
}
