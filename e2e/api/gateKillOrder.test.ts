import { expect, test } from 'vitest';
import { DRAIN_ANNOTATION } from '../../src/api/index.ts';
import type { EndpointSlice, Pod } from '../../src/kube/index.ts';
import { failOpensIn } from './gateKillLogs.ts';
import { type EndFacts, endsIn, type Sight, wrongWith } from './gateKillOrder.ts';

const asked = { path: 'ScaleDown', by: 'somebody', askedAt: '2026-01-01T00:00:00Z' };
const isolated = {
  ...asked,
  handedOverAt: '2026-01-01T00:00:01Z',
  isolatedAt: '2026-01-01T00:00:01Z',
  removedLabels: { app: 'web' },
};

function pod(
  version: number,
  state: object | undefined,
  more: { app?: string; ends?: boolean; gone?: boolean },
): Sight {
  const { app = 'web', ends = false, gone = false } = more;
  const object: Pod = {
    metadata: {
      name: 'web-1',
      uid: 'u1',
      resourceVersion: String(version),
      labels: app === '' ? {} : { app },
      ...(state === undefined ? {} : { annotations: { [DRAIN_ANNOTATION]: JSON.stringify(state) } }),
      ...(ends ? { deletionTimestamp: '2026-01-01T00:00:05Z' } : {}),
    },
    spec: { containers: [{ name: 'app', image: 'app', lifecycle: { preStop: { sleep: { seconds: 5 } } } }] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  return { kind: 'Pod', gone, object, atMs: Date.parse(asked.askedAt) + version * 1000 };
}

function slice(version: number, uids: readonly string[], ready = true): Sight {
  const object: EndpointSlice = {
    metadata: { name: 'web-abc', resourceVersion: String(version) },
    addressType: 'IPv4',
    endpoints: uids.map((uid) => ({
      addresses: ['10.0.0.1'],
      conditions: { ready },
      targetRef: { kind: 'Pod', uid },
    })),
  };
  return { kind: 'Slice', gone: false, object, atMs: Date.parse(asked.askedAt) + version * 1000 };
}

const begin = [pod(1, undefined, {}), slice(2, ['u1'])];
const byOperator: EndFacts = { byOperator: true, awaySinceMs: undefined, failOpens: [], answers: [] };
const wrongOf = (sights: readonly Sight[], facts = byOperator): readonly (string | undefined)[] =>
  endsIn(sights).map((end) => wrongWith(end, facts));

test('isolated, out of its slice, deleted: in the order of versions, whichever watch told it first', () => {
  const right = [
    ...begin,
    pod(3, asked, {}),
    pod(4, isolated, { app: '' }),
    pod(9, isolated, { app: '', ends: true }),
    slice(8, []),
    pod(12, isolated, { app: '', ends: true, gone: true }),
  ];
  expect(wrongOf(right)).toEqual([undefined]);
});

test('deleted before its slice has let it go, ready there or not', () => {
  const sights = [...begin, pod(4, isolated, { app: '' }), pod(8, isolated, { app: '', ends: true }), slice(9, [])];
  expect(wrongOf(sights)[0]).toContain('while it was listed by web-abc');
  expect(wrongOf([...sights, slice(5, ['u1'], false)])[0]).toContain('while it was listed by web-abc');
});

test('deleted without having been isolated, or with a label that its isolation took off', () => {
  expect(wrongOf([...begin, slice(4, []), pod(5, asked, { ends: true })])[0]).toContain('left a slice before');
  const never = [pod(1, undefined, {}), pod(5, asked, { ends: true })];
  expect(wrongOf(never)[0]).toContain('without having been isolated');
  const back = [pod(1, undefined, {}), pod(4, isolated, {}), pod(5, isolated, { ends: true })];
  expect(wrongOf(back)[0]).toContain('without having been isolated');
});

test('force-deleted: gone at once is an end too', () => {
  expect(endsIn([...begin, pod(5, asked, { gone: true })])).toMatchObject([
    { name: 'web-1', readyIn: ['web-abc'], wasListed: true },
  ]);
});

test('beside the gate only while nobody answered, and only what somebody waited to delete', () => {
  const failOpens = failOpensIn(
    'W0101 00:00:05.123456       1 dispatcher.go:225] Failed calling webhook, failing open a.b.c: connection refused',
  );
  expect(failOpens).toMatchObject([{ isTimeout: false }]);
  const died = (seconds: number): EndFacts => ({
    byOperator: false,
    awaySinceMs: Date.parse(asked.askedAt) + seconds * 1000,
    failOpens,
    answers: [],
  });
  const ends = [...begin, pod(4, asked, { ends: true })];
  const there: EndFacts = { byOperator: false, awaySinceMs: undefined, failOpens, answers: [] };
  expect(wrongOf(ends, there)[0]).toMatch(/^pod web-1 .* beside the gate/);
  const slow = failOpens.map((each) => ({ ...each, isTimeout: true }));
  expect(wrongOf(ends, { ...there, failOpens: slow })[0]).toMatch(/^starved: pod web-1 .* beside the gate/);
  expect(wrongOf(ends, { ...there, failOpens: [], answers: ['WriteFailed'] })[0]).toMatch(/^starved: pod web-1 /);
  expect(wrongOf(ends, { ...there, failOpens: [], answers: ['NoSurplus'] })[0]).toMatch(/^pod .*answered NoSurplus/);
  expect(wrongOf(ends, { ...died(30), failOpens: [] })[0]).toContain('answered by nobody');
  expect(wrongOf(ends, died(30))).toEqual([undefined]);
  const later = [...begin, pod(4, isolated, { app: '', ends: true })];
  // Handed over at 1 s: the ReplicaSet may not have heard of that yet.
  expect(wrongOf(later, died(2.5))).toEqual([undefined]);
  expect(wrongOf(later, died(3.5))[0]).toContain('nobody was waiting');
  const evicted = [...begin, pod(4, { ...isolated, path: 'Eviction' }, { app: '', ends: true })];
  expect(wrongOf(evicted, died(3.5))[0]).toMatch(/^starved: .*nobody was waiting/);
  const muchLater = [...begin, pod(9, { ...isolated, path: 'Eviction' }, { app: '', ends: true })];
  expect(wrongOf(muchLater, died(3.5))[0]).toMatch(/^pod .*nobody was waiting/);
  const person = [...begin, pod(4, { ...isolated, path: 'Delete' }, { app: '', ends: true })];
  expect(wrongOf(person, died(3.5))).toEqual([undefined]);
});
