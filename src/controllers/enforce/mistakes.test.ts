import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimOf } from '../../api/claim.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { parseGracefulRollout } from '../../api/parse.ts';
import { mutatedSpec, rolloutWith } from '../../api/testing/arbitraryRollout.ts';
import { conclude, decide } from './decide.ts';
import { report } from './report.ts';

/*
 * What the API server refuses nobody has to report (e2e/api/mistakes.api.test.ts). This is about what is stored all the
 * same: under an older CRD, or one that somebody loosened.
 */

const nowMs = Date.parse('2026-11-22T12:00:00Z');
const labels = { app: 'shop' };
const deployment = {
  metadata: { name: 'shop', namespace: 'prod', uid: 'target', generation: 1, resourceVersion: '7' },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'app', image: 'shop:1', ports: [{ containerPort: 8080 }] }] },
    },
  },
};
const service = {
  metadata: { name: 'shop', namespace: 'prod' },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};

/** The object as the API server would return it. */
function stored(spec: unknown): KubeObject {
  const metadata = { name: 'shop', namespace: 'prod', uid: 'rollout', generation: 3, resourceVersion: '9' };
  return { ...rolloutWith('shop', spec), metadata };
}

test('whatever is stored: nothing throws, and what cannot be used is in the status with its field and remedy', () => {
  let unusable = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: mutatedSpec }, { weight: 1, arbitrary: fc.jsonValue() }), (spec) => {
      const object = stored(spec);
      const rollout = claimOf(object);
      const snapshot = { rollout, claimants: [rollout], deployment, services: [service], nowMs };
      const decision = decide(snapshot);
      const assessment =
        decision.act === 'report'
          ? decision.assessment
          : conclude(snapshot, decision.adoption, { kind: 'Refused', message: 'not now' });
      const status = report(rollout, assessment, nowMs);
      expect(status.observedGeneration).toBe(3);

      const parsed = parseGracefulRollout(object);
      if (parsed.ok) return;
      unusable += 1;
      expect(decision.act).toBe('report');
      const [ready] = status.conditions ?? [];
      expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'InvalidSpec' });
      for (const { field, remedy } of parsed.problems) {
        expect(ready?.message).toContain(field);
        expect(remedy).not.toBe('');
        expect(ready?.message).toContain(remedy);
      }
    }),
    { numRuns: 500 },
  );
  expect(unusable).toBeGreaterThan(100);
});
