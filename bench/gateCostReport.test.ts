import { describe, expect, it } from 'vitest';
import { type CostMeasurement, costReport, costTable, stageTimes } from './gateCostReport.ts';

const webhook = 'replicasets.gate.graceful-rollout.io';

function measurement(side: 'plain' | 'gated', change: Partial<CostMeasurement> = {}): CostMeasurement {
  return { side, replicas: 4, statusMs: 10_000, goneMs: 16_000, requests: {}, webhooks: {}, ...change };
}

describe('costReport', () => {
  const report = costReport({
    kubernetes: '1.37.2',
    nodes: 2,
    measurements: [
      measurement('plain', {
        requests: { 'DELETE pods 200': 8, 'PATCH pods 200': 4, 'GET pods 200': 8, 'LIST pods 200': 50 },
      }),
      measurement('gated', {
        statusMs: 10_500,
        requests: {
          'DELETE pods 200': 8,
          'DELETE pods 404': 4,
          'PATCH pods 200': 12,
          'GET pods 200': 10,
          'LIST pods 200': 90,
          'LIST endpointslices 200': 6,
          'GET deployments 200': 40,
        },
        webhooks: { [webhook]: { calls: 4, held: 0 } },
      }),
    ],
    stages: stageTimes(4, [
      {
        pod: 'a',
        askedAt: '2026-01-01T00:00:00Z',
        isolatedAt: '2026-01-01T00:00:01Z',
        deletedAt: '2026-01-01T00:00:03Z',
      },
      { pod: 'b', askedAt: '2026-01-01T00:00:00Z', isolatedAt: '2026-01-01T00:00:02Z' },
    ]),
  });

  it('compares the gated rollout with the plain one, per pod: writes, and reads that are not polls of the rig', () => {
    expect(report.sizes).toEqual([
      {
        replicas: 4,
        statusMs: { plain: 10_000, gated: 10_500 },
        statusRatio: 1.05,
        statusMet: true,
        goneMs: { plain: 16_000, gated: 16_000 },
        deletesPerPod: { plain: 2, gated: 3 },
        extraCallsPerPod: {
          'DELETE pods 404': 1,
          'PATCH pods 200': 2,
          'GET pods 200': 0.5,
          'LIST endpointslices 200': 1.5,
        },
        replicaSetPath: { calls: 4, held: 0 },
      },
    ]);
  });

  it('counts the stages from the time a pod was asked for', () => {
    expect(report.stages).toEqual([
      { replicas: 4, stage: 'isolatedAt', pods: 2, p50Ms: 1000, maxMs: 2000 },
      { replicas: 4, stage: 'deletedAt', pods: 1, p50Ms: 3000, maxMs: 3000 },
    ]);
  });

  it('prints it', () => {
    const text = costTable(report);
    expect(text).toContain('4 replicas: 4 calls on the ReplicaSet path, 0 held');
    expect(text).toContain('5 (2 PATCH pods 200, 1.5 LIST endpointslices 200, 1 DELETE pods 404, 0.5 GET pods 200)');
    expect(text).toContain('4 replicas: rollout status took 1.05 times the plain one, 1.1 at most: met');
  });

  it.each([
    [11_000, true],
    [11_001, false],
  ])('a rollout status of %i ms against 10,000: %s', (statusMs, met) => {
    const measurements = [measurement('plain'), measurement('gated', { statusMs })];
    const slow = costReport({ kubernetes: '1.37.2', nodes: 2, measurements, stages: [] });
    expect(slow.sizes).toMatchObject([{ statusMet: met }]);
    expect(costTable(slow)).toContain(`1.1 at most: ${met ? 'met' : 'not met'}`);
  });
});
