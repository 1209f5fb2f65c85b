import { expect, test } from 'vitest';
import type { LabelSelector, LabelSelectorRequirement } from './kubernetes.ts';
import { matchesLabelSelector, matchesServiceSelector, selectorKeys } from './labelSelector.ts';

const labels = { app: 'web', tier: 'front', empty: '' };
const expression = (
  key: string,
  operator: LabelSelectorRequirement['operator'],
  values?: readonly string[],
): LabelSelector => ({ matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }] });

test.each<[LabelSelector | undefined, boolean]>([
  [undefined, false],
  [{}, true],
  [{ matchLabels: {}, matchExpressions: [] }, true],
  [{ matchLabels: { app: 'web' } }, true],
  [{ matchLabels: { app: 'web', tier: 'back' } }, false],
  [{ matchLabels: { zone: '' } }, false],
  [{ matchLabels: { empty: '' } }, true],
  [{ matchLabels: { toString: 'x' } }, false],
  [expression('app', 'In', ['db', 'web']), true],
  [expression('app', 'In', ['db']), false],
  [expression('app', 'In', []), false],
  [expression('app', 'In'), false],
  [expression('zone', 'In', ['a']), false],
  [expression('zone', 'In', ['']), false],
  [expression('app', 'NotIn', ['web']), false],
  [expression('app', 'NotIn', ['db']), true],
  [expression('zone', 'NotIn', ['a']), true],
  [expression('constructor', 'NotIn', ['a']), true],
  [expression('app', 'Exists'), true],
  [expression('empty', 'Exists'), true],
  [expression('zone', 'Exists'), false],
  [expression('constructor', 'Exists'), false],
  [expression('app', 'DoesNotExist'), false],
  [expression('empty', 'DoesNotExist'), false],
  [expression('zone', 'DoesNotExist'), true],
  [{ matchLabels: { app: 'web' }, ...expression('tier', 'Exists') }, true],
  [{ matchLabels: { app: 'web' }, ...expression('tier', 'DoesNotExist') }, false],
  [{ matchLabels: { app: 'db' }, ...expression('tier', 'Exists') }, false],
])('%j', (selector, expected) => {
  expect(matchesLabelSelector(selector, labels)).toBe(expected);
});

test('the keys that a selector looks at', () => {
  expect(selectorKeys(undefined)).toEqual([]);
  expect(selectorKeys({ matchLabels: { app: 'web' }, ...expression('tier', 'Exists') })).toEqual(['app', 'tier']);
});

test.each([
  [undefined, false],
  [{}, false],
  [{ app: 'web' }, true],
  [{ app: 'web', tier: 'front' }, true],
  [{ app: 'web', tier: 'back' }, false],
  [{ zone: '' }, false],
  [{ empty: '' }, true],
  [{ toString: 'x' }, false],
])('of a Service: %j', (selector, expected) => {
  expect(matchesServiceSelector(selector, labels)).toBe(expected);
});
