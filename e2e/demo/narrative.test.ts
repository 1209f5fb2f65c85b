import { describe, expect, it } from 'vitest';
import { type LossReport, type LossRow, lossRow } from '../load/lossReport.ts';
import { failures, farewell } from './narrative.ts';

function row(side: 'plain' | 'protected', lost: number): LossRow {
  const spread = { p50Ms: 1, p99Ms: 1, maxMs: 1 };
  const count = { requests: 20_000, answered: 20_000 - lost, lost, byClass: {}, latency: spread, lateness: spread };
  const lists = { losses: [], buckets: [], pods: {}, connectionsOpened: 0, closedWhileIdle: 0 };
  return lossRow(
    'abrupt',
    side,
    { name: 'x', mode: 'new-connection', ratePerSecond: 500, ...count, ...lists },
    [],
    [],
    {
      proxyMode: 'iptables',
      untranslated: 0,
      minReadyEndpoints: 4,
    },
  );
}

function report(plainLost: number, protectedLost: number): LossReport {
  const rows = [row('plain', plainLost), row('protected', protectedLost)];
  const times = { startedAtMs: 0, idleEndedAtMs: 0, finishedAtMs: 0 };
  return {
    kubernetes: '1.37.2',
    proxyMode: 'iptables',
    provider: 'local',
    nodes: 2,
    measuredAt: '',
    note: '',
    scenarios: [{ server: 'abrupt', mode: 'new-connection', ...times, idleRequests: 1, voidRuns: [], rows }],
    met: rows.every((entry) => entry.met),
  };
}

describe('the end of the demo', () => {
  it('succeeds when plain lost and protected did not', () => {
    expect(failures(report(500, 0))).toEqual([]);
  });

  it('fails when protected lost anything', () => {
    expect(failures(report(500, 1))).toEqual([
      "FAILED abrupt, protected, new-connection: 1 of 20000 lost, but this row loses 0: see the times in the data beside kube-proxy's logs",
    ]);
  });

  it('fails when plain lost nothing: the rig is broken', () => {
    expect(failures(report(0, 0))).toEqual([
      'FAILED abrupt, plain, new-connection: 0 of 20000 lost, but this row loses > 0.5 %: the rig does not show the loss that is there',
    ]);
  });

  it('tells where the picture is, how to look around and how to clean up', () => {
    const said = farewell(report(500, 0), { picture: '/p.svg', table: '/t', data: '/d.json', proxyLogs: ['/l'] });
    expect(said).toContain('/p.svg');
    expect(said).toContain('npm run cluster -- kubectl get gr -A');
    expect(said).toContain('kubectl -n loss-abrupt describe gr protected');
    expect(said).toMatch(/npm run cluster -- down$/);
    const elsewhere = farewell(report(500, 0), { picture: '', table: '', data: '', proxyLogs: [] }, 'mine');
    expect(elsewhere).toMatch(/npm run cluster -- --name mine down$/);
  });
});
