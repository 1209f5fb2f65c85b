import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressPlan } from './addressPlan.ts';
import type { ClusterPaths } from './clusterState.ts';
import { runCommand } from './command.ts';
import { assertDaemon, daemonNames } from './daemons.ts';

/** Waits until every node is Ready and every kube-proxy is in order, and pods can be made in `default`. */
export async function waitForNodes(
  paths: ClusterPaths,
  plan: AddressPlan,
  kubectl: string,
  options: { deadlineMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const untilMs = Date.now() + options.deadlineMs;
  for (;;) {
    options.signal?.throwIfAborted();
    for (const daemon of daemonNames(paths)) assertDaemon(paths, daemon);
    const missing = await notReady(paths, plan, kubectl, options.signal);
    if (missing.length === 0) return;
    if (Date.now() > untilMs) {
      throw new Error(
        `not ready after ${options.deadlineMs / 1000} s: ${missing.join(', ')}; logs are in ${paths.logs}`,
      );
    }
    await sleep(200, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** What is not ready yet, in words. */
export async function notReady(
  paths: ClusterPaths,
  plan: AddressPlan,
  kubectl: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const run = (...args: string[]) =>
    runCommand([kubectl, '--kubeconfig', paths.kubeconfig, '--request-timeout=5s', ...args], { signal });
  const ready = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
  const [nodes, account, ...proxies] = await Promise.all([
    run('get', 'nodes', '-o', `jsonpath=${ready}`),
    run('get', 'serviceaccount', 'default', '-n', 'default', '-o', 'name'),
    ...plan.nodes.map((node) => proxyIsHealthy(node.address)),
  ]);
  const words = nodes.stdout.split(' ');
  return [
    ...plan.nodes.filter((node) => !words.includes(`${node.name}=True`)).map((node) => node.name),
    ...plan.nodes.filter((_, at) => proxies[at] !== true).map((node) => `kube-proxy of ${node.name}`),
    ...(account.code === 0 ? [] : ['the default service account']),
  ];
}

function proxyIsHealthy(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ host: address, port: 10256, path: '/healthz', timeout: 2_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
  });
}
