import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './connection.ts';
import type { TargetPlan } from './plan.ts';
import type { SourcePorts } from './sourcePorts.ts';
import { judge } from './targetLoad.ts';
import { VoidRunError } from './voidRun.ts';

const PROBE_INTERVAL_MS = 25;
const PROBE_TIMEOUT_MS = 1000;

/**
 * Waits until every target has answered every probe for `steadyMs`, probes coming from all sources in turn. Ready is
 * not yet routed: kube-proxy may need a second more, during which the Service refuses connections.
 * @returns how long it took and how many probes failed on the way.
 * @throws VoidRunError with the last failure when that is not so after `limitMs`.
 */
export async function waitUntilSteady(
  targets: readonly TargetPlan[],
  sources: SourcePorts,
  steadyMs: number,
  limitMs: number,
  signal: AbortSignal,
): Promise<{ afterMs: number; failedProbes: number }> {
  const startMs = performance.now();
  let steadySinceMs = startMs;
  let failedProbes = 0;
  let last = 'no probe was answered yet';
  while (performance.now() - steadySinceMs < steadyMs) {
    if (performance.now() - startMs > limitMs) {
      throw new VoidRunError(
        `the targets did not answer steadily for ${steadyMs} ms within ${limitMs} ms; last failure: ${last}`,
      );
    }
    const problems = await Promise.all(targets.map((target) => probe(target, sources)));
    for (const [index, problem] of problems.entries()) {
      if (problem === undefined) continue;
      failedProbes++;
      last = `${targets[index]?.name}: ${problem}`;
      steadySinceMs = performance.now();
    }
    await sleep(PROBE_INTERVAL_MS, undefined, { signal });
  }
  return { afterMs: Math.round(performance.now() - startMs), failedProbes };
}

function probe(target: TargetPlan, sources: SourcePorts): Promise<string | undefined> {
  const connection = new Connection(target.host, target.port, sources, () => undefined);
  const request = `GET ${target.path} HTTP/1.1\r\nHost: ${target.name}\r\nConnection: close\r\n\r\n`;
  return new Promise((resolve) => {
    connection.send(request, PROBE_TIMEOUT_MS, (end) => {
      connection.close();
      const problem = judge(end, target);
      resolve(problem === undefined ? undefined : `${problem.lossClass} (${problem.detail}) from ${connection.source}`);
    });
  });
}
