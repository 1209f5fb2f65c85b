import { expect, test } from 'vitest';
import { manifest } from '../contract/testing/manifests.ts';
import { silentLogger } from '../runtime/index.ts';
import { CONTEXT_KINDS, type Context, contextOf } from '../safety/index.ts';
import { service } from '../safety/testing/manifests.ts';
import { targetRules } from './warningsOfTarget.ts';
import type { PolicyDefaults } from './warningsPolicy.ts';

const off = { level: 'off', version: 'latest' } as const;
const defaults: PolicyDefaults = { warn: { level: 'baseline', version: 'latest' }, audit: off };
/** Serves without a readiness probe (baseline), from the tag latest (strict). */
const target = manifest({
  app: {
    image: 'example.com/web:latest',
    ports: [{ name: 'http', containerPort: 8080 }],
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
  },
});
const known = contextOf([service()], { namespace: 'shop', complete: CONTEXT_KINDS });

function codes(labels: Record<string, string> = {}, synced = true, context: () => Context = () => known): string[] {
  const view = { synced: () => synced, contextOf: context, namespaceLabels: () => labels };
  const judge = targetRules({ view, defaults, nowMs: () => 0, log: silentLogger });
  return judge(target).findings.map(({ code, severity }) => `${code} ${severity}`);
}

test('the level is the strictest that the namespace asks for', () => {
  expect(codes()).toEqual(['GR101 warning']);
  expect(codes({ 'graceful-rollout.io/audit': 'strict' })).toEqual(
    expect.arrayContaining(['GR101 warning', 'GR501 warning']),
  );
  expect(codes({ 'graceful-rollout.io/warn': 'off', 'graceful-rollout.io/enforce': 'baseline' })).toEqual([
    'GR101 warning',
  ]);
  expect(codes({ 'graceful-rollout.io/warn': 'off' })).toEqual([]);
});

test('nothing is said before the first lists, and a slip costs nobody the contract', () => {
  expect(codes({}, false)).toEqual([]);
  const slip = (): Context => {
    throw new Error('a slip');
  };
  expect(codes({}, true, slip)).toEqual([]);
});

test('a verdict holds until the day ends where a waiver may end with it, and for ever without one', () => {
  const nowMs = Date.UTC(2026, 10, 23, 22);
  const hours = (count: number) => count * 3_600_000;
  const staleInMs = (waive: string | undefined, labels: Record<string, string> = {}) => {
    const view = { synced: () => true, contextOf: () => known, namespaceLabels: () => labels };
    const annotations = waive === undefined ? {} : { 'graceful-rollout.io/waive': waive };
    return targetRules({ view, defaults, nowMs: () => nowMs, log: silentLogger })(manifest({ annotations })).staleInMs;
  };
  expect(staleInMs(undefined)).toBeUndefined();
  expect(staleInMs('GR101 in force until=2027-01-31')).toBe(hours(2));
  expect(staleInMs('GR101 over, the days are counted until=2026-01-31')).toBe(hours(2));
  expect(staleInMs('GR101 that nobody can read')).toBeUndefined();
  expect(staleInMs('GR101 not judged until=2027-01-31', { 'graceful-rollout.io/warn': 'off' })).toBeUndefined();
});
