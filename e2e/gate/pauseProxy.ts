import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/index.ts';
import { identify, signalProcess } from '../cluster/processIdentity.ts';

/**
 * Stops a node's kube-proxy (SIGSTOP) for a while: it keeps its connections, and programs nothing. Goes on (SIGCONT) also
 * when the signal ends the wait.
 * @throws Error where there is not exactly one such process.
 */
export async function pauseProxy(cluster: Cluster, node: string, pausedMs: number, signal: AbortSignal): Promise<void> {
  const found = proxyProcesses(cluster, node);
  const identity = found[0] === undefined ? undefined : identify(found[0]);
  if (identity === undefined || found.length !== 1) {
    throw new Error(`cluster ${cluster.name}: ${found.length} processes look like the kube-proxy of ${node}`);
  }
  try {
    if (!signalProcess(identity, 'SIGSTOP')) throw new Error(`the kube-proxy of ${node} has ended`);
    await sleep(pausedMs, undefined, { signal });
  } finally {
    signalProcess(identity, 'SIGCONT');
  }
}

/** Each cluster has a folder of its own, and its configuration files lie in it. */
function proxyProcesses(cluster: Cluster, node: string): number[] {
  const configuration = new RegExp(`^--config=.*/${cluster.name}/${node}/kube-proxy\\.json$`);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return argv[0]?.endsWith('/kube-proxy') === true && argv.some((arg) => configuration.test(arg));
      } catch {
        return false; // It ended meanwhile.
      }
    });
}
