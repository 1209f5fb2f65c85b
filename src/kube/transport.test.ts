import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from './apiClient.ts';
import type { Client, ServerWarning } from './client.ts';
import type { Credentials } from './connection.ts';
import { ApiError, TransportError } from './errors.ts';
import { configMaps } from './resources.ts';
import { FakeApiServer } from './testing/fakeApiServer.ts';

const ref = { namespace: 'default', name: 'a' };
const object = { metadata: { namespace: 'default', name: 'a' } };

let server: FakeApiServer;
let client: Client;
let warnings: ServerWarning[];
const { signal } = new AbortController();

beforeEach(async () => {
  server = await FakeApiServer.start();
  warnings = [];
  client = createClient({
    connection: server.connection(),
    userAgent: 'test/1',
    fieldManager: 'tester',
    onWarning: (warning) => warnings.push(warning),
  });
});
afterEach(async () => {
  await client.close();
  await server.close();
});

async function failure(call: Promise<unknown>): Promise<ApiError | TransportError> {
  const error = await call.then(
    () => new Error('the call was expected to fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof ApiError || error instanceof TransportError) return error;
  throw error;
}

describe('answers', () => {
  test('a Status becomes an ApiError that says what was asked', async () => {
    server.failNext('any', { kind: 'status', code: 404, reason: 'NotFound' });
    const error = await failure(client.get(configMaps, ref, { signal }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 404, reason: 'NotFound', notFound: true, method: 'GET' });
    expect(error.message).toContain('GET /api/v1/namespaces/default/configmaps/a');
  });

  test('find turns 404 into undefined, and nothing else', async () => {
    server.failNext('any', { kind: 'status', code: 404, reason: 'NotFound' });
    expect(await client.find(configMaps, ref, { signal })).toBeUndefined();
    server.failNext('any', { kind: 'status', code: 403, reason: 'Forbidden' });
    expect(await failure(client.find(configMaps, ref, { signal }))).toMatchObject({ code: 403, forbidden: true });
  });

  test('the answer of a proxy is an ApiError too, with its text', async () => {
    server.failNext('any', { kind: 'text', code: 502, text: 'Bad Gateway' });
    expect(await failure(client.get(configMaps, ref, { signal }))).toMatchObject({
      code: 502,
      reason: '',
      serverMessage: 'Bad Gateway',
    });
  });

  test('an answer that is not JSON is a TransportError of kind answer', async () => {
    server.failNext('any', { kind: 'text', code: 200, text: '<html>' });
    expect(await failure(client.get(configMaps, ref, { signal }))).toMatchObject({ failure: 'answer' });
  });

  test.each([
    'null',
    '{}',
    '{"metadata":{"resourceVersion":"1"},"items":{}}',
    '{"metadata":{"resourceVersion":"1"},"items":[null]}',
  ])('a list that is %s is no list', async (text) => {
    server.failNext('any', { kind: 'text', code: 200, text });
    expect(await failure(client.list(configMaps, { signal }))).toMatchObject({ failure: 'answer' });
  });

  test('warnings reach the listener of the client and of the call', async () => {
    server.answerHeaders['warning'] = ['299 - "first \\"quoted\\""', '299 - "second"', '110 proxy "stale"'];
    const own: string[] = [];
    await client.update(configMaps, object, { signal, onWarning: (warning) => own.push(warning.text) });
    expect(own).toEqual(['first "quoted"', 'second']);
    expect(warnings.map((warning) => warning.text)).toEqual(own);
    expect(warnings[0]?.method).toBe('PUT');
  });
});

describe('what a call sends', () => {
  test('writes carry field manager, strict validation and the kind', async () => {
    await client.update(configMaps, object, { signal, dryRun: true });
    const sent = server.requests[0];
    expect(sent?.url.pathname).toBe('/api/v1/namespaces/default/configmaps/a');
    expect(Object.fromEntries(sent?.url.searchParams ?? [])).toEqual({
      fieldManager: 'tester',
      fieldValidation: 'Strict',
      dryRun: 'All',
    });
    expect(JSON.parse(sent?.body ?? '')).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', ...object });
    expect(sent?.headers['user-agent']).toBe('test/1');
  });

  test.each([
    ['merge', 'application/merge-patch+json'],
    ['strategic', 'application/strategic-merge-patch+json'],
    ['apply', 'application/apply-patch+yaml'],
  ] as const)('a %s patch has its content type', async (type, contentType) => {
    await client.patch(configMaps, ref, { type, body: object }, { signal, subresource: 'status' });
    expect(server.requests[0]?.headers['content-type']).toBe(contentType);
    expect(server.requests[0]?.url.pathname).toBe('/api/v1/namespaces/default/configmaps/a/status');
  });

  test('a delete carries its preconditions', async () => {
    await client.delete(configMaps, ref, { signal, preconditions: { uid: 'u' }, gracePeriodSeconds: 0 });
    expect(JSON.parse(server.requests[0]?.body ?? '')).toMatchObject({
      kind: 'DeleteOptions',
      preconditions: { uid: 'u' },
      gracePeriodSeconds: 0,
    });
  });

  test('an object without a namespace or a name is refused before anything is sent', async () => {
    await expect(client.get(configMaps, { name: 'a' }, { signal })).rejects.toThrow('without its namespace');
    await expect(client.delete(configMaps, { namespace: 'x', name: '' }, { signal })).rejects.toThrow('without a name');
    expect(server.requests).toHaveLength(0);
  });

  test('pages are read to the end, items carry their kind', async () => {
    for (let index = 0; index < 7; index++) server.history.put(`c${index}`);
    const list = await client.list(configMaps, { signal, limit: 3 });
    expect(list.items.map((item) => item.metadata.name)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
    expect(list.items[0]?.kind).toBe('ConfigMap');
    expect(server.requests).toHaveLength(3);
  });

  test('a page token that expires starts the list again in one piece', async () => {
    for (let index = 0; index < 5; index++) server.history.put(`c${index}`);
    server.failNext('list', { kind: 'status', code: 410, reason: 'Expired' });
    const list = await client.list(configMaps, { signal, limit: 2 });
    expect(list.items).toHaveLength(5);
    expect(server.requests.map((request) => request.url.searchParams.get('limit'))).toEqual(['2', null]);
  });
});

describe('trying again', () => {
  test('429 is obeyed, also for a create', async () => {
    server.failNext('any', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 });
    const startedMs = performance.now();
    await client.create(configMaps, object, { signal });
    expect(performance.now() - startedMs).toBeGreaterThan(950);
    expect(server.requests).toHaveLength(2);
  });

  test('429 is the answer where retry is off', async () => {
    server.failNext('any', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 });
    expect(await failure(client.create(configMaps, object, { signal, retry: false }))).toMatchObject({
      code: 429,
      retryAfterSeconds: 1,
    });
  });

  test('a wait longer than the deadline is not begun', async () => {
    server.failNext('any', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 60 });
    const startedMs = performance.now();
    expect(await failure(client.get(configMaps, ref, { signal, deadlineMs: 1000 }))).toMatchObject({ code: 429 });
    expect(performance.now() - startedMs).toBeLessThan(900);
  });

  test.each([
    ['with Retry-After a read is repeated', 'get', 0, 2],
    ['without, it is not', 'get', undefined, 1],
    ['a create is never repeated after a 5xx', 'create', 0, 1],
  ] as const)('503: %s', async (_title, verb, retryAfterSeconds, requests) => {
    server.history.put('a');
    server.failNext('any', {
      kind: 'status',
      code: 503,
      reason: 'ServiceUnavailable',
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
    const call = verb === 'get' ? client.list(configMaps, { signal }) : client.create(configMaps, object, { signal });
    if (requests === 2) await call;
    else expect(await failure(call)).toMatchObject({ code: 503 });
    expect(server.requests).toHaveLength(requests);
  });

  test('a read survives a reset connection, a write does not risk it', async () => {
    server.failNext('any', { kind: 'reset' });
    await client.list(configMaps, { signal });
    expect(server.requests).toHaveLength(2);
    server.failNext('any', { kind: 'reset' });
    expect(await failure(client.update(configMaps, object, { signal }))).toMatchObject({ failure: 'connection' });
    expect(server.requests).toHaveLength(3);
  });

  test('a server that is not there is said so', async () => {
    await server.close();
    const error = await failure(client.list(configMaps, { signal }));
    expect(error).toMatchObject({ failure: 'connection' });
    expect(error.message).toMatch(/no answer from 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    server = await FakeApiServer.start();
  });
});

describe('time', () => {
  test('a server that hangs costs the deadline, no more', async () => {
    server.failNext('any', { kind: 'hang' });
    const error = await failure(client.get(configMaps, ref, { signal, deadlineMs: 150 }));
    expect(error).toMatchObject({ failure: 'deadline' });
    expect(error.message).toContain('within 150 ms');
  });

  test('an abort ends the call at once with its own reason', async () => {
    server.failNext('any', { kind: 'hang' });
    const controller = new AbortController();
    const call = client.get(configMaps, ref, { signal: controller.signal });
    const reason = new Error('shutting down');
    setTimeout(() => controller.abort(reason), 30);
    await expect(call).rejects.toBe(reason);
    await expect(client.get(configMaps, ref, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('an abort ends a wait for Retry-After', async () => {
    server.failNext('any', { kind: 'status', code: 429, retryAfterSeconds: 20 });
    const controller = new AbortController();
    const reason = new Error('shutting down');
    setTimeout(() => controller.abort(reason), 50);
    await expect(client.get(configMaps, ref, { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('connections', () => {
  test('calls share a few, however many are under way', async () => {
    await Promise.all(Array.from({ length: 200 }, () => client.list(configMaps, { signal })));
    expect(server.connectionsMade).toBeLessThanOrEqual(32);
    const made = server.connectionsMade;
    await client.list(configMaps, { signal });
    expect(server.connectionsMade).toBe(made);
  });

  test('a refused token is read again, once', async () => {
    const tokens = ['old', 'new'];
    const asked: boolean[] = [];
    const own = createClient({
      userAgent: 'test/1',
      fieldManager: 'tester',
      connection: {
        ...server.connection(),
        credentials: async ({ refresh }): Promise<Credentials> => {
          asked.push(refresh);
          const token = refresh ? tokens[1] : tokens[0];
          return { headers: { authorization: `Bearer ${token}` }, tls: { ca: server.ca } };
        },
      },
    });
    server.failNext('any', { kind: 'status', code: 401, reason: 'Unauthorized' });
    await own.list(configMaps, { signal });
    expect(server.requests.map((request) => request.headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
    server.failNext('any', { kind: 'status', code: 401, reason: 'Unauthorized' });
    server.failNext('any', { kind: 'status', code: 401, reason: 'Unauthorized' });
    expect(await failure(own.list(configMaps, { signal }))).toMatchObject({ code: 401 });
    await own.close();
  });

  test('a rotated CA is picked up when a certificate does not verify any more', async () => {
    let { ca } = server;
    const own = createClient({
      userAgent: 'test/1',
      fieldManager: 'tester',
      connection: {
        ...server.connection(),
        credentials: async ({ refresh }) => {
          if (refresh) ({ ca } = server);
          return { headers: {}, tls: { ca } };
        },
      },
    });
    await own.list(configMaps, { signal });
    server.rotateCertificate();
    expect(ca).not.toBe(server.ca);
    await own.update(configMaps, object, { signal });
    expect(ca).toBe(server.ca);
    await own.close();
  });

  test('a closed client refuses', async () => {
    await client.close();
    await expect(client.list(configMaps, { signal })).rejects.toThrow('closed');
  });
});
