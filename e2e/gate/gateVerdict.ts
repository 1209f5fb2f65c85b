import type { RanCommand } from './commands.ts';
import type { GateResult, GateRow } from './gateRun.ts';

/** What a run has to show. */
export interface GateExpectation {
  /** Per row. */
  readonly minimumRequests: number;
  readonly plainLosesAtLeast: number;
}

/** Where a run falls short, in words; empty where it shows what it must. */
export function shortcomings(result: GateResult, expected: GateExpectation): string[] {
  const found: string[] = [];
  for (const row of result.rows) {
    if (row.requests < expected.minimumRequests) {
      found.push(`${row.side}: ${row.requests} requests, ${expected.minimumRequests} are the least`);
    }
    found.push(...(row.side === 'plain' ? plainShortcomings(row, expected) : protectedShortcomings(row)));
  }
  for (const command of result.commands) found.push(...commandShortcomings(command));
  const { workloadWarnings, operatorWarnings, replicaFailures, controllerErrors } = result.complaints;
  const own = (text: string): boolean => !/\bplain(-|\b)/.test(text);
  found.push(
    ...result.leftBehind.filter(own).map((text) => `left behind: ${text}`),
    ...workloadWarnings.filter(own).map((text) => `warning event: ${text}`),
    ...replicaFailures.filter(own).map((text) => `ReplicaFailure: ${text}`),
    ...controllerErrors.filter(own).map((text) => `controller manager: ${text}`),
    ...operatorWarnings.map((text) => `operator: ${text}`),
  );
  return found;
}

function plainShortcomings({ lost }: GateRow, { plainLosesAtLeast }: GateExpectation): string[] {
  if (lost >= plainLosesAtLeast) return [];
  return [`plain lost ${lost}: it has to lose ${plainLosesAtLeast} at least, or this run would find no loss`];
}

function protectedShortcomings({ lost, kernelLosses, byClass, podEnds }: GateRow): string[] {
  const found: string[] = [];
  if (lost > kernelLosses) {
    found.push(`protected lost ${lost}, ${kernelLosses} of them by the kernel: ${JSON.stringify(byClass)}`);
  }
  if (!podEnds.some(({ wasReady }) => wasReady)) found.push('no protected pod that served ended: nothing was tried');
  for (const { pod, wasReady, path, isolatedAtMs, terminatingAtMs } of podEnds) {
    if (!wasReady) continue;
    if (path === undefined) found.push(`${pod} served and ended without a drain`);
    else if (isolatedAtMs === undefined) found.push(`${pod} (${path}) was never taken out of its Service`);
    else if (terminatingAtMs !== undefined && isolatedAtMs > terminatingAtMs) {
      found.push(`${pod} (${path}) was deleted before it was taken out of its Service`);
    }
  }
  return found;
}

/** What kubectl of plain Kubernetes says on standard error while it drains a node or has nothing to complain of. */
const ORDINARY = [
  /^Warning: ignoring DaemonSet-managed Pods/,
  // kubectl rollout undo, of anything that was applied.
  /^Warning: resource .* was previously managed with 'kubectl apply'\. Rolling back/,
  /^error when evicting pods\/.* \(will retry after 5s\): /,
  /^\s*$/,
];

/** Exit codes and lines that plain Kubernetes would not give. */
export function commandShortcomings({ args, code, stderr }: Pick<RanCommand, 'args' | 'code' | 'stderr'>): string[] {
  const what = `kubectl ${args.join(' ')}`;
  const strange = stderr.split('\n').filter((line) => !ORDINARY.some((pattern) => pattern.test(line)));
  return [
    ...(code === 0 ? [] : [`${what} ended with code ${code}`]),
    ...strange.map((line) => `${what} said: ${line}`),
  ];
}
