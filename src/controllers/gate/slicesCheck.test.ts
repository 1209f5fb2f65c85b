import { expect, test } from 'vitest';
import type { EndpointSlice } from '../../kube/index.ts';
import { FakeGate } from './gateFakes.ts';
import { listedInCache, slicesThatList } from './slicesCheck.ts';

const signal = new AbortController().signal;

test('the cache knows by uid which pods are listed', () => {
  const gate = new FakeGate();
  gate.list(['a', 'b'], ['b']);
  expect(['a', 'b', 'c'].map((uid) => listedInCache(gate.caches, uid))).toEqual([true, true, false]);
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
  expect(await slicesThatList(gate.client(), gate.view('a'), signal)).toEqual(listed ? ['web-x'] : []);
  expect(gate.calls).toMatchObject([{ verb: 'list', options: { namespace: 'shop', limit: 0 } }]);
});
