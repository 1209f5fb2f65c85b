import { classesText } from '../e2e/gate/gateTable.ts';
import type { WatchedEnd } from '../e2e/gate/podWatch.ts';
import { textTable } from '../e2e/gate/textTable.ts';
import type { TargetCount } from '../e2e/load/plan.ts';
import { spread } from '../e2e/load/tally.ts';
import type { RanOperation } from './soakLoop.ts';

/** One workload's requests. */
export interface SoakRow extends TargetCount {
  /** How many of `lost` are the kernel's, see `kernelLosses`. */
  readonly kernelLosses: number;
}

/** What was seen. */
export interface SoakFacts {
  readonly kubernetes: string;
  readonly proxyMode: string;
  readonly nodes: number;
  readonly side: 'gate' | 'plain';
  readonly seed: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly rows: readonly SoakRow[];
  readonly operations: readonly RanOperation[];
  readonly ends: readonly WatchedEnd[];
  readonly leftBehind: readonly string[];
  /** Evictions that took a pod with a budget out of service, and those of them for which the budget had none to give. */
  readonly budgetedEvictions: number;
  readonly budgetViolations: readonly string[];
}

/** What is printed with `--json`. */
export interface SoakReport extends SoakFacts {
  readonly requests: number;
  readonly lost: number;
  readonly lostToKernel: number;
  /** Each loss with what was going on. */
  readonly lossesDuring: readonly {
    readonly at: string;
    readonly row: string;
    readonly lossClass: string;
    readonly operation: string;
  }[];
  /** Pods that served and ended without the gate. */
  readonly ungated: readonly string[];
  readonly ok: boolean;
}

/** Adds up, and says whether the soak shows what it must. */
export function soakReport(facts: SoakFacts): SoakReport {
  const sum = (of: (row: SoakRow) => number): number => facts.rows.reduce((total, row) => total + of(row), 0);
  const lost = sum((row) => row.lost);
  const lostToKernel = sum((row) => row.kernelLosses);
  const lossesDuring = facts.rows.flatMap((row) =>
    row.losses.map(({ dueAtMs, lossClass }) => ({
      at: new Date(dueAtMs).toISOString(),
      row: row.name,
      lossClass,
      operation: facts.operations.find((each) => each.startedAtMs <= dueAtMs && dueAtMs <= each.endedAtMs)?.name ?? '-',
    })),
  );
  const ungated = facts.ends.filter(({ wasReady, path }) => wasReady && path === undefined).map(({ pod }) => pod);
  const ok =
    lost <= lostToKernel &&
    facts.leftBehind.length === 0 &&
    ungated.length === 0 &&
    facts.budgetViolations.length === 0 &&
    facts.operations.every(({ problems }) => problems.length === 0);
  return { ...facts, requests: sum((row) => row.requests), lost, lostToKernel, lossesDuring, ungated, ok };
}

/** Of single losses; a soak that is met has none, and one without the gate has thousands. */
const LOSSES_SHOWN = 20;

/** For people. */
export function soakTable(report: SoakReport): string {
  const seconds = Math.round((report.finishedAtMs - report.startedAtMs) / 1000);
  const rows = report.rows.map((row) => [
    row.name,
    row.mode,
    String(row.ratePerSecond),
    String(row.requests),
    String(row.lost),
    String(row.kernelLosses),
    classesText(row.byClass),
    `${Math.round(row.latency.p99Ms)} ms`,
    `${Math.round(row.latency.maxMs)} ms`,
  ]);
  return [
    `Kubernetes ${report.kubernetes}, kube-proxy ${report.proxyMode}, ${report.nodes} workers, ${report.side}, seed ${report.seed}: ` +
      `${report.requests} requests in ${seconds} s, ${report.lost} lost, ${report.lostToKernel} of them by the kernel`,
    '',
    textTable(
      ['workload', 'connections', '>per second', '>requests', '>lost', '>kernel', 'by class', '>p99', '>max'],
      rows,
    ),
    '',
    textTable(['operation', '>times', '>problems'], operationRows(report.operations)),
    '',
    textTable(
      ['path', '>pods', '>asked to isolated p50/max', '>isolated to deleted p50/max', '>asked to gone p50/max'],
      pathRows(report.ends),
    ),
    '',
    `pods that served and ended without the gate: ${report.ungated.join(', ') || 'none'}`,
    `left behind: ${report.leftBehind.join('; ') || 'nothing'}`,
    `evictions under a budget: ${report.budgetedEvictions}, while it had none to give: ${report.budgetViolations.length}`,
    ...report.budgetViolations,
    ...report.lossesDuring
      .slice(0, LOSSES_SHOWN)
      .map(({ at, row, lossClass, operation }) => `lost ${at} ${row}: ${lossClass}, during ${operation}`),
    ...(report.lost > LOSSES_SHOWN ? [`and ${report.lost - LOSSES_SHOWN} more; the data has them`] : []),
    ...report.operations.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`)),
  ].join('\n');
}

function operationRows(operations: readonly RanOperation[]): string[][] {
  const names = [...new Set(operations.map(({ name }) => name))].sort();
  return names.map((name) => {
    const all = operations.filter((each) => each.name === name);
    return [name, String(all.length), String(all.filter(({ problems }) => problems.length > 0).length)];
  });
}

function pathRows(ends: readonly WatchedEnd[]): string[][] {
  const paths = [...new Set(ends.map(({ path }) => path ?? 'none'))].sort();
  return paths.map((path) => {
    const all = ends.filter((end) => (end.path ?? 'none') === path);
    const between = (from: (end: WatchedEnd) => number | undefined, to: (end: WatchedEnd) => number | undefined) => {
      const took = all.flatMap((end) => {
        const [start, stop] = [from(end), to(end)];
        return start === undefined || stop === undefined ? [] : [stop - start];
      });
      const { p50Ms, maxMs } = spread(took);
      return took.length === 0 ? '-' : `${(p50Ms / 1000).toFixed(1)}/${(maxMs / 1000).toFixed(1)} s`;
    };
    return [
      path,
      String(all.length),
      between(
        (end) => end.drainSeenAtMs,
        (end) => end.isolatedAtMs,
      ),
      between(
        (end) => end.isolatedAtMs,
        (end) => end.terminatingAtMs,
      ),
      between(
        (end) => end.drainSeenAtMs,
        (end) => end.goneAtMs,
      ),
    ];
  });
}
