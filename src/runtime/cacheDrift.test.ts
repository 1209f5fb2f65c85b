import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Client } from '../kube/client.ts';
import type { Drift } from '../kube/drift.ts';
import type { Informer } from '../kube/informer.ts';
import { cacheDriftTask } from './cacheDrift.ts';
import { ManualClock } from './clock.ts';
import { createLogger } from './logger.ts';

test('counts what differs, names it, lives through errors, and ends when told to', async () => {
  const same: Drift = { missing: [], extra: [], stale: [], compared: 3 };
  const answers: (Drift | Error)[] = [
    same,
    new Error('refused'),
    { ...same, missing: ['shop/web'], stale: ['a', 'b'] },
  ];
  const clock = new ManualClock();
  const registry = new Registry();
  const lines: string[] = [];
  const task = cacheDriftTask({
    client: {} as Client,
    informers: new Map([['deployments', {} as Informer<KubeObject>]]),
    clock,
    registry,
    log: createLogger({ write: (line) => lines.push(line) }),
    periodMs: 1_000,
    async check() {
      const answer = answers.shift() ?? same;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const stop = new AbortController();
  const running = task.run(stop.signal);
  await clock.advance(3_500);
  const text = await registry.metrics();
  for (const result of ['same', 'error', 'drift']) {
    expect(text).toContain(`informer_cache_drift_checks_total{resource="deployments",result="${result}"} 1`);
  }
  expect(text).toContain('informer_cache_drift_objects{resource="deployments",kind="missing"} 1');
  expect(text).toContain('informer_cache_drift_objects{resource="deployments",kind="extra"} 0');
  expect(text).toContain('informer_cache_drift_objects{resource="deployments",kind="stale"} 2');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', msg: 'cannot compare a cache with the API server' },
    { level: 'error', resource: 'deployments', missing: ['shop/web'], stale: ['a', 'b'] },
  ]);
  await clock.advance(1_000);
  expect(await registry.metrics()).toContain('kind="missing"} 0');
  stop.abort();
  await running;
  expect(clock.pendingTimers).toBe(0);
});
