import { describe, expect, it } from 'vitest';
import type { WatchedEnd } from '../e2e/gate/podWatch.ts';
import type { RanOperation } from './soakLoop.ts';
import { type SoakFacts, type SoakRow, soakReport, soakTable } from './soakReport.ts';

const spread = { p50Ms: 1, p99Ms: 2, maxMs: 3 };
const drain: RanOperation = { name: 'drain', startedAtMs: 1000, endedAtMs: 2000, problems: [] };
const end: WatchedEnd = {
  pod: 'web-1',
  uid: '1',
  app: 'web',
  node: 'node-1',
  path: 'Eviction',
  drainSeenAtMs: 1000,
  isolatedAtMs: 1500,
  terminatingAtMs: 2500,
  goneAtMs: 3000,
  wasReady: true,
};

function row(losses: SoakRow['losses'], kernelLosses = 0): SoakRow {
  return {
    name: 'web',
    mode: 'new-connection',
    ratePerSecond: 350,
    requests: 100,
    answered: 100 - losses.length,
    lost: losses.length,
    kernelLosses,
    byClass: losses.length === 0 ? {} : { reset: losses.length },
    latency: spread,
    lateness: spread,
    losses,
    buckets: [],
    pods: {},
    connectionsOpened: 100,
    closedWhileIdle: 0,
  };
}

const loss = { dueAtMs: 1500, lostAtMs: 1501, lossClass: 'reset', detail: '', source: '' } as const;

function facts(change: Partial<SoakFacts> = {}): SoakFacts {
  return {
    kubernetes: '1.37.2',
    proxyMode: 'nftables',
    nodes: 3,
    side: 'gate',
    seed: 1,
    startedAtMs: 0,
    finishedAtMs: 10_000,
    rows: [row([])],
    operations: [drain],
    ends: [end],
    leftBehind: [],
    budgetedEvictions: 1,
    budgetViolations: [],
    ...change,
  };
}

describe('soakReport', () => {
  it('is met when nothing was lost, left behind or taken from a budget', () => {
    expect(soakReport(facts())).toMatchObject({ ok: true, requests: 100, lost: 0, ungated: [] });
  });

  it.each([
    ['a lost request', { rows: [row([loss])] }],
    ['a pod left behind', { leftBehind: ['Pod web-1: isolated'] }],
    ['a pod that served and ended without the gate', { ends: [{ ...end, path: undefined }] }],
    ['an eviction against a budget', { budgetViolations: ['web-1'] }],
    ['a command that went wrong', { operations: [{ ...drain, problems: ['kubectl drain ended with code 1'] }] }],
  ])('is not met with %s', (_, change) => {
    expect(soakReport(facts(change)).ok).toBe(false);
  });

  it('does not count what the kernel lost', () => {
    expect(soakReport(facts({ rows: [row([loss], 1)] }))).toMatchObject({ ok: true, lost: 1, lostToKernel: 1 });
  });

  it('names the operation of a loss and the pods that ended without the gate', () => {
    const report = soakReport(facts({ rows: [row([loss])], ends: [{ ...end, path: undefined }] }));
    expect(report.lossesDuring).toEqual([
      { at: '1970-01-01T00:00:01.500Z', row: 'web', lossClass: 'reset', operation: 'drain' },
    ]);
    expect(report.ungated).toEqual(['web-1']);
  });

  it('prints it all', () => {
    const text = soakTable(soakReport(facts({ rows: [row([loss])], budgetViolations: ['web-1 evicted'] })));
    expect(text).toContain('100 requests in 10 s, 1 lost, 0 of them by the kernel');
    expect(text).toMatch(/Eviction +1 +0\.5\/0\.5 s +1\.0\/1\.0 s +2\.0\/2\.0 s/);
    expect(text).toContain('during drain');
    expect(text).toContain('web-1 evicted');
  });
});
