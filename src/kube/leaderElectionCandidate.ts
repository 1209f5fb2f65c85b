/**
 * One candidate as a process of its own, for leaderElection.api.test.ts: while it leads, it writes its name into a
 * ConfigMap as fast as it can. Never part of the operator.
 *
 * Arguments: kubeconfig, namespace, identity. SIGUSR2 makes it stop itself (SIGSTOP) at the worst moment that the guard
 * promises to cover: the next thing it does, once continued, is a write without any precondition.
 */
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { createClient } from './apiClient.ts';
import { loadKubeConfig } from './connection.ts';
import { LeaderElector } from './leaderElection.ts';
import { leaderOnly } from './leaderElectionClient.ts';
import { leaseApi } from './leaderElectionLease.ts';
import { configMaps } from './resources.ts';

const WRITE_PERIOD_MS = 20;

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2);
const diary = { namespace, name: 'diary' };
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));
let stallBeforeWrite = false;
process.on('SIGUSR2', () => {
  stallBeforeWrite = true;
});

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
const guarded = leaderOnly(client, elector);
try {
  await elector.run(stop.signal, writeOn);
} catch (err) {
  log.error('the candidate ends', { err });
  process.exitCode = 1;
}
await client.close();

/** Leads: writes until told to stop or until the lease is lost. */
async function writeOn(leading: AbortSignal): Promise<void> {
  log.info('leading');
  const signal = AbortSignal.any([leading, stop.signal]);
  while (!signal.aborted) {
    try {
      await (stallBeforeWrite ? writeAfterStall(signal) : write(signal));
    } catch (err) {
      if (!signal.aborted) log.warn('write failed', { err });
    }
    await Promise.allSettled([systemClock.sleep(WRITE_PERIOD_MS, signal)]);
  }
}

/** As a controller writes: what it read, with its version. Stopped in between, the API server refuses it. */
async function write(signal: AbortSignal): Promise<void> {
  const { metadata } = await guarded.get(configMaps, diary, { signal });
  const { resourceVersion = '' } = metadata;
  await guarded.update(
    configMaps,
    { metadata: { ...diary, resourceVersion }, data: { writer: identity, at: resourceVersion } },
    { signal },
  );
}

function writeAfterStall(signal: AbortSignal): Promise<unknown> {
  process.kill(process.pid, 'SIGSTOP');
  const body = { data: { writer: identity } };
  return guarded.patch(configMaps, diary, { type: 'merge', body }, { signal });
}
