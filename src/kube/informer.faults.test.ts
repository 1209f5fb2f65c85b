import { array, assert, asyncProperty, constantFrom, integer, oneof, tuple } from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createClient } from './apiClient.ts';
import type { Client } from './client.ts';
import { createInformer, type Informer, type InformerNote } from './informer.ts';
import { type ConfigMap, configMaps } from './resources.ts';
import { type Cut, FakeApiServer, type Fault } from './testing/fakeApiServer.ts';
import { fasterClock } from './testing/fasterClock.ts';
import { HandlerLog } from './testing/handlerLog.ts';

/** Back-off of 800 ms becomes 20 ms, silence of 90 s becomes 2.25 s. */
const SPEED = 40;

let server: FakeApiServer;
let client: Client;
let informer: Informer<ConfigMap>;
let running: Promise<void>;
let stop: AbortController;
let notes: InformerNote[];
let log: HandlerLog<ConfigMap>;

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = createClient({ connection: server.connection(), userAgent: 'test/1', fieldManager: 'tester' });
  stop = new AbortController();
  notes = [];
  log = new HandlerLog();
  for (let index = 0; index < 7; index++) server.history.put(`c${index}`);
});
afterEach(async () => {
  stop.abort();
  await running;
  await client.close();
  await server.close();
});

function start(silenceMs = 90_000): void {
  informer = createInformer<ConfigMap>({
    client,
    resource: configMaps,
    clock: fasterClock(SPEED),
    pageSize: 3,
    silenceMs,
    onNote: (note) => notes.push(note),
  });
  informer.onChange((key, change) => log.hear(key, change));
  running = informer.run(stop.signal);
}

/** Waits until the cache equals the server, then checks that the handler was told a story that ends there too. */
async function converged(): Promise<void> {
  await vi.waitFor(() => expect(cached()).toEqual(server.history.versions()), { timeout: 10_000, interval: 10 });
  expect(log.state()).toEqual(server.history.versions());
}

function cached(): Map<string, string> {
  return new Map(
    Array.from(informer.versions(), ([key, { uid, resourceVersion }]) => [key, `${uid}@${resourceVersion}`]),
  );
}

async function watching(): Promise<void> {
  await vi.waitFor(() => expect(server.runningWatches).toBe(1), { timeout: 10_000, interval: 5 });
}

const lists = (): number => server.requests.filter((request) => request.url.searchParams.get('watch') === null).length;
const watches = (): number => server.requests.filter((request) => request.url.searchParams.has('watch')).length;

/** Everything that can happen to objects while nobody looks. */
function changeMuch(): void {
  server.history.put('c0', 'changed');
  server.history.delete('c1');
  server.history.put('new');
  server.history.delete('c2');
  server.history.put('c2', 'reborn');
}

function goBack(by: number): void {
  server.history.goBack(by);
  log.historyRewritten = true;
}

test('lists in pages, watches, and follows every change', async () => {
  start();
  await informer.waitForSync(stop.signal);
  await watching();
  changeMuch();
  await converged();
  expect(lists()).toBe(3);
  expect(log.of('default/c2')).toEqual(['added', 'deleted', 'added']);
});

test('a bookmark moves the version from which it resumes', async () => {
  start();
  await watching();
  server.history.bookmark();
  const version = String(server.history.version);
  await vi.waitFor(() => expect(informer.resourceVersion).toBe(version));
  server.cut('end');
  await vi.waitFor(() => expect(watches()).toBe(2));
  expect(server.requests.at(-1)?.url.searchParams.get('resourceVersion')).toBe(version);
});

test.each<[Cut, 'resumes' | 'lists again']>([
  ['end', 'resumes'],
  ['reset', 'resumes'],
  ['halfLine', 'resumes'],
  ['resetMidLine', 'resumes'],
  ['expired', 'lists again'],
  ['error500', 'lists again'],
  ['garbage', 'lists again'],
])('a watch cut by %s: nothing is missed, it %s', async (cut, how) => {
  start();
  await watching();
  server.history.put('before');
  await converged();
  server.cut(cut);
  changeMuch();
  await converged();
  expect(lists()).toBe(how === 'resumes' ? 3 : 6);
});

test('a silent watch is given up and resumed', async () => {
  start(8_000);
  await watching();
  server.history.put('before');
  await converged();
  server.cut('silence');
  changeMuch();
  expect(cached()).not.toEqual(server.history.versions());
  await converged();
  expect(lists()).toBe(3);
  expect(notes).toContainEqual(
    expect.objectContaining({ note: 'watchEnded', why: expect.stringMatching(/^silent for/) }),
  );
});

test('a watch with life in it is not taken for silent', async () => {
  start(8_000);
  await watching();
  for (let tick = 0; tick < 8; tick++) {
    server.history.bookmark();
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
  }
  expect(watches()).toBe(1);
});

