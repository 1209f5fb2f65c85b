import { expect, test } from 'vitest';
import type { PodView } from '../gate/types.ts';
import type { ChangeHandler } from '../kube/index.ts';
import { PodWaits } from './gatePodWaits.ts';
import { identity, storedPod, viewOf } from './gateUnderTest.ts';

function waits(cached: PodView | undefined = viewOf(storedPod())) {
  let handler: ChangeHandler<PodView> = () => undefined;
  const all = new PodWaits({
    store: { get: () => cached, list: () => [], byIndex: () => [], size: 0 },
    onChange: (given) => {
      handler = given;
      return () => undefined;
    },
  });
  return { all, tell: (change: Parameters<typeof handler>[1]) => handler('shop/web-1', change) };
}

const { signal } = new AbortController();
const pod = (version: number): PodView => viewOf(storedPod(version));
const isVersion = (version: string) => (seen: PodView | undefined) => seen?.metadata.resourceVersion === version;

test('what the cache holds already is enough', async () => {
  expect(await waits().all.waitForPod(identity, isVersion('1'), signal)).toEqual(pod(1));
});

test('several wait for one pod, each for its own', async () => {
  const { all, tell } = waits();
  const second = all.waitForPod(identity, isVersion('2'), signal);
  const third = all.waitForPod(identity, isVersion('3'), signal);
  const gone = all.waitForPod(identity, (seen) => seen === undefined, signal);
  tell({ old: pod(1), new: pod(2) });
  tell({ old: pod(2), new: pod(3) });
  tell({ old: pod(3) });
  expect(await Promise.all([second, third, gone])).toEqual([pod(2), pod(3), undefined]);
});

test('a namesake is another pod', async () => {
  const { all, tell } = waits();
  const other = { ...pod(9), metadata: { ...pod(9).metadata, uid: 'p2' } };
  const gone = all.waitForPod(identity, (seen) => seen === undefined || seen.metadata.uid === 'p2', signal);
  tell({ new: other });
  tell({ old: pod(1) });
  expect(await gone).toBeUndefined();
  expect(await waits(other).all.waitForPod(identity, (seen) => seen === undefined, signal)).toBeUndefined();
});

test('an abort ends it with its reason, also before it began', async () => {
  const { all } = waits();
  const stop = new AbortController();
  const never = all.waitForPod(identity, () => false, stop.signal);
  const reason = new Error('enough');
  stop.abort(reason);
  await expect(never).rejects.toBe(reason);
  await expect(all.waitForPod(identity, () => true, stop.signal)).rejects.toBe(reason);
});

test('what the predicate throws ends its own wait, and no other', async () => {
  const { all, tell } = waits();
  const broken = all.waitForPod(
    identity,
    (seen) => {
      if (isVersion('2')(seen)) throw new Error('a bug');
      return false;
    },
    signal,
  );
  const other = all.waitForPod(identity, isVersion('2'), signal);
  tell({ old: pod(1), new: pod(2) });
  await expect(broken).rejects.toThrow('a bug');
  expect(await other).toEqual(pod(2));
});
