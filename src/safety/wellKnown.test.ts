import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CONTEXT_KINDS, contextOf } from './context.ts';
import { judge } from './judge.ts';
import { testNowMs } from './testing/ruleTable.ts';
import { soundShapes } from './testing/soundShapes.ts';
import { wellKnown } from './testing/wellKnown.ts';
import { workloadOf } from './workload.ts';

/** Findings at baseline, with all that there is in the same manifests. */
function baselineOf(manifests: string) {
  const objects = parseAllDocuments(manifests).map((document) => document.toJS() as unknown);
  const context = contextOf(objects, { namespace: undefined, complete: CONTEXT_KINDS });
  const workloads = objects.flatMap((object) => workloadOf(object) ?? []);
  expect(workloads.length).toBeGreaterThan(0);
  return workloads
    .flatMap((workload) => judge(workload, context, { level: 'baseline', nowMs: testNowMs }))
    .map(({ code, object }) => ({ code, object: object.name }));
}

describe('what widely used projects publish', () => {
  it.each(wellKnown)('has no false alarm at baseline: $name', ({ manifests, baseline }) => {
    expect(baselineOf(manifests)).toEqual(baseline.map(({ code, object }) => ({ code, object })));
  });
});

describe('shapes that many have', () => {
  it.each(soundShapes)('have no finding at baseline: $name', ({ manifests }) => {
    expect(baselineOf(manifests)).toEqual([]);
  });
});
