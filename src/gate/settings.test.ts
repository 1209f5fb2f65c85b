import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type GracefulRolloutSpecInput, parseGracefulRollout } from '../api/index.ts';
import { rolloutWith, validSpec } from '../api/testing/arbitraryRollout.ts';
import { DEFAULT_GATE_SETTINGS, gateSettingsOf } from './settings.ts';

function settingsOf(spec: Omit<GracefulRolloutSpecInput, 'targetRef'>) {
  const parsed = parseGracefulRollout(rolloutWith('shop', { targetRef: { name: 'shop' }, ...spec }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return gateSettingsOf(parsed.value.spec);
}

test('nothing written: gated, 60 seconds, and nothing that has no default', () => {
  expect(settingsOf({})).toEqual({ mode: 'Gate', timeoutSeconds: 60 });
  expect(settingsOf({})).toEqual(DEFAULT_GATE_SETTINGS);
});

test('everything written is taken over, with the defaults of what is not', () => {
  const metric = { port: 9090, name: 'open_connections' };
  expect(
    settingsOf({
      endpointCheck: { timeoutSeconds: 300, quietSeconds: 0, drained: { metric, timeoutSeconds: 120 } },
      eviction: { minReady: 0, replacementTimeoutSeconds: 900 },
    }),
  ).toEqual({
    mode: 'Gate',
    timeoutSeconds: 300,
    quietSeconds: 0,
    drained: { metric: { ...metric, path: '/metrics', max: 0 }, timeoutSeconds: 120 },
    minReady: 0,
    replacementTimeoutSeconds: 900,
  });
  const httpGet = { path: '/drained', port: 80 };
  expect(settingsOf({ endpointCheck: { drained: { httpGet } } }).drained).toEqual({
    httpGet: { ...httpGet, scheme: 'HTTP' },
    timeoutSeconds: 30,
  });
});

test.each([
  ['Enforce', 'Gate', 'Gate'],
  ['Enforce', 'Observe', 'Observe'],
  ['Enforce', 'Off', 'Off'],
  ['Audit', 'Gate', 'Observe'],
  ['Audit', 'Observe', 'Observe'],
  ['Audit', 'Off', 'Off'],
] as const)('mode %s with endpointCheck.mode %s is %s', (mode, endpointCheck, expected) => {
  expect(settingsOf({ mode, endpointCheck: { mode: endpointCheck } }).mode).toBe(expected);
});

test('whatever the API admits leaves time for the checks before the deadline', () => {
  fc.assert(
    fc.property(validSpec, (spec) => {
      const parsed = parseGracefulRollout(rolloutWith('shop', spec));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const { timeoutSeconds, quietSeconds = 0, drained } = gateSettingsOf(parsed.value.spec);
      expect(quietSeconds + (drained?.timeoutSeconds ?? 0)).toBeLessThan(timeoutSeconds);
    }),
  );
});
