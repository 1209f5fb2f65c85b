import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CONTEXT_KINDS, contextOf } from './context.ts';
import { judge } from './judge.ts';
import { testNowMs } from './testing/ruleTable.ts';
import { wellKnown } from './testing/wellKnown.ts';
import { workloadOf } from './workload.ts';

describe('what widely used projects publish', () => {
  it.each(wellKnown)('has no false alarm at baseline: $name', ({ manifests, baseline }) => {
    const objects = parseAllDocuments(manifests).map((document) => document.toJS() as unknown);
    const context = contextOf(objects, { namespace: undefined, complete: CONTEXT_KINDS });
    const workloads = objects.flatMap((object) => workloadOf(object) ?? []);
    expect(workloads.length).toBeGreaterThan(0);
    const findings = workloads.flatMap((workload) => judge(workload, context, { level: 'baseline', nowMs: testNowMs }));
    expect(findings.map(({ code, object }) => ({ code, object: object.name }))).toEqual(
      baseline.map(({ code, object }) => ({ code, object })),
    );
  });
});
