import { STATUS_LIST_LIMIT } from '../../src/api/index.ts';
import type { RanCommand } from './commands.ts';
import type { GateResult, GateRow } from './gateRun.ts';

/** What a run has to show. */
export interface GateExpectation {
  /** Per row. */
  readonly minimumRequests: number;
  readonly plainLosesAtLeast: number;
  /** Default `stays`. */
  readonly operator?: OperatorPresence;
}

/**
 * How the operator fares in a run. `stays`: each pod has a record of its end. `moves`: its leader may leave with a drained
 * node, and what it had in mind of pods that end meanwhile goes with it. `killed`: pods may also end without the gate.
 */
export type OperatorPresence = 'stays' | 'moves' | 'killed';

/** Where a run falls short, in words; empty where it shows what it must. */
export function shortcomings(result: GateResult, expected: GateExpectation): string[] {
  const found: string[] = [];
  const { operator = 'stays' } = expected;
  for (const row of result.rows) {
    if (row.requests < expected.minimumRequests) {
      found.push(`${row.side}: ${row.requests} requests, ${expected.minimumRequests} are the least`);
    }
    if (row.side === 'plain') found.push(...plainShortcomings(row, expected));
    else {
      found.push(...protectedShortcomings(row));
      if (operator !== 'killed') found.push(...gateShortcomings(row), ...recordShortcomings(row, result, operator));
    }
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
  return found;
}

function gateShortcomings({ podEnds }: GateRow): string[] {
  const found: string[] = [];
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

/** Where the status does not say of a pod that served and was drained that every proxy had confirmed; it keeps the last ten. */
function recordShortcomings(
  { podEnds }: GateRow,
  { endpointCheck }: GateResult,
  operator: Exclude<OperatorPresence, 'killed'>,
): string[] {
  const { recent = [] } = endpointCheck ?? {};
  const drained = podEnds.filter(({ wasReady, path }) => wasReady && path !== undefined);
  return drained.flatMap(({ pod }) => {
    const record = recent.find((each) => each.pod === pod);
    if (record === undefined) {
      const mayMiss = operator === 'moves' || recent.length >= STATUS_LIST_LIMIT;
      return mayMiss ? [] : [`the status has no record of ${pod}`];
    }
    const { outcome, proxiesEvidence } = record;
    // A leader that comes after the delete does not know what the one before had seen, and does not judge.
    if (operator === 'moves' && proxiesEvidence === undefined) return [];
    if (outcome === 'Verified' && proxiesEvidence === 'Barrier') return [];
    return [`the record of ${pod} says ${outcome} and ${proxiesEvidence ?? 'nothing of proxies'}`];
  });
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
