import type { GateResult } from './gateRun.ts';
import { textTable } from './textTable.ts';

/** The runs as a text table: what each side lost, and how long the operation took. */
export function gateTable(results: readonly GateResult[]): string {
  return textTable(
    [
      'case',
      'server',
      'connections',
      'side',
      '>requests',
      '>lost',
      'by class',
      '>max latency',
      '>pods ended',
      '>seconds',
    ],
    results.flatMap((result) =>
      result.rows.map((row) => [
        result.name,
        result.server,
        result.mode,
        row.side,
        String(row.requests),
        row.kernelLosses > 0 ? `${row.lost} (kernel ${row.kernelLosses})` : String(row.lost),
        classesText(row.byClass),
        `${Math.round(row.latency.maxMs)} ms`,
        String(row.podEnds.length),
        ((result.operationEndedAtMs - result.operationStartedAtMs) / 1000).toFixed(1),
      ]),
    ),
  );
}

/** `12 reset, 3 connect-refused`, the most frequent first. */
export function classesText(byClass: Readonly<Record<string, number>>): string {
  const classes = Object.entries(byClass).sort(([, a], [, b]) => b - a);
  return classes.map(([name, count]) => `${count} ${name}`).join(', ') || '-';
}
