import { expect, test } from 'vitest';
import { NamespaceLock } from './namespaceLock.ts';

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('one at a time per namespace, in the order of asking; others go their own way', async () => {
  const locks = new NamespaceLock();
  const order: string[] = [];
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const work = (name: string, gate?: Promise<void>) => async () => {
    order.push(`${name} begins`);
    await gate;
    order.push(`${name} ends`);
    return name;
  };
  const all = [
    locks.run('a', work('1', gates[0]?.promise)),
    locks.run('a', work('2', gates[1]?.promise)),
    locks.run('b', work('3')),
  ];
  gates[1]?.resolve();
  await turn();
  expect(order).toEqual(['1 begins', '3 begins', '3 ends']);
  gates[0]?.resolve();
  expect(await Promise.all(all)).toEqual(['1', '2', '3']);
  expect(order.slice(3)).toEqual(['1 ends', '2 begins', '2 ends']);
});

test('who fails rejects, and the next one has its turn', async () => {
  const locks = new NamespaceLock();
  const first = locks.run('a', () => Promise.reject(new Error('no')));
  const second = locks.run('a', () => Promise.resolve('yes'));
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe('yes');
  expect(await locks.run('a', () => Promise.resolve('again'))).toBe('again');
});
