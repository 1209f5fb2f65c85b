import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Entry, ObjectStore } from './store.ts';

interface Thing extends KubeObject {
  readonly colours: readonly string[];
}

function entry(key: string, uid: string, resourceVersion: string, ...colours: string[]): Entry<Thing> {
  const [namespace = '', name = ''] = key.split('/');
  return { key, uid, resourceVersion, object: { metadata: { namespace, name, uid, resourceVersion }, colours } };
}

function store(): ObjectStore<Thing> {
  return new ObjectStore<Thing>({ colour: (thing) => thing.colours });
}

describe('upsert and remove', () => {
  test('add, change and delete', () => {
    const things = store();
    const one = entry('ns/a', 'u1', '1', 'red');
    const two = entry('ns/a', 'u1', '2', 'blue');
    expect(things.upsert(one)).toEqual([{ key: 'ns/a', new: one.object }]);
    expect(things.upsert(two)).toEqual([{ key: 'ns/a', old: one.object, new: two.object }]);
    expect(things.get('ns', 'a')).toBe(two.object);
    expect(things.byIndex('colour', 'red')).toEqual([]);
    expect(things.byIndex('colour', 'blue')).toEqual([two.object]);
    expect(things.remove('ns/a', 'u1')).toEqual([{ key: 'ns/a', old: two.object }]);
    expect(things.size).toBe(0);
    expect(things.byIndex('colour', 'blue')).toEqual([]);
  });

  test('the same version again is no change', () => {
    const things = store();
    things.upsert(entry('ns/a', 'u1', '1'));
    expect(things.upsert(entry('ns/a', 'u1', '1'))).toEqual([]);
  });

  test('another uid under the same name is a deletion and an addition', () => {
    const things = store();
    const old = entry('ns/a', 'u1', '1', 'red');
    const fresh = entry('ns/a', 'u2', '2', 'red');
    things.upsert(old);
    expect(things.upsert(fresh)).toEqual([
      { key: 'ns/a', old: old.object },
      { key: 'ns/a', new: fresh.object },
    ]);
    expect(things.byIndex('colour', 'red')).toEqual([fresh.object]);
  });

  test('the deletion of an earlier object leaves the later one alone', () => {
    const things = store();
    things.upsert(entry('ns/a', 'u2', '2'));
    expect(things.remove('ns/a', 'u1')).toEqual([]);
    expect(things.size).toBe(1);
  });
});

describe('replace', () => {
  test('tells deletions first, then what is new or changed, and nothing about the rest', () => {
    const things = store();
    const gone = entry('ns/gone', 'u1', '1', 'red');
    const same = entry('ns/same', 'u2', '2', 'red');
    const changed = entry('ns/changed', 'u3', '3', 'red');
    const reborn = entry('ns/reborn', 'u4', '4', 'red');
    for (const each of [gone, same, changed, reborn]) things.upsert(each);
    const changedNow = entry('ns/changed', 'u3', '9', 'blue');
    const rebornNow = entry('ns/reborn', 'u5', '8', 'blue');
    const fresh = entry('ns/fresh', 'u6', '7', 'blue');
    expect(things.replace([entry('ns/same', 'u2', '2', 'red'), changedNow, rebornNow, fresh])).toEqual([
      { key: 'ns/gone', old: gone.object },
      { key: 'ns/reborn', old: reborn.object },
      { key: 'ns/changed', old: changed.object, new: changedNow.object },
      { key: 'ns/reborn', new: rebornNow.object },
      { key: 'ns/fresh', new: fresh.object },
    ]);
    expect(things.byIndex('colour', 'red').map((thing) => thing.metadata.name)).toEqual(['same']);
    expect(things.byIndex('colour', 'blue')).toHaveLength(3);
    expect(things.list()).toHaveLength(4);
    expect(things.get('ns', 'same')).toBe(same.object);
  });

  test('with distrust, equal versions are changes', () => {
    const things = store();
    things.upsert(entry('ns/a', 'u1', '1', 'red'));
    expect(things.replace([entry('ns/a', 'u1', '1', 'blue')], true)).toHaveLength(1);
    expect(things.byIndex('colour', 'blue')).toHaveLength(1);
  });
});

test('an object may be filed under several values or none; an unknown index is an error', () => {
  const things = store();
  things.upsert(entry('ns/a', 'u1', '1', 'red', 'blue'));
  things.upsert(entry('ns/b', 'u2', '2'));
  expect(things.byIndex('colour', 'red')).toEqual(things.byIndex('colour', 'blue'));
  expect(things.byIndex('colour', 'green')).toEqual([]);
  expect(() => things.byIndex('size', 'x')).toThrow('no index "size"; there are: colour');
});

test('objects without a namespace are found by name alone', () => {
  const things = store();
  const node = { key: 'n1', uid: 'u', resourceVersion: '1', object: { metadata: { name: 'n1' }, colours: [] } };
  things.upsert(node);
  expect(things.get(undefined, 'n1')).toBe(node.object);
  expect(things.get('', 'n1')).toBe(node.object);
});
