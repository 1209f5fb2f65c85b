import { describe, expect, it } from 'vitest';
import type { LossClass } from './lossClass.ts';
import {
  type DataPath,
  type LossReport,
  type LossRow,
  lossRow,
  NOTE,
  remedies,
  type ServerName,
  type Side,
} from './lossReport.ts';
import { lossTable } from './lossTable.ts';
import { lossTimeline } from './lossTimeline.ts';
import type { Bucket, ConnectionMode, TargetCount } from './plan.ts';

const START_MS = 1_750_000_000_000;

function count(mode: ConnectionMode, requests: number, byClass: Partial<Record<LossClass, number>>): TargetCount {
  const lost = Object.values(byClass).reduce((sum, number) => sum + number, 0);
  const buckets: Bucket[] = Array.from({ length: 8 }, (_, i) => ({
    atMs: START_MS + i * 250,
    due: 125,
    lost: i === 3 ? lost : 0,
    maxLatencyMs: 2,
  }));
  const spread = { p50Ms: 1, p99Ms: 4, maxMs: 1021.4 };
  return {
    name: 'ignored',
    mode,
    ratePerSecond: 500,
    requests,
    answered: requests - lost,
    lost,
    byClass,
    latency: spread,
    lateness: { p50Ms: 0.3, p99Ms: 2, maxMs: 9 },
    losses: [],
    buckets,
    pods: {},
    connectionsOpened: 0,
    closedWhileIdle: 0,
  };
}

function row(
  server: ServerName,
  side: Side,
  mode: ConnectionMode,
  byClass: Partial<Record<LossClass, number>>,
  dataPath: Partial<DataPath> = {},
): LossRow {
  const rollout = { startedAtMs: START_MS + 500, availableAtMs: START_MS + 1000, settledAtMs: START_MS + 1750 };
  const end = { pod: `${side}-1`, terminatingAtMs: START_MS + 600, goneAtMs: START_MS + 900 };
  return lossRow(server, side, count(mode, 20_000, byClass), [rollout], [end], {
    proxyMode: 'nftables',
    untranslated: 0,
    minReadyEndpoints: 4,
    ...dataPath,
  });
}

function report(rows: LossRow[], voidRuns: string[] = []): LossReport {
  const server = rows[0]?.server ?? 'abrupt';
  const times = { startedAtMs: START_MS - 500, idleEndedAtMs: START_MS, finishedAtMs: START_MS + 2000 };
  return {
    kubernetes: '1.37.2',
    proxyMode: 'iptables',
    provider: 'local',
    nodes: 2,
    measuredAt: '2026-11-22T17:00:00.000Z',
    note: NOTE,
    scenarios: (['new-connection', 'keep-alive'] as const).map((mode) => {
      const ofMode = rows.filter((entry) => entry.mode === mode);
      return {
        server,
        mode,
        ...times,
        idleRequests: 5000,
        voidRuns: mode === 'keep-alive' ? voidRuns : [],
        rows: ofMode,
      };
    }),
    met: rows.every((entry) => entry.met),
  };
}

