import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../e2e/cluster/index.ts';
import { systemClock } from '../runtime/clock.ts';
import { createClient } from './apiClient.ts';
import type { Client } from './client.ts';
import { loadKubeConfig } from './connection.ts';
import { checkDrift } from './drift.ts';
import { createInformer, type Informer, type InformerNote } from './informer.ts';
import { type ConfigMap, configMaps, namespaces } from './resources.ts';
import { CuttingProxy } from './testing/cuttingProxy.ts';
import { fasterClock } from './testing/fasterClock.ts';
import { HandlerLog } from './testing/handlerLog.ts';

/** A control plane of this file's own: its API server is killed, which the shared one's users would not like. */
let controlPlane: ControlPlane;
let proxy: CuttingProxy;
/** Straight to the API server: it writes, and says what is true. */
let direct: Client;
/** Through the proxy: it reads. */
let watcher: Client;
const { signal } = new AbortController();

let namespace: string;
let informer: Informer<ConfigMap>;
let log: HandlerLog<ConfigMap>;
let notes: InformerNote[];
let versionsHeard: Set<string>;
let stop: AbortController;
let running: Promise<void>;
let runs = 0;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  proxy = await CuttingProxy.start(controlPlane.url);
  const connection = await loadKubeConfig({ path: controlPlane.kubeconfigPath }, signal);
  const who = { userAgent: 'informer-test', fieldManager: 'informer-test' };
  direct = createClient({ connection, ...who });
  watcher = createClient({ connection: { ...connection, server: proxy.url }, ...who });
});

afterAll(async () => {
  await watcher.close();
  await direct.close();
  await proxy.close();
  await controlPlane.stop();
});

beforeEach(async () => {
  namespace = `informer-${++runs}`;
  await direct.create(namespaces, { metadata: { name: namespace } }, { signal });
  await direct.create(configMaps, map('before', 0), { signal });
  log = new HandlerLog();
  notes = [];
  versionsHeard = new Set();
  stop = new AbortController();
  informer = createInformer<ConfigMap>({
    client: watcher,
    resource: configMaps,
    namespace,
    // Back-off of 800 ms becomes 80 ms; the silence of 90 s becomes 3 s.
    clock: fasterClock(10),
    silenceMs: 30_000,
    pageSize: 10,
    onNote: (note) => notes.push(note),
  });
  informer.onChange((key, change) => {
    log.hear(key, change);
    versionsHeard.add(change.new?.metadata.resourceVersion ?? '');
  });
  running = informer.run(stop.signal);
  await informer.waitForSync(signal);
});

afterEach(async () => {
  stop.abort();
  await running;
});

function map(name: string, n: number): ConfigMap {
  return { metadata: { namespace, name }, data: { n: String(n) } };
}

/** Creates, changes, deletes and recreates; returns the version of every object state that was ever there. */
async function writeMuch(rounds: number, betweenRounds: (round: number) => Promise<void> | void): Promise<string[]> {
  const versions: string[] = [];
  const note = (written: ConfigMap): void => {
    versions.push(written.metadata.resourceVersion ?? '');
  };
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < 5; index++) {
      const name = `w${index}`;
      const patch = { type: 'apply', body: { data: { n: `${round}` } }, force: true } as const;
      note(await direct.patch(configMaps, { namespace, name }, patch, { signal }));
    }
    if (round % 4 === 3) {
      await direct.delete(configMaps, { namespace, name: 'w0' }, { signal });
      note(await direct.create(configMaps, map('w0', round), { signal }));
    }
    await betweenRounds(round);
  }
  return versions;
}

async function converged(): Promise<void> {
  const list = await direct.list(configMaps, { namespace, signal });
  const truth = new Map(
    list.items.map((item) => [
      `${namespace}/${item.metadata.name}`,
      `${item.metadata.uid}@${item.metadata.resourceVersion}`,
    ]),
  );
  await vi.waitFor(
    () => {
      const cached = Array.from(informer.versions(), ([key, seen]) => [key, `${seen.uid}@${seen.resourceVersion}`]);
      expect(new Map(cached as [string, string][])).toEqual(truth);
    },
    { timeout: 30_000, interval: 20 },
  );
  expect(log.state()).toEqual(truth);
}

const listed = (): number => notes.filter((note) => note.note === 'listed').length;
const rest = (ms: number): Promise<void> => systemClock.sleep(ms, signal);

test('every single write is seen, in order, while connections are reset again and again', async () => {
  const cutsBefore = proxy.cuts;
  const written = await writeMuch(30, async (round) => {
    if (round % 3 === 0) proxy.cut();
    await rest(20);
  });
  await converged();
  expect(written.filter((version) => !versionsHeard.has(version))).toEqual([]);
  expect(proxy.cuts - cutsBefore).toBeGreaterThanOrEqual(5);
  expect(listed()).toBe(1);
});

test('every single write is seen while pieces of the stream are cut in the middle', async () => {
  const cutsBefore = proxy.cuts;
  const written = await writeMuch(20, async (round) => {
    if (round % 3 === 0) proxy.cutInMiddleOfNextPiece();
    await rest(30);
  });
  await converged();
  expect(written.filter((version) => !versionsHeard.has(version))).toEqual([]);
  expect(proxy.cuts - cutsBefore).toBeGreaterThanOrEqual(3);
  expect(listed()).toBe(1);
});

test('a line that goes dead is found by its silence, and nothing is missed', async () => {
  await writeMuch(2, () => undefined);
  await converged();
  proxy.silenceOpenConnections();
  const written = await writeMuch(4, () => undefined);
  await rest(200);
  expect(written.every((version) => versionsHeard.has(version))).toBe(false);
  await converged();
  expect(written.filter((version) => !versionsHeard.has(version))).toEqual([]);
  expect(notes).toContainEqual(expect.objectContaining({ why: expect.stringMatching(/^silent for/) }));
});

test('the API server is killed and started again, twice', async () => {
  for (let times = 0; times < 2; times++) {
    await writeMuch(4, () => undefined);
    await controlPlane.killApiServer();
    await rest(300);
    await controlPlane.startApiServer();
    const written = await writeMuch(4, () => undefined);
    await converged();
    expect(written.filter((version) => !versionsHeard.has(version))).toEqual([]);
  }
  expect(informer.hasSynced()).toBe(true);
}, 180_000);

test('a version that the server has forgotten is told in the stream as expired', async () => {
  for await (const event of await direct.watch(configMaps, { namespace, resourceVersion: '1', signal })) {
    expect(event).toMatchObject({ type: 'ERROR', error: { code: 410, expired: true } });
    break;
  }
  expect.assertions(1);
});

test('after all of this the cache has not drifted', async () => {
  await writeMuch(5, () => proxy.cut());
  const drift = await checkDrift(informer, { client: direct, signal, settleMs: 1000 });
  expect(drift).toEqual({ missing: [], extra: [], stale: [], compared: 6 });
});
