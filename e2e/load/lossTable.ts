import { LOSS_CLASSES } from './lossClass.ts';
import { type LossReport, type LossRow, type RolloutTimes, remedies } from './lossReport.ts';

const HEADINGS = [
  'server',
  'connections',
  'Deployment',
  'requests',
  'lost',
  '%',
  'by class',
  'max latency',
  'rollouts',
  'expected',
];
const RIGHT_ALIGNED = new Set(['requests', 'lost', '%', 'max latency']);

/** The figures as a text table with what has to be said beside it. */
export function lossTable(report: LossReport): string {
  const rows = report.scenarios.flatMap((scenario) => scenario.rows);
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, column) =>
        RIGHT_ALIGNED.has(HEADINGS[column] ?? '')
          ? cell.padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  const classes = [...new Set(rows.flatMap((row) => Object.keys(row.byClass)))] as (keyof typeof LOSS_CLASSES)[];
  const idle = report.scenarios.reduce((sum, scenario) => sum + scenario.idleRequests, 0);
  return [
    `Kubernetes ${report.kubernetes}, kube-proxy ${report.proxyMode}, ${report.nodes} nodes (${report.provider}), ${rows[0]?.ratePerSecond ?? 0} requests/s per row, open loop, no retries`,
    `idle stretch before each run: ${idle} requests, 0 lost in the runs that count`,
    '',
    ...lines,
    '',
    'rollouts: time until all replicas are new and available / until the old pods are gone too',
    ...classes.map((name) => `${name}: ${LOSS_CLASSES[name].meaning}`),
    ...rows.filter((row) => row.kernelLosses > 0).map(kernelNote),
    ...report.scenarios.flatMap((scenario) =>
      scenario.voidRuns.map(
        (reason) => `${scenario.server}, ${scenario.mode}: a run was thrown away and repeated: ${reason}`,
      ),
    ),
    '',
    ...remedies(rows),
    report.note,
  ].join('\n');
}

function cellsOf(row: LossRow): string[] {
  const classes = Object.entries(row.byClass).sort(([, a], [, b]) => b - a);
  return [
    row.server,
    row.mode,
    row.side,
    String(row.requests),
    String(row.lost),
    row.lostPercent.toFixed(2),
    classes.map(([name, count]) => `${count} ${name}`).join(', ') || '-',
    `${Math.round(row.latency.maxMs)} ms`,
    row.rollouts.map(rolloutText).join(', ') || '-',
    row.expectation === undefined
      ? '-'
      : `${row.expectation}: ${row.met ? 'yes' : 'NO'}${row.kernelLosses > 0 ? ' *' : ''}`,
  ];
}

/** Beside the raw count in the table, never instead of it. */
function kernelNote({ server, side, mode, lost, kernelLosses }: LossRow): string {
  return (
    `* ${server}, ${side}, ${mode}: ${lost} lost, ${kernelLosses} of them: SYN that the kernel left untranslated ` +
    'in the middle of an nftables transaction (docs/decisions/0007)'
  );
}

function rolloutText(rollout: RolloutTimes): string {
  const seconds = (untilMs: number): string => ((untilMs - rollout.startedAtMs) / 1000).toFixed(1);
  return `${seconds(rollout.availableAtMs)}/${seconds(rollout.settledAtMs)} s`;
}