test('410 on the watch lists again', async () => {
  start();
  await watching();
  server.cut('end');
  // In the same turn: the client has not come back yet, and meets a history that is gone.
  changeMuch();
  server.history.compact();
  await converged();
  expect(lists()).toBe(6);
});

test('410 in the middle of paging lists again in one piece', async () => {
  server.failNext('list', { kind: 'status', code: 410, reason: 'Expired' });
  start();
  await converged();
  expect(server.requests[1]?.url.searchParams.get('limit')).toBeNull();
});

const failures = [
  ['500', { kind: 'status', code: 500, reason: 'InternalError' }],
  ['429 with Retry-After', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 4 }],
  ['503 of a proxy', { kind: 'text', code: 503, text: 'no healthy upstream' }],
  ['a reset', { kind: 'reset' }],
  ['403', { kind: 'status', code: 403, reason: 'Forbidden' }],
  ['a page of HTML', { kind: 'text', code: 200, text: '<html>\n' }],
] as const satisfies readonly (readonly [string, Fault])[];

test.each(failures)('a list that meets %s is tried again until it works', async (_title, fault) => {
  for (let times = 0; times < 3; times++) server.failNext('list', fault);
  start();
  expect(informer.hasSynced()).toBe(false);
  await converged();
  expect(server.faultsLeft).toBe(0);
  expect(notes.filter((note) => note.note === 'failed' && note.during === 'list')).toHaveLength(3);
});

test.each(failures)('a watch that meets %s is tried again until it works', async (_title, fault) => {
  start();
  await watching();
  for (let times = 0; times < 3; times++) server.failNext('watch', fault);
  server.cut('reset');
  changeMuch();
  await vi.waitFor(() => expect(server.faultsLeft).toBe(0), { timeout: 10_000, interval: 10 });
  await converged();
});

test('429 is obeyed: no request before Retry-After has passed', async () => {
  server.failNext('list', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 20 });
  start();
  await vi.waitFor(() => expect(notes).toHaveLength(1));
  expect(notes[0]).toMatchObject({ note: 'failed', retryInMs: 20_000 });
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(server.requests).toHaveLength(1);
  await converged();
});

test('a resourceVersion that goes backwards in a running watch lists again', async () => {
  start();
  await watching();
  goBack(50);
  changeMuch();
  await converged();
  expect(notes).toContainEqual(expect.objectContaining({ why: expect.stringContaining('went backwards') }));
});

test('a server restored from a backup behind our back: the next bookmark shows it', async () => {
  start();
  await watching();
  server.cut('reset');
  changeMuch();
  goBack(50);
  await watching();
  expect(cached()).not.toEqual(server.history.versions());
  server.history.bookmark();
  await converged();
});

test('a handler that throws is reported and hurts neither the informer nor other handlers', async () => {
  start();
  informer.onChange(() => {
    throw new Error('broken handler');
  });
  await watching();
  changeMuch();
  await converged();
  expect(notes.filter((note) => note.note === 'handlerThrew').length).toBeGreaterThan(7);
});

test('an abort ends it and leaves no watch behind', async () => {
  start();
  await watching();
  stop.abort(new Error('shutting down'));
  await running;
  await vi.waitFor(() => expect(server.runningWatches).toBe(0));
  await expect(informer.waitForSync(stop.signal)).rejects.toThrow('shutting down');
});

test('any sequence of faults ends with cache and server equal', async () => {
  start();
  await watching();
  const faults = oneof(
    constantFrom<Cut>('end', 'reset', 'halfLine', 'resetMidLine', 'expired', 'error500', 'garbage'),
    constantFrom(...failures.map(([, fault]) => fault)),
    constantFrom('compact', 'bookmark', 'goBack', 'wait'),
  );
  const changes = tuple(constantFrom('put', 'delete'), integer({ min: 0, max: 9 }));
  await assert(
    asyncProperty(array(oneof(faults, changes), { minLength: 5, maxLength: 30 }), async (steps) => {
      for (const step of steps) {
        if (Array.isArray(step)) {
          if (step[0] === 'put') server.history.put(`c${step[1]}`, 'x');
          else server.history.delete(`c${step[1]}`);
        } else if (typeof step === 'object') server.failNext('any', step);
        else if (step === 'compact') server.history.compact();
        else if (step === 'bookmark') server.history.bookmark();
        else if (step === 'goBack') goBack(1000);
        else if (step === 'wait') await new Promise((resolve) => setTimeout(resolve, 15));
        else server.cut(step);
      }
      await eventually(async () => {
        await watching();
        server.history.bookmark();
        await converged();
      });
    }),
    { numRuns: 10, endOnFailure: true },
  );
}, 120_000);

/** A step may have left faults behind that cut the watch we look at: looks again until it holds. */
async function eventually(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });
}
