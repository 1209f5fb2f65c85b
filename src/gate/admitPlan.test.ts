import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { abandonedState, type PlanInput, planIntent, REFRESH_MS, reasonOf } from './admitPlan.ts';
import type { DrainPath, DrainState } from './types.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const at = (ms: number): string => new Date(nowMs + ms).toISOString();
const now = at(0);
const until = at(25_000);
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-a', uid: 'rs' };

const ask = (path: DrainPath, there?: DrainState, more: Partial<PlanInput> = {}) =>
  planIntent({
    path,
    username: 'alice',
    nowMs,
    untilMs: nowMs + 25_000,
    state: there === undefined ? { kind: 'None' } : { kind: 'State', state: there },
    ...more,
  });
const drain = (path: DrainPath, more: Partial<DrainState> = {}): DrainState => ({
  path,
  by: 'bob',
  askedAt: at(-10_000),
  ...more,
});
const handed = { owner, handedOverAt: at(-9000) };

describe('nobody asked before', () => {
  test.each<[DrainPath, DrainState]>([
    ['ScaleDown', { path: 'ScaleDown', by: 'alice', askedAt: now }],
    ['Eviction', { path: 'Eviction', by: 'alice', askedAt: now }],
    ['Delete', { path: 'Delete', by: 'alice', askedAt: now, until }],
  ])('%s writes its intent, over a forged one too', (path, state) => {
    expect(ask(path)).toEqual({ do: 'Write', state });
    expect(ask(path, undefined, { state: { kind: 'Forged' } })).toEqual({ do: 'Write', state });
  });
});

describe('the nine combinations', () => {
  test.each<DrainPath>(['ScaleDown', 'Eviction', 'Delete'])('a scale-down leaves %s as it is', (path) => {
    for (const more of [{}, handed, { ...handed, isolatedAt: at(-1000) }, { abandonedAt: at(-1) }]) {
      const there = drain(path, more);
      expect(ask('ScaleDown', there)).toEqual({ do: 'Keep', state: there });
    }
  });

  test.each<DrainPath>(['ScaleDown', 'Delete'])('an eviction leaves %s as it is', (path) => {
    for (const more of [{}, handed, { ...handed, isolatedAt: at(-1000) }, { askedAt: at(-REFRESH_MS) }]) {
      const there = drain(path, more);
      expect(ask('Eviction', there)).toEqual({ do: 'Keep', state: there });
    }
  });

  test('an eviction of an evicted pod notes the asking, at most every 20 s, not after isolation', () => {
    const recent = drain('Eviction', { askedAt: at(-90_000), lastAskedAt: at(1 - REFRESH_MS) });
    expect(ask('Eviction', recent)).toEqual({ do: 'Keep', state: recent });
    const due = drain('Eviction', { askedAt: at(-90_000), lastAskedAt: at(-REFRESH_MS), ...handed });
    expect(ask('Eviction', due)).toEqual({ do: 'Refresh', state: { ...due, lastAskedAt: now } });
    const first = drain('Eviction', { askedAt: at(-REFRESH_MS) });
    expect(ask('Eviction', first)).toEqual({ do: 'Refresh', state: { ...first, lastAskedAt: now } });
    const isolated = { ...due, isolatedAt: at(-1) };
    expect(ask('Eviction', isolated)).toEqual({ do: 'Keep', state: isolated });
  });

  test('a delete joins a scale-down, and an eviction that is isolated: only the end of the wait is noted, once', () => {
    for (const there of [
      drain('ScaleDown'),
      drain('ScaleDown', handed),
      drain('ScaleDown', { ...handed, isolatedAt: at(-1000), until: at(-40_000) }),
      drain('Eviction', { ...handed, isolatedAt: at(-1000) }),
    ]) {
      const joined = { ...there, until };
      expect(ask('Delete', there)).toEqual({ do: 'Write', state: joined });
      expect(ask('Delete', joined, { nowMs: nowMs + 24_999 })).toEqual({ do: 'Keep', state: joined });
    }
  });

  test('a delete takes an eviction over before isolation, with what it has reached', () => {
    const there = drain('Eviction', {
      ...handed,
      replacedAt: at(-3),
      lastAskedAt: at(-1),
      reason: 'the budget says no',
    });
    expect(ask('Delete', there)).toEqual({
      do: 'Write',
      state: { path: 'Delete', by: 'alice', askedAt: now, until, ...handed, replacedAt: at(-3) },
    });
  });

  test('a delete joins a delete, until the end that the first one has', () => {
    const there = drain('Delete', { until: at(15_000) });
    expect(ask('Delete', there)).toEqual({ do: 'Keep', state: there });
    expect(ask('Delete', { ...there, by: 'alice' })).toEqual({ do: 'Keep', state: { ...there, by: 'alice' } });
  });

  test('a delete renews one that was given up before isolation, and leaves it given up after', () => {
    const there = drain('Delete', { until: at(15_000), abandonedAt: at(-10), ...handed });
    expect(ask('Delete', there)).toEqual({
      do: 'Write',
      state: { path: 'Delete', by: 'alice', askedAt: now, until, ...handed },
    });
    const isolated = { ...there, isolatedAt: at(-20) };
    expect(ask('Delete', isolated)).toEqual({ do: 'Keep', state: isolated });
    const over = { ...isolated, until: at(-60_000) };
    expect(ask('Delete', over)).toEqual({ do: 'Write', state: { ...over, until } });
  });
});

