/**
 * One candidate as a process of its own, for leaderElection.api.test.ts: while it leads, it writes its name into a
 * ConfigMap as fast as it can. Never part of the operator.
 */

import { systemClock } from '../runtime/clock.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { createClient } from './apiClient.ts';
import type { Client } from './client.ts';
import { loadKubeConfig } from './connection.ts';
import { LeaderElector } from './leaderElection.ts';
import { leaderOnly } from './leaderElectionClient.ts';
import { leaseApi } from './leaderElectionLease.ts';
import { configMaps } from './resources.ts';

/** Between two writes; the guard is asked before each. */
const WRITE_PERIOD_MS = 20;

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));

const log = createLogger();
const client = createClient({
  connection: await loadKubeConfig({ path: kubeconfig }, stop.signal),
  userAgent: `candidate/${identity}`,
  fieldManager: identity,
});
const elector = new LeaderElector({
  leases: leaseApi(client, namespace, 'leader'),
  identity,
  clock: systemClock,
  log,
  leaseDurationMs: 4_000,
  renewDeadlineMs: 3_000,
  retryPeriodMs: 500,
});
try {
  await elector.run(stop.signal, (leading) => writeOn(leaderOnly(client, elector), leading, log));
} catch (err) {
  log.error('the candidate ends', { err });
  process.exitCode = 1;
}
await client.close();

/** Leads: writes until told to stop or until the lease is lost. */
async function writeOn(guarded: Client, leading: AbortSignal, log: Logger): Promise<void> {
  log.info('leading');
  const end = AbortSignal.any([leading, stop.signal]);
  for (let count = 1; !end.aborted; count += 1) {
    const body = { data: { writer: identity, count: String(count) } };
    try {
      await guarded.patch(configMaps, { namespace, name: 'diary' }, { type: 'merge', body }, { signal: end });
      await systemClock.sleep(WRITE_PERIOD_MS, end);
    } catch (err) {
      if (!end.aborted) log.warn('write failed', { err });
      await Promise.allSettled([systemClock.sleep(WRITE_PERIOD_MS, end)]);
    }
  }
}
