import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Evidence } from '../../gate/types.ts';
import { createGateMetrics } from './metrics.ts';

const end: Evidence = { pod: 'a', uid: 'a', path: 'ScaleDown', outcome: 'Verified' };

test.each<[string, Evidence, number]>([
  ['in time', { ...end, drainedMet: true }, 0],
  ['that timed out, though the removal was verified', { ...end, drainedMet: false }, 1],
  ['that was not asked for', end, 0],
])('a drained check %s', async (_, evidence, timeouts) => {
  const registry = new Registry();
  createGateMetrics(registry, () => []).ended(evidence);
  const page = await registry.metrics();
  expect(page).toContain('graceful_rollout_drains_total{path="ScaleDown",outcome="Verified"} 1\n');
  expect(page).toContain(`graceful_rollout_drained_check_timeouts_total ${timeouts}\n`);
});
