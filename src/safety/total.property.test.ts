import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CONTEXT_KINDS, contextOf } from './context.ts';
import { judge } from './judge.ts';
import { RULES } from './registry.ts';
import { applyEdits } from './testing/edits.ts';
import { kindSeeds } from './testing/kindSeeds.ts';
import {
  autoscaler,
  budget,
  claim,
  deployment,
  gracefulRollout,
  ofKind,
  service,
  withApp,
} from './testing/manifests.ts';
import { testNowMs } from './testing/ruleTable.ts';
import type { Finding } from './types.ts';
import { workloadOf } from './workload.ts';

/** Manifests to try; `RUNS=100000` for many. */
const RUNS = Number(process.env['RUNS'] ?? 3_000);

function objectsOf(yaml: string): unknown[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as unknown);
}

/** Objects that make every rule look at something. */
const seeds: readonly (readonly unknown[])[] = [
  ...[...RULES.map(({ example }) => example), ...kindSeeds.map(({ yaml }) => yaml)].map(objectsOf),
  [
    withApp({
      livenessProbe: { httpGet: { port: 8080 } },
      startupProbe: { grpc: { port: 1 } },
      env: [{ name: 'A', value: '1' }],
    }),
    service(),
    budget(),
    autoscaler(),
    gracefulRollout(),
    claim('ReadWriteOnce'),
    ofKind('Pod', 'v1', { ...deployment(), spec: { containers: [{ name: 'a' }] } }),
  ],
];

const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    '',
    0,
    -1,
    1e308,
    Number.NaN,
    [],
    {},
    [null],
    [[]],
    { '': null },
    '100%',
    '-1%',
    '99999999999%',
    'sleep',
    '__proto__',
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary' }),
);

/** Puts a value at some place of an object, found by following the numbers down. */
function mutate(object: unknown, steps: readonly number[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (Array.isArray(object)) {
    if (object.length === 0) return value;
    return object.map((item: unknown, at) => (at === step % object.length ? mutate(item, rest, value) : item));
  }
  if (typeof object !== 'object' || object === null) return value;
  const entries = Object.entries(object);
  if (entries.length === 0) return value;
  return Object.fromEntries(
    entries.map(([key, item], at) => [key, at === step % entries.length ? mutate(item, rest, value) : item]),
  );
}

const mutated: fc.Arbitrary<readonly unknown[]> = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.array(fc.nat(20), { maxLength: 10 }), hostile), { maxLength: 4 }),
  )
  .map(([objects, changes]) =>
    changes.reduce<unknown[]>((all, [steps, value]) => all.map((object) => mutate(object, steps, value)), [...objects]),
  );

function findingsOf(objects: readonly unknown[]): Finding[] {
  const context = contextOf(objects, { namespace: undefined, complete: CONTEXT_KINDS });
  return objects.flatMap((object) => {
    const workload = workloadOf(object);
    return workload === undefined ? [] : judge(workload, context, { level: 'strict', nowMs: testNowMs });
  });
}

describe('any JSON', () => {
  it('is judged without an error, every finding can be shown, and memory stays', () => {
    const beforeBytes = process.memoryUsage().heapUsed;
    let found = 0;
    fc.assert(
      fc.property(mutated, (objects) => {
        for (const { code, message, remedy, field } of findingsOf(objects)) {
          found += 1;
          expect(code).toMatch(/^GR\d{3}$/);
          for (const text of [message, remedy, field]) {
            expect(text).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|NaN|undefined|\[object/u);
            expect(Array.from(text).length).toBeLessThanOrEqual(240);
          }
        }
      }),
      { numRuns: RUNS },
    );
    expect(found).toBeGreaterThan(RUNS / 3);
    expect((process.memoryUsage().heapUsed - beforeBytes) / (1 << 20)).toBeLessThan(300);
  }, 600_000);

  it.each(kindSeeds)('of the kind $kind is a workload, and judged', ({ kind, yaml }) => {
    const findings = findingsOf(objectsOf(yaml));
    expect(findings.map(({ code }) => code)).toContain('GR202');
    expect(new Set(findings.map(({ object }) => object.kind))).toEqual(new Set([kind]));
  });

  it('that is no object at all is no workload and no context', () => {
    fc.assert(
      fc.property(fc.array(hostile), (values) => {
        expect(findingsOf(values)).toEqual([]);
      }),
    );
  });

  it('is judged in a time that its size bounds', () => {
    const many = <T>(length: number, item: (at: number) => T) => Array.from({ length }, (_none, at) => item(at));
    const containers = many(2_000, (at) => ({
      name: `c${at}`,
      ports: many(10, (port) => ({ name: `p${port}`, containerPort: at * 10 + port })),
    }));
    const objects = [
      deployment({}, { containers }),
      ...many(2_000, (at) => service({}, `s${at}`)),
      ...many(2_000, (at) => budget({}, `b${at}`)),
    ];
    const startMs = performance.now();
    expect(findingsOf(objects).length).toBeGreaterThan(0);
    // 3 MiB of manifests; a second on a slow machine is enough for all that is linear
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

describe('a fix', () => {
  it('leaves no finding of its code that declares one, and the object a workload', () => {
    const fixed = new Set<string>();
    fc.assert(
      fc.property(mutated, (objects) => {
        const [target, ...others] = objects;
        const findings = ownFindings(target, others);
        for (const code of new Set(findings.map((finding) => finding.code))) {
          const own = findings.filter((finding) => finding.code === code);
          if (own.some(({ fix }) => fix === undefined)) continue;
          // a rule lists so many at most; the rest is found by the next run
          if (own.length >= 20) continue;
          fixed.add(code);
          const result = applyEdits(
            target,
            own.flatMap(({ fix = [] }) => fix),
          );
          expect(workloadOf(result)).toBeDefined();
          expect(ownFindings(result, others).filter((finding) => finding.code === code)).toEqual([]);
        }
      }),
      // each rule's example as it stands first, so that no code is left to chance
      { numRuns: RUNS / 2, examples: seeds.map((objects) => [objects]) },
    );
    expect([...fixed].toSorted()).toEqual(RULES.flatMap(({ code, hasFix }) => (hasFix ? [code] : [])).toSorted());
  }, 600_000);
});

function ownFindings(target: unknown, others: readonly unknown[]): Finding[] {
  const workload = workloadOf(target);
  if (workload === undefined) return [];
  const context = contextOf([target, ...others], { namespace: undefined, complete: CONTEXT_KINDS });
  return judge(workload, context, { level: 'strict', nowMs: testNowMs });
}
