import { expect, test } from 'vitest';
import { sliceViewOf } from '../../gate/views.ts';
import type { EndpointSlice } from '../../kube/index.ts';
import { FakeGate } from './gateFakes.ts';
import { isListedReady, listedInCache, slicesThatList } from './slicesCheck.ts';

const signal = new AbortController().signal;

test('the cache knows by uid which pods are listed', () => {
  const gate = new FakeGate();
  gate.list(['a', 'b'], ['b']);
  expect(['a', 'b', 'c'].map((uid) => listedInCache(gate.caches, uid))).toEqual([true, true, false]);
});

test('but not where the API server itself knew better at a later version', () => {
  const gate = new FakeGate();
  const [slice] = gate.caches.slices.list();
  if (slice === undefined) throw new Error('no slice');
  gate.informers.slices.set({ ...slice, metadata: { ...slice.metadata, resourceVersion: '50' } });
  const listed = ['49', '50', '51', 'opaque', undefined].map((version) => listedInCache(gate.caches, 'a', version));
  expect(listed).toEqual([true, true, false, true, true]);
});

test('and which of them proxies send to', () => {
  const gate = new FakeGate();
  gate.list(['a', 'b'], ['b']);
  expect(['a', 'b', 'c'].map((uid) => isListedReady(gate.caches, uid))).toEqual([true, false, false]);
});

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

test.each<[string, readonly Endpoint[], boolean]>([
  ['no endpoints', [], false],
  ['the pod by its uid', [{ addresses: ['10.1.1.1'], targetRef: { kind: 'Pod', uid: 'a' } }], true],
  [
    'not ready, and still there',
    [{ addresses: [], conditions: { ready: false }, targetRef: { kind: 'Pod', uid: 'a' } }],
    true,
  ],
  ['an address without a reference, kept by hand', [{ addresses: ['10.9.9.9'] }], true],
  ['another pod with our old address', [{ addresses: ['10.9.9.9'], targetRef: { kind: 'Pod', uid: 'b' } }], false],
  ['others', [{ addresses: ['10.1.1.1'] }, { addresses: [], targetRef: { kind: 'Pod', uid: 'b' } }], false],
])('the API server is asked itself: %s', async (_, endpoints, listed) => {
  const gate = new FakeGate();
  gate.slice.items = [
    { metadata: { namespace: 'shop', name: 'other' }, addressType: 'IPv4' },
    { metadata: { namespace: 'shop', name: 'web-x' }, addressType: 'IPv4', endpoints },
  ];
  const { names } = await slicesThatList(gate.client(), gate.view('a'), signal);
  expect(names).toEqual(listed ? ['web-x'] : []);
  expect(gate.calls).toMatchObject([{ verb: 'list', options: { namespace: 'shop', limit: 0 } }]);
});

test('dual stack: clean means out of the slices of both families', async () => {
  const gate = new FakeGate();
  const targetRef = { kind: 'Pod', uid: 'a' };
  const others = [{ addresses: ['10.1.1.1'], targetRef: { kind: 'Pod', uid: 'b' } }];
  const v4 = { metadata: { namespace: 'shop', name: 'web-4' }, addressType: 'IPv4' } as const;
  const v6 = { metadata: { namespace: 'shop', name: 'web-6' }, addressType: 'IPv6' } as const;
  const in4 = { ...v4, endpoints: [...others, { addresses: ['10.9.9.9'], targetRef }] };
  const in6 = { ...v6, endpoints: [{ addresses: ['fd00::9'], targetRef }] };
  const listing = async (items: readonly EndpointSlice[]): Promise<readonly string[]> => {
    gate.slice.items = [...items];
    for (const slice of items) gate.informers.slices.set(sliceViewOf(slice));
    const { names: found } = await slicesThatList(gate.client(), gate.view('a'), signal);
    expect(listedInCache(gate.caches, 'a')).toBe(found.length > 0);
    return found;
  };
  gate.list([]);
  expect(await listing([in4, in6])).toEqual(['web-4', 'web-6']);
  expect(await listing([{ ...v4, endpoints: others }, in6])).toEqual(['web-6']);
  expect(await listing([in4, { ...v6, endpoints: [] }])).toEqual(['web-4']);
  expect(await listing([{ ...v4, endpoints: others }, v6])).toEqual([]);
});
