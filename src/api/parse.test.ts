import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Problem, parseGracefulRollout } from './parse.ts';
import { mutatedSpec, rolloutWith, validSpec } from './testing/arbitraryRollout.ts';

const probe = { httpGet: { port: 'http' } };

function problemsOf(spec: unknown, unknownFields: 'ignore' | 'refuse' = 'refuse'): readonly Problem[] {
  const parsed = parseGracefulRollout(rolloutWith('shop', spec), { unknownFields });
  return parsed.ok ? [] : parsed.problems;
}

const target = { targetRef: { name: 'shop' } };

test('the smallest object gets every default', () => {
  const parsed = parseGracefulRollout(rolloutWith('shop', target));
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      metadata: { name: 'shop' },
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' },
        readiness: {},
        termination: { preStopSleepSeconds: 5, drainSeconds: 25 },
        strategy: { maxUnavailable: 0 },
        mode: 'Enforce',
        adoption: 'Immediate',
      },
    },
  });
});

test('null stands for absent, as in the API server', () => {
  const nulls = {
    ...target,
    readiness: null,
    termination: { drainSeconds: null },
    mode: null,
    strategy: { maxSurge: null },
  };
  expect(parseGracefulRollout(rolloutWith('shop', nulls))).toEqual(parseGracefulRollout(rolloutWith('shop', target)));
});

test('fields of a newer version are left out, or refused when asked', () => {
  const newer = { ...target, gate: { quietSeconds: 3 }, termination: { drainSeconds: 1, newKnob: null } };
  expect(problemsOf(newer, 'ignore')).toEqual([]);
  expect(problemsOf(newer).map((it) => it.field)).toEqual(['spec.gate', 'spec.termination.newKnob']);
});

test('metadata, status and what else the object carries stay', () => {
  const object = { ...rolloutWith('shop', target), status: { phase: 'Enforced' } };
  expect(parseGracefulRollout(object)).toMatchObject({ ok: true, value: { status: { phase: 'Enforced' } } });
});

describe('what is wrong is named with its field and a remedy', () => {
  const cases: readonly (readonly [spec: unknown, field: string, problem: string, remedy: string])[] = [
    [undefined, 'spec', 'is missing', 'write an object'],
    [{ targetRef: {} }, 'spec.targetRef.name', 'is missing', 'write a text'],
    [{ targetRef: { name: 'Shop' } }, 'spec.targetRef.name', 'is not the name of a Deployment', 'metadata.name'],
    [{ targetRef: { name: 'a', kind: 'DaemonSet' } }, 'spec.targetRef.kind', "is 'DaemonSet'", 'write Deployment'],
    [{ ...target, mode: 'enforce' }, 'spec.mode', "is 'enforce'", 'write Enforce or Audit'],
    [{ ...target, termination: { drainSeconds: '25s' } }, 'spec.termination.drainSeconds', 'is a text', 'whole number'],
    [
      { ...target, termination: { drainSeconds: 1.5 } },
      'spec.termination.drainSeconds',
      'is the number 1.5',
      'whole number',
    ],
    [{ ...target, termination: { drainSeconds: -1 } }, 'spec.termination.drainSeconds', 'is -1', 'write 0 or more'],
    [
      { ...target, termination: { preStopSleepSeconds: 10, gracePeriodSeconds: 30 } },
      'spec.termination.gracePeriodSeconds',
      'preStopSleepSeconds 10 + drainSeconds 25 + margin 5 = 40, but gracePeriodSeconds is 30',
      'or leave it out',
    ],
    [{ ...target, strategy: { maxSurge: '0%' } }, 'spec.strategy.maxSurge', 'so is maxUnavailable', 'write 1 or more'],
    [{ ...target, strategy: { maxSurge: true } }, 'spec.strategy.maxSurge', 'is true', 'a whole number or a text'],
    [{ ...target, readiness: { probe: {} } }, 'spec.readiness.probe', 'exactly one handler', 'give one of exec'],
    [
      { ...target, readiness: { probe: { ...probe, tcpSocket: { port: 1 } } } },
      'spec.readiness.probe',
      'exactly one handler',
      'leave the others out',
    ],
    [
      { ...target, readiness: { probe: { ...probe, terminationGracePeriodSeconds: 5 } } },
      'spec.readiness.probe.terminationGracePeriodSeconds',
      'a readiness probe has no',
      'spec.termination.gracePeriodSeconds',
    ],
    [
      { ...target, readiness: { probe: { httpGet: { port: 1, httpHeaders: [{ name: 'a b', value: '' }] } } } },
      'spec.readiness.probe.httpGet.httpHeaders[0].name',
      'is not the name of an HTTP header',
      'X-Probe',
    ],
    [
      { ...target, readiness: { probe: { exec: { command: [] } } } },
      'spec.readiness.probe.exec.command',
      'is a list of 0',
      'a list of 1 or more',
    ],
  ];
  test.each(cases)('%j', (spec, field, problem, remedy) => {
    expect(problemsOf(spec)).toEqual([
      { field, problem: expect.stringContaining(problem), remedy: expect.stringContaining(remedy) },
    ]);
  });

  test.each([
    [null, '(object)'],
    [[], '(object)'],
    ['text', '(object)'],
    [{ apiVersion: 'v1', kind: 'GracefulRollout', metadata: {}, spec: target }, 'apiVersion'],
    [{ ...rolloutWith('shop', target), kind: 'Rollout' }, 'kind'],
    [{ ...rolloutWith('shop', target), metadata: 7 }, 'metadata'],
  ])('%j', (json, field) => {
    expect(parseGracefulRollout(json)).toMatchObject({ ok: false, problems: [{ field }] });
  });
});

test('valid objects are accepted, and what was parsed parses to itself', () => {
  fc.assert(
    fc.property(validSpec, (spec) => {
      const once = parseGracefulRollout(rolloutWith('shop', spec), { unknownFields: 'refuse' });
      expect(once).toMatchObject({ ok: true });
      if (once.ok) expect(parseGracefulRollout(once.value, { unknownFields: 'refuse' })).toEqual(once);
    }),
    { numRuns: 500 },
  );
});

test('nothing makes it throw, and every problem says field, problem and remedy', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    mutatedSpec.map((spec) => rolloutWith('shop', spec)),
    fc.object({ withNullPrototype: true, withBigInt: true, withDate: true }),
    fc.object({ key: fc.constantFrom('spec', 'targetRef', 'name', '__proto__', 'readiness', 'probe', 'kind') }),
  );
  let refused = 0;
  fc.assert(
    fc.property(anything, fc.constantFrom('ignore' as const, 'refuse' as const), (json, unknownFields) => {
      const parsed = parseGracefulRollout(json, { unknownFields });
      if (parsed.ok) return;
      refused += 1;
      for (const problem of parsed.problems) {
        expect(Object.values(problem).every((text) => typeof text === 'string' && text !== '')).toBe(true);
      }
    }),
    { numRuns: 3_000 },
  );
  expect(refused).toBeGreaterThan(1_000);
});
