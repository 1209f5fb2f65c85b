import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../runtime/clock.ts';
import { checkDrift, type DriftLook, lastingDifferences } from './drift.ts';
import { createInformer, type Informer } from './informer.ts';
import { type ConfigMap, configMaps } from './resources.ts';
import { failures, HistoryClient } from './testing/historyClient.ts';

/** `a1` is the object with key `a` in version 1; the uid is the key. */
function look(cache: readonly string[], server: readonly string[]): DriftLook {
  const versions = (texts: readonly string[]): DriftLook['cache'] =>
    new Map(texts.map((text) => [text.slice(0, 1), { uid: text.slice(0, 1), resourceVersion: text.slice(1) }]));
  return { cache: versions(cache), server: versions(server) };
}

describe('which differences last', () => {
  test.each([
    ['equal in the end', look(['a1'], ['a2']), look(['a2'], ['a2']), []],
    ['the same difference twice', look(['a1'], ['a2']), look(['a1'], ['a2']), ['a']],
    ['the cache moved: it lives', look(['a1'], ['a3']), look(['a2'], ['a3']), []],
    ['the server moved: it is busy', look(['a1'], ['a2']), look(['a1'], ['a3']), []],
    ['missing twice', look([], ['a1']), look([], ['a1']), ['a']],
    ['extra twice', look(['a1'], []), look(['a1'], []), ['a']],
    ['new differences do not count yet', look(['a1'], ['a1']), look(['a1'], ['a2']), []],
  ] as const)('%s', (_title, first, second, expected) => {
    expect(lastingDifferences(first, second)).toEqual(expected);
  });
});

describe('against a cache that stopped following', () => {
  const stop = new AbortController();
  let client: HistoryClient;
  let clock: ManualClock;
  let informer: Informer<ConfigMap>;
  let following: AbortController;

  beforeEach(async () => {
    client = new HistoryClient();
    clock = new ManualClock();
    following = new AbortController();
    for (const name of ['same', 'changed', 'gone']) client.history.put(name);
    informer = createInformer<ConfigMap>({ client, resource: configMaps, clock });
    const running = informer.run(following.signal);
    await clock.advance(0);
    following.abort();
    await running;
  });
  afterEach(() => client.close());

  async function check(during: () => void = () => undefined): Promise<unknown> {
    const checking = checkDrift(informer, { client, clock, signal: stop.signal });
    await clock.advance(2_500);
    during();
    await clock.advance(2_500);
    return await checking;
  }

  test('nothing differs: one list, no waiting', async () => {
    const drift = await checkDrift(informer, { client, clock, signal: stop.signal });
    expect(drift).toEqual({ missing: [], extra: [], stale: [], compared: 3 });
  });

  test('every kind of difference is named', async () => {
    client.history.put('changed', 'x');
    client.history.delete('gone');
    client.history.put('new');
    expect(await check()).toEqual({
      missing: ['default/new'],
      extra: ['default/gone'],
      stale: ['default/changed'],
      compared: 3,
    });
  });

  test('an object that is being written all the time is not drift', async () => {
    client.history.put('changed', 'x');
    expect(await check(() => client.history.put('changed', 'y'))).toMatchObject({ stale: [] });
  });

  test('an API server that cannot be asked is an error, not a drift', async () => {
    client.failNext(failures.internal);
    await expect(checkDrift(informer, { client, clock, signal: stop.signal })).rejects.toBe(failures.internal);
  });
});
