import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesServiceSelector } from '../api/labelSelector.ts';
import { labelsToRemove } from './isolation.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
const service = (...of: string[]) => ({ selector: Object.fromEntries(of.map((key) => [key, '1'])) });
const podLabels = Object.fromEntries(keys.map((key) => [key, '1']));

function subsets(of: readonly string[]): string[][] {
  return of.reduce<string[][]>((all, key) => [...all, ...all.map((set) => [...set, key])], [[]]);
}

function without(labels: Readonly<Record<string, string>>, removed: readonly string[]) {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !removed.includes(key)));
}

describe('labelsToRemove', () => {
  it.each([
    ['no Service', [], [], []],
    ['one Service', [service('a')], [], ['a']],
    ['one Service, the first of its keys is selected on', [service('a', 'b')], ['a'], ['b']],
    ['a key that two Services share', [service('a', 'c'), service('b', 'c')], [], ['c']],
    ['fewest keys before nobody else selecting on them', [service('a', 'c'), service('b', 'c')], ['c'], ['c']],
    ['two Services without a common key', [service('a', 'b'), service('c', 'd')], ['a', 'c'], ['b', 'd']],
    ['the fewest selectors of others', [service('a', 'b')], ['a', 'a', 'b'], ['b']],
    ['a Service without selector', [{ selector: {} }], [], []],
    ['a Service that does not select the pod', [{ selector: { a: '2' } }, { selector: { z: '1' } }], [], []],
  ])('%s', (_, services, selected, removed) => {
    const selectedOn = selected.map((key, index) => ({ key, by: `NetworkPolicy/${index}` }));
    const isolation = labelsToRemove(podLabels, services, selectedOn);
    expect(Object.keys(isolation.labels)).toEqual(removed);
    expect(isolation.collateral).toEqual(selectedOn.filter(({ key }) => removed.includes(key)));
  });

  it('records the values', () => {
    expect(labelsToRemove({ app: 'web', tier: 'front' }, [{ selector: { app: 'web' } }], []).labels).toEqual({
      app: 'web',
    });
  });

  it('leaves no selector that matches, and no smaller or less selected set would do', () => {
    const selectors = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('1', '2'), { maxKeys: 4 });
    const others = fc.array(fc.record({ key: fc.constantFrom(...keys), by: fc.constantFrom('p', 'q') }));
    fc.assert(
      fc.property(fc.array(fc.record({ selector: selectors }), { maxLength: 7 }), others, (services, selectedOn) => {
        const isolation = labelsToRemove(podLabels, services, selectedOn);
        const removed = Object.keys(isolation.labels);
        const isCover = (set: readonly string[]): boolean =>
          services.every(({ selector }) => !matchesServiceSelector(selector, without(podLabels, set)));
        const loss = (set: readonly string[]): number => selectedOn.filter(({ key }) => set.includes(key)).length;
        expect(isCover(removed)).toBe(true);
        for (const set of subsets(keys).filter(isCover)) {
          expect(set.length).toBeGreaterThanOrEqual(removed.length);
          if (set.length === removed.length) expect(loss(set)).toBeGreaterThanOrEqual(loss(removed));
        }
        expect(isolation).toEqual(labelsToRemove(podLabels, services.toReversed(), selectedOn));
      }),
      { numRuns: 300 },
    );
  });

  it('ends quickly with more Services than can be searched, and still covers them', () => {
    const many = Array.from({ length: 60 }, (_, index) => index);
    const labels = Object.fromEntries(many.flatMap((index) => [0, 1, 2].map((part) => [`k${index}-${part}`, '1'])));
    const services = many.map((index) => service(...[0, 1, 2].map((part) => `k${index}-${part}`)));
    const { labels: removed } = labelsToRemove(labels, services, [{ key: 'k0-0', by: 'p' }]);
    expect(Object.keys(removed)).toHaveLength(60);
    expect(removed).not.toHaveProperty('k0-0');
    const rest = without(labels, Object.keys(removed));
    expect(services.some(({ selector }) => matchesServiceSelector(selector, rest))).toBe(false);
  });
});