const times = fc.option(
  fc.integer({ min: -100_000, max: 100_000 }).map((ms) => at(ms)),
  { nil: undefined },
);
const states = fc
  .record({
    path: fc.constantFrom<DrainPath>('ScaleDown', 'Eviction', 'Delete'),
    by: fc.constantFrom('alice', 'bob'),
    until: times,
    handedOverAt: times,
    isolatedAt: times,
    replacedAt: times,
    abandonedAt: times,
    drainedAt: times,
    lastAskedAt: times,
  })
  .map(
    (made): DrainState =>
      JSON.parse(JSON.stringify({ ...made, askedAt: at(-10_000), owner, removedLabels: { app: 'web' } })),
  );

test('whatever the state, no plan loses what was done to the pod, and a second look keeps what the first wrote', () => {
  fc.assert(
    fc.property(states, fc.constantFrom<DrainPath>('ScaleDown', 'Eviction', 'Delete'), (there, path) => {
      const plan = ask(path, there);
      for (const key of ['owner', 'handedOverAt', 'isolatedAt', 'replacedAt', 'removedLabels', 'drainedAt'] as const) {
        expect(plan.state[key]).toEqual(there[key]);
      }
      if (there.isolatedAt !== undefined) expect(plan.state.path).toBe(there.path);
      expect(ask(path, plan.state)).toEqual({ do: 'Keep', state: plan.state });
    }),
  );
});

describe('a hang-up', () => {
  const given = (more: Partial<DrainState>, username = 'bob') =>
    abandonedState({ kind: 'State', state: drain('Delete', { until, ...more }) }, username, nowMs);
  test('gives back what its user asked for', () => {
    expect(given({})).toEqual(drain('Delete', { until, abandonedAt: now }));
    expect(given(handed)?.abandonedAt).toBe(now);
  });
  test.each<[string, Partial<DrainState>, string?]>([
    ['after isolation', { isolatedAt: at(-1) }],
    ['after the drain', { drainedAt: at(-1) }],
    ['a second time', { abandonedAt: at(-1) }],
    ['of another path', { path: 'ScaleDown' }],
    ['of somebody who only joined', {}, 'carol'],
  ])('changes nothing %s', (_name, more, username) => {
    expect(given(more, username)).toBeUndefined();
  });
  test('of nothing', () => {
    expect(abandonedState({ kind: 'None' }, 'bob', nowMs)).toBeUndefined();
    expect(abandonedState({ kind: 'Forged' }, 'bob', nowMs)).toBeUndefined();
  });
});

test('the reason is one line', () => {
  expect(reasonOf(drain('Eviction', { reason: ' no node\n\ttakes its replacement ' }))).toBe(
    'no node takes its replacement',
  );
  for (const there of [drain('ScaleDown'), drain('Eviction'), drain('Eviction', handed), drain('Delete', handed)]) {
    expect(reasonOf(there)).toMatch(/^it [a-zS ]+$/);
    expect(reasonOf({ ...there, isolatedAt: now })).toContain('has left its Services');
  }
});
