import { describe, expect, test } from 'vitest';
import type { CallOptions, Client, RawRequest } from './client.ts';
import { leaderOnly } from './leaderElectionClient.ts';
import { type LeaderGuard, NotLeaderError } from './leaderElectionTerm.ts';
import { configMaps } from './resources.ts';

const { signal } = new AbortController();
const ref = { namespace: 'shop', name: 'diary' };
const object = { metadata: ref };

/** A client that records which calls reach it, with which options. */
function rig() {
  const calls: { readonly call: string; readonly options: CallOptions }[] = [];
  const note =
    (call: string) =>
    (...args: unknown[]): Promise<never> => {
      calls.push({ call, options: args.at(-1) as CallOptions });
      return Promise.resolve({ items: [] } as never);
    };
  const client: Client = {
    get: note('get'),
    find: note('find'),
    list: note('list'),
    listPage: note('listPage'),
    create: note('create'),
    update: note('update'),
    patch: note('patch'),
    delete: note('delete'),
    watch: note('watch'),
    raw: note('raw'),
    close: note('close'),
  };
  const term = new AbortController();
  let leads = true;
  const guard: LeaderGuard = {
    isLeader: () => leads,
    assertLeader(doing) {
      if (!leads) throw new NotLeaderError(doing);
    },
    signal: term.signal,
  };
  const lose = (): void => {
    leads = false;
  };
  return { calls, guarded: leaderOnly(client, guard), term, lose };
}

const writes: readonly [string, (client: Client) => Promise<unknown>][] = [
  ['create', (client) => client.create(configMaps, object, { signal })],
  ['update', (client) => client.update(configMaps, object, { signal })],
  ['patch', (client) => client.patch(configMaps, ref, { type: 'merge', body: {} }, { signal })],
  ['delete', (client) => client.delete(configMaps, ref, { signal })],
  ['raw', (client) => client.raw({ method: 'POST', path: '/x', signal } satisfies RawRequest)],
];

describe('leaderOnly', () => {
  test.each(writes)(
    '%s goes through while this process leads, without retries, and ends with the term',
    async (call, write) => {
      const { calls, guarded, term } = rig();
      const done = write(guarded);
      expect(calls).toMatchObject([{ call, options: { retry: false } }]);
      term.abort(new Error('lost'));
      expect(calls[0]?.options.signal.reason).toEqual(new Error('lost'));
      await done;
    },
  );

  test.each(writes)('%s is refused as soon as it does not, and never reaches the server', async (_, write) => {
    const { calls, guarded, lose } = rig();
    lose();
    await expect(write(guarded)).rejects.toThrow(NotLeaderError);
    expect(calls).toEqual([]);
  });

  test('reads always go through', async () => {
    const { calls, guarded, lose } = rig();
    lose();
    await guarded.get(configMaps, ref, { signal });
    await guarded.list(configMaps, { signal });
    await guarded.raw({ method: 'GET', path: '/version', signal });
    expect(calls.map(({ call }) => call)).toEqual(['get', 'list', 'raw']);
  });
});
