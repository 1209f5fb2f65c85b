import { expect, test } from 'vitest';
import type { PodView } from '../../gate/types.ts';
import { GateMemory } from './memory.ts';

const pod = (resourceVersion: string, uid = 'a'): PodView => ({
  metadata: { namespace: 'shop', name: uid, uid, resourceVersion },
  ready: true,
  ips: [],
  gracePeriodSeconds: 30,
  preStopSeconds: 0,
});
const isolated = { path: 'Eviction', by: 'x', askedAt: '', isolatedAt: '2026-01-01T12:00:00Z' } as const;

test.each([
  ['older: our own write', '9', '10', '10'],
  ['as new: the cache has it', '10', '10', '10'],
  ['newer: somebody wrote since', '11', '10', '11'],
  ['not comparable: the cache is believed', 'x', '10', 'x'],
])('the newest of two, when the cache is %s', (_, cached, ours, expected) => {
  const memory = new GateMemory();
  memory.wrote(pod(ours), undefined);
  expect(memory.newest(pod(cached)).metadata.resourceVersion).toBe(expected);
});

test('once the cache has caught up our write is dropped, also if the cache goes back', () => {
  const memory = new GateMemory();
  memory.wrote(pod('10'), undefined);
  memory.newest(pod('10'));
  expect(memory.newest(pod('9')).metadata.resourceVersion).toBe('9');
});

test('answers of two writes that come in the wrong order: the later write counts', () => {
  const memory = new GateMemory();
  memory.wrote(pod('11'), undefined);
  memory.wrote(pod('10'), undefined);
  expect(memory.newest(pod('9')).metadata.resourceVersion).toBe('11');
});

test('progress is added to, per pod', () => {
  const memory = new GateMemory();
  memory.note('a', { slicesCleanAtMs: 1 });
  memory.note('a', { drainedAskedMs: 2 });
  memory.note('b', { slicesCleanAtMs: 3 });
  expect(memory.of('a').progress).toEqual({ slicesCleanAtMs: 1, drainedAskedMs: 2 });
  expect(memory.peek('c')).toBeUndefined();
});

test('a drain that is called off leaves nothing but our last write', () => {
  const memory = new GateMemory();
  memory.wrote(pod('10'), isolated);
  memory.note('a', { slicesCleanAtMs: 1 });
  memory.pendingYes.set('shop/web', { podUid: 'a', atMs: 1 });
  memory.pendingYes.set('shop/other', { podUid: 'b', atMs: 1 });
  expect(memory.isIsolated('a')).toBe(true);
  memory.reset('a');
  expect(memory.isIsolated('a')).toBe(false);
  expect(memory.peek('a')).toBeUndefined();
  expect([...memory.pendingYes.keys()]).toEqual(['shop/other']);
  expect(memory.newest(pod('9')).metadata.resourceVersion).toBe('10');
  memory.forget('a');
  expect(memory.newest(pod('9')).metadata.resourceVersion).toBe('9');
});

test('nothing is kept of pods that are not there, in whatever form it was remembered', () => {
  const memory = new GateMemory();
  memory.note('progress', {});
  memory.wrote(pod('10', 'written'), undefined);
  memory.markIsolated('isolated');
  memory.note('there', { slicesCleanAtMs: 1 });
  memory.retain((uid) => uid === 'there');
  expect(memory.peek('progress')).toBeUndefined();
  expect(memory.newest(pod('9', 'written')).metadata.resourceVersion).toBe('9');
  expect(memory.isIsolated('isolated')).toBe(false);
  expect(memory.peek('there')?.progress).toEqual({ slicesCleanAtMs: 1 });
});
