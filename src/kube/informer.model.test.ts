import { array, assert, asyncProperty, constantFrom, double, integer, oneof, record, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { createInformer, type Informer } from './informer.ts';
import { type ConfigMap, configMaps } from './resources.ts';
import { HandlerLog } from './testing/handlerLog.ts';
import { failures, HistoryClient } from './testing/historyClient.ts';

const names = integer({ min: 0, max: 5 }).map((number) => `c${number}`);

/** What may happen between any two steps of the informer. */
const step = oneof(
  { weight: 6, arbitrary: tuple(constantFrom('put', 'delete', 'recreate'), names) },
  { weight: 2, arbitrary: constantFrom('bookmark', 'compact', 'goBack', 'end', 'expiredLine', 'internalLine') },
  { weight: 2, arbitrary: record({ failNext: constantFrom(...Object.values(failures)) }) },
  { weight: 1, arbitrary: record({ cut: constantFrom(failures.broken, failures.garbage) }) },
  { weight: 4, arbitrary: record({ passMs: constantFrom(0, 1, 1000, 5000, 100_000) }) },
);
type Sequence = typeof step extends { generate: (...args: never[]) => { value: infer S } } ? S : never;

function perform(client: HistoryClient, happening: Exclude<Sequence, { readonly passMs: number }>): void {
  const { history } = client;
  if (Array.isArray(happening)) {
    const [what, name] = happening;
    if (what !== 'put') history.delete(name);
    if (what !== 'delete') history.put(name, 'x');
  } else if (typeof happening === 'object') {
    if ('failNext' in happening) client.failNext(happening.failNext);
    else client.cut(happening.cut);
  } else {
    switch (happening) {
      case 'bookmark':
        history.bookmark();
        break;
      case 'compact':
        history.compact();
        break;
      case 'goBack':
        // A restored etcd comes with a restarted API server.
        client.cut(failures.broken);
        history.goBack(1000);
        break;
      case 'end':
        client.cut('end');
        break;
      case 'expiredLine':
        client.cut({ line: failures.expired });
        break;
      case 'internalLine':
        client.cut({ line: failures.internal });
        break;
    }
  }
}

test('whatever happens in whatever order: the cache ends equal to the server, and every handler is told a story without holes', async () => {
  let relists = 0;
  let changes = 0;
  await assert(
    asyncProperty(
      array(step, { minLength: 10, maxLength: 60, size: 'max' }),
      integer({ min: 0, max: 3 }),
      double({ min: 0, max: 0.999, noNaN: true }),
      async (sequence, pageSize, chance) => {
        const clock = new ManualClock();
        const client = new HistoryClient();
        const stop = new AbortController();
        const early = new HandlerLog<ConfigMap>();
        const late = new HandlerLog<ConfigMap>();
        const informer = createInformer<ConfigMap>({
          client,
          resource: configMaps,
          clock,
          pageSize,
          random: () => chance,
          indexers: { all: () => ['all'], own: (map) => [map.metadata.name ?? ''] },
          onNote: (note) => {
            if (note.note === 'listed') relists++;
          },
        });
        informer.onChange((key, change) => {
          changes++;
          early.hear(key, change);
        });
        client.history.put('c0');
        client.history.put('c1');
        const running = informer.run(stop.signal);
        for (const [index, happening] of sequence.entries()) {
          if (typeof happening === 'object' && 'passMs' in happening) await clock.advance(happening.passMs);
          else {
            perform(client, happening);
            if (happening === 'goBack') early.historyRewritten = late.historyRewritten = true;
          }
          if (index === Math.floor(sequence.length / 2)) informer.onChange((key, change) => late.hear(key, change));
        }
        // Longer than the longest back-off times the faults that may be left, with the bookmarks of a quiet server.
        for (let minute = 0; minute < 40; minute++) {
          await clock.advance(60_000);
          client.history.bookmark();
        }
        await clock.advance(0);
        const truth = client.history.versions();
        expect(cached(informer)).toEqual(truth);
        expect(early.state()).toEqual(truth);
        expect(late.state()).toEqual(truth);
        expect(informer.store.byIndex('all', 'all').toSorted(byName)).toEqual(informer.store.list().toSorted(byName));
        for (const object of informer.store.list()) {
          expect(informer.store.byIndex('own', object.metadata.name ?? '')).toEqual([object]);
        }
        stop.abort();
        await running;
        expect(clock.pendingTimers).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
  // The property means little if nothing happened in it.
  expect(relists).toBeGreaterThan(300);
  expect(changes).toBeGreaterThan(1000);
});

test('a relist at an older version tells every object anew: equal versions may be different objects', async () => {
  const clock = new ManualClock();
  const client = new HistoryClient();
  const stop = new AbortController();
  const informer = createInformer<ConfigMap>({ client, resource: configMaps, clock });
  const values: (string | undefined)[] = [];
  informer.onChange((_key, change) => values.push(change.new?.data?.['value']));
  client.history.put('c0', 'before');
  client.history.put('c1', 'filler');
  const running = informer.run(stop.signal);
  await clock.advance(0);
  const version = informer.store.get('default', 'c0')?.metadata.resourceVersion;
  client.history.goBack(2);
  client.history.put('c0', 'after');
  await clock.advance(0);
  expect(informer.store.get('default', 'c0')?.metadata.resourceVersion).toBe(version);
  expect(values).toEqual(['before', 'filler', 'after', 'filler']);
  stop.abort();
  await running;
});

test('a handler that is registered by another one hears nothing twice', async () => {
  const clock = new ManualClock();
  const client = new HistoryClient();
  const stop = new AbortController();
  const informer = createInformer<ConfigMap>({ client, resource: configMaps, clock });
  const inner = new HandlerLog<ConfigMap>();
  let registered = false;
  informer.onChange(() => {
    if (!registered) informer.onChange((key, change) => inner.hear(key, change));
    registered = true;
  });
  for (const name of ['c0', 'c1', 'c2']) client.history.put(name);
  const running = informer.run(stop.signal);
  await clock.advance(0);
  client.history.put('c1', 'changed');
  await clock.advance(0);
  expect(inner.state()).toEqual(client.history.versions());
  expect(inner.of('default/c1')).toEqual(['added', 'changed']);
  stop.abort();
  await running;
});

test('an object that the projection cannot take is reported, left out, and taken when it is mended', async () => {
  const clock = new ManualClock();
  const client = new HistoryClient();
  const stop = new AbortController();
  const unusable: string[] = [];
  const informer = createInformer<ConfigMap>({
    client,
    resource: configMaps,
    clock,
    project: (map) => {
      if (map.data?.['value'] === 'bad') throw new Error('bad value');
      return map;
    },
    onNote: (note) => {
      if (note.note === 'unusable') unusable.push(note.key);
    },
  });
  client.history.put('c0', 'good');
  client.history.put('c1', 'bad');
  const running = informer.run(stop.signal);
  await clock.advance(0);
  expect(informer.store.size).toBe(1);
  client.history.put('c0', 'bad');
  client.history.put('c1', 'good');
  await clock.advance(0);
  expect(informer.store.list().map((map) => map.metadata.name)).toEqual(['c1']);
  expect(unusable).toEqual(['default/c1', 'default/c0']);
  stop.abort();
  await running;
});

function cached(informer: Informer<ConfigMap>): Map<string, string> {
  return new Map(
    Array.from(informer.versions(), ([key, { uid, resourceVersion }]) => [key, `${uid}@${resourceVersion}`]),
  );
}

function byName(a: ConfigMap, b: ConfigMap): number {
  return (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '');
}
