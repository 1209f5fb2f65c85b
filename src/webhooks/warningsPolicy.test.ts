import { expect, test } from 'vitest';
import { type PolicyDefaults, parseDefault, policyOf } from './warningsPolicy.ts';

const defaults: PolicyDefaults = {
  warn: { level: 'baseline', version: 'latest' },
  audit: { level: 'off', version: 'latest' },
};
const baseline = { level: 'baseline', ruleSet: 'v1' };
const strict = { level: 'strict', ruleSet: 'v1' };

test.each([
  ['no labels: the defaults', {}, { warn: baseline }],
  ['off', { 'graceful-rollout.io/warn': 'off' }, {}],
  [
    'each mode for itself',
    {
      'graceful-rollout.io/warn': 'strict',
      'graceful-rollout.io/audit': 'strict',
      'graceful-rollout.io/enforce': 'baseline',
    },
    { warn: strict, audit: strict, enforce: baseline },
  ],
  ['a pin', { 'graceful-rollout.io/warn-version': 'v1' }, { warn: baseline }],
  ['latest', { 'graceful-rollout.io/warn-version': 'latest' }, { warn: baseline }],
  ['labels of others', { 'pod-security.kubernetes.io/enforce': 'baseline', enforce: 'strict' }, { warn: baseline }],
])('%s', (_name, labels, policy) => {
  expect(policyOf(labels, defaults)).toEqual({
    policy: { warn: undefined, audit: undefined, enforce: undefined, ...policy },
    problems: [],
  });
});

test('a value that is not known is said, and makes nothing stricter', () => {
  const labels = { 'graceful-rollout.io/enforce': 'restricted', 'graceful-rollout.io/warn-version': 'v99' };
  expect(policyOf(labels, defaults)).toEqual({
    policy: { warn: baseline, audit: undefined, enforce: undefined },
    problems: [
      'the namespace\'s label graceful-rollout.io/warn-version says "v99", known are latest, v1: latest is used',
      'the namespace\'s label graceful-rollout.io/enforce says "restricted", known are off, baseline, strict: off is used',
    ],
  });
});

test.each([
  ['baseline', { level: 'baseline', version: 'latest' }],
  ['strict:v1', { level: 'strict', version: 'v1' }],
  ['off:latest', { level: 'off', version: 'latest' }],
  ['', undefined],
  ['restricted', undefined],
  ['baseline:', undefined],
  ['baseline:v99', undefined],
  ['baseline:v1:v1', undefined],
])('the flag value %j', (text, expected) => {
  expect(parseDefault(text)).toEqual(expected);
});