describe('what a row must show', () => {
  it.each([
    ['abrupt', 'plain', 'new-connection', 101, 'loses > 0.5 %', true],
    ['abrupt', 'plain', 'new-connection', 100, 'loses > 0.5 %', false],
    ['abrupt', 'protected', 'new-connection', 0, 'loses 0', true],
    ['abrupt', 'protected', 'new-connection', 1, 'loses 0', false],
    ['nginx', 'protected', 'new-connection', 1, 'loses 0', false],
    ['draining', 'protected', 'keep-alive', 1, 'loses 0', false],
    ['draining', 'plain', 'keep-alive', 900, undefined, true],
    ['abrupt', 'protected', 'keep-alive', 900, undefined, true],
    ['nginx', 'protected', 'keep-alive', 900, undefined, true],
    ['nginx', 'plain', 'new-connection', 0, undefined, true],
  ] as const)('%s %s %s with %i lost: %s, met %s', (server, side, mode, lost, expectation, met) => {
    expect(row(server, side, mode, { 'connect-refused': lost })).toMatchObject({ expectation, met });
  });

  const nftables = { proxyMode: 'nftables', untranslated: 0, minReadyEndpoints: 1 } as const;
  it.each([
    [
      'a refused connection that was left untranslated',
      { 'connect-refused': 1 },
      { ...nftables, untranslated: 1 },
      1,
      true,
    ],
    ['more untranslated than refused', { 'connect-refused': 1 }, { ...nftables, untranslated: 3 }, 1, true],
    ['more refused than untranslated', { 'connect-refused': 2 }, { ...nftables, untranslated: 1 }, 1, false],
    ['a refused connection that was translated', { 'connect-refused': 1 }, nftables, 0, false],
    ['a loss of another class', { 'connect-timeout': 1 }, { ...nftables, untranslated: 1 }, 0, false],
    ['another class beside it', { 'connect-refused': 1, reset: 1 }, { ...nftables, untranslated: 2 }, 1, false],
    [
      'a Service that was without a ready endpoint',
      { 'connect-refused': 1 },
      { ...nftables, untranslated: 1, minReadyEndpoints: 0 },
      0,
      false,
    ],
    [
      'iptables mode, which has no such race',
      { 'connect-refused': 1 },
      { ...nftables, proxyMode: 'iptables', untranslated: 1 },
      0,
      false,
    ],
    ['nothing lost', {}, { ...nftables, untranslated: 1 }, 0, true],
  ] as const)('the kernel loses, not the rollout: %s', (_what, byClass, dataPath, ofKernel, met) => {
    const lost = Object.values(byClass).reduce((sum: number, number) => sum + number, 0);
    const found = row('nginx', 'protected', 'new-connection', byClass, dataPath);
    expect(found).toMatchObject({ lost, kernelLosses: ofKernel, met });
  });

  it('the plain row must lose by its rollouts or not: the raw figure counts', () => {
    const found = row('abrupt', 'plain', 'new-connection', { 'connect-refused': 101 }, { untranslated: 101 });
    expect(found).toMatchObject({ lost: 101, kernelLosses: 101, met: true });
  });

  it('remedies are named for what endpoint removal cannot mend, on protected rows only', () => {
    const rows = [
      row('abrupt', 'plain', 'keep-alive', { 'idle-closed': 9 }),
      row('abrupt', 'protected', 'keep-alive', { 'idle-closed': 3, unanswered: 1 }),
      row('abrupt', 'protected', 'new-connection', { 'connect-refused': 2 }),
    ];
    const said = remedies(rows);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(/^abrupt, protected, keep-alive: 3 idle-closed .*Connection: close/);
    expect(said[1]).toMatch(/1 unanswered .*SIGTERM/);
  });
});

const example = report(
  [
    row('abrupt', 'plain', 'new-connection', { 'connect-refused': 20, 'connect-timeout': 212 }),
    row('abrupt', 'protected', 'new-connection', {}),
    row('abrupt', 'plain', 'keep-alive', { 'idle-closed': 14, reset: 1 }),
    row('abrupt', 'protected', 'keep-alive', { 'idle-closed': 4 }),
  ],
  ['requests were lost in the idle stretch'],
);

describe('how it is shown', () => {
  it('as a table', async () => {
    await expect(`${lossTable(example)}\n`).toMatchFileSnapshot('golden/table.txt');
  });

  it('as a table, with what the kernel lost beside the raw count', async () => {
    const lossy = { 'connect-refused': 1 };
    const path = { untranslated: 1 };
    const nftables = {
      ...report([row('nginx', 'protected', 'new-connection', lossy, path)]),
      proxyMode: 'nftables',
    } as const;
    await expect(`${lossTable(nftables)}\n`).toMatchFileSnapshot('golden/table-kernel.txt');
  });

  it('as a picture', async () => {
    const svg = lossTimeline(example);
    await expect(svg).toMatchFileSnapshot('golden/timeline.svg');
    // One red column per row that lost anything, in the bucket of the loss, and never thinner than can be seen.
    expect(svg.match(/fill="#d1242f"/g)).toHaveLength(1 + 3);
    for (const [, height] of svg.matchAll(/height="([\d.]+)" fill="#d1242f"/g))
      expect(Number(height)).toBeGreaterThanOrEqual(3);
  });

  it('names in the picture are escaped', () => {
    expect(lossTimeline({ ...example, kubernetes: '<b>&' })).toContain('Kubernetes &lt;b&gt;&amp;,');
  });
});
