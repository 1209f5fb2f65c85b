import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LabelSelector } from '../../api/kubernetes.ts';
import { matchesLabelSelector } from '../../api/labelSelector.ts';
import { FakeGate } from './gateFakes.ts';
import { selectedOnOf } from './selectedOn.ts';

const none = { selectorsIn: () => [] };
const web: LabelSelector = { matchLabels: { app: 'web' } };

function selectedOn(namespaces: LabelSelector, pods: LabelSelector, labels: Record<string, string> = { app: 'web' }) {
  const gate = new FakeGate();
  const metadata = { namespace: 'data', name: 'db' };
  gate.informers.policies.set({ metadata, selectors: [web], peers: [{ namespaces, pods }] });
  return selectedOnOf(gate.caches, none, 'shop', labels);
}

const named = (name: string): LabelSelector => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
const expression = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});

test.each<[string, LabelSelector, LabelSelector, boolean]>([
  ['of any namespace', {}, web, true],
  ['of namespaces with labels that are not known here', { matchLabels: { team: 'shop' } }, web, true],
  ['of this namespace by its name', named('shop'), web, true],
  ['of another one by its name', named('other'), web, false],
  ['of some, this one among them', expression('kubernetes.io/metadata.name', 'In', 'a', 'shop'), web, true],
  ['of all but this one', expression('kubernetes.io/metadata.name', 'NotIn', 'shop'), web, false],
  ['by an expression', {}, expression('app', 'In', 'api', 'web'), true],
  ['by the key alone', {}, expression('app', 'Exists'), true],
  ['by what it is not', {}, expression('app', 'NotIn', 'db'), true],
  ['others', {}, { matchLabels: { app: 'api' } }, false],
  ['by more labels than it has', {}, { matchLabels: { app: 'web', tier: 'front' } }, false],
])('a policy of another namespace that lets in pods %s', (_, namespaces, pods, isSelected) => {
  const by = 'NetworkPolicy data/db';
  expect(selectedOn(namespaces, pods)).toEqual(isSelected ? [{ key: 'app', by }] : []);
});

test('a selector of everything looks at no label', () => {
  expect(selectedOn({}, {})).toEqual([]);
});

test('the index finds whatever selects the pod', () => {
  const key = fc.constantFrom('app', 'tier');
  const value = fc.constantFrom('web', 'db', 'front');
  const selector = fc.record({
    matchLabels: fc.dictionary(key, value, { maxKeys: 2 }),
    matchExpressions: fc.array(
      fc.record({
        key,
        operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: fc.array(value, { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  });
  fc.assert(
    fc.property(selector, fc.dictionary(key, value), (pods, labels) => {
      const keys = Object.keys(pods.matchLabels).length + pods.matchExpressions.length;
      const expected = matchesLabelSelector(pods, labels) ? keys : 0;
      expect(selectedOn({}, pods, labels)).toHaveLength(expected);
    }),
  );
});

test('a look at one pod is no look at every policy of the cluster', () => {
  const gate = new FakeGate();
  for (let index = 0; index < 2_000; index += 1) {
    const metadata = { namespace: `team-${index}`, name: 'in' };
    const peers = [{ namespaces: {}, pods: { matchLabels: { app: `app-${index}` } } }];
    gate.informers.policies.set({ metadata, selectors: [], peers });
  }
  const { policies, budgets } = gate.caches;
  const answers: number[] = [];
  const counting: typeof policies = {
    get: (namespace, name) => policies.get(namespace, name),
    list: () => policies.list(),
    size: policies.size,
    byIndex: (index, value) => {
      const found = policies.byIndex(index, value);
      answers.push(found.length);
      return found;
    },
  };
  const found = selectedOnOf({ policies: counting, budgets }, none, 'shop', { app: 'app-7' });
  expect(found).toEqual([{ key: 'app', by: 'NetworkPolicy team-7/in' }]);
  expect(answers.reduce((sum, count) => sum + count, 0)).toBe(1);
});
