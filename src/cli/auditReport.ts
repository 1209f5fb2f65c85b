import { contextOf, type Finding, judge, type Level, SEVERITIES, workloadOf } from '../safety/index.ts';
import type { ClusterObjects } from './auditRead.ts';
import { countsOf, plural, printable } from './report.ts';

export interface NamespaceAudit {
  readonly namespace: string;
  /** Workloads that nothing else controls. */
  readonly workloads: number;
  /** Worst first. */
  readonly findings: readonly Finding[];
}

export interface AuditOptions {
  readonly level: Level;
  readonly nowMs: number;
}

/** Judges what was read; namespaces without a workload are left out, the worst comes first. */
export function auditObjects(read: ClusterObjects, options: AuditOptions): readonly NamespaceAudit[] {
  const { objects, complete, nodeCount } = read;
  const byNamespace = Map.groupBy(objects, ({ metadata }) => metadata.namespace ?? '');
  const namespaces = Map.groupBy(byNamespace.get('') ?? [], ({ kind, metadata }) =>
    kind === 'Namespace' ? metadata.name : '',
  );
  const audits = [...byNamespace].map(([namespace, own]): NamespaceAudit => {
    const context = contextOf([...own, ...(namespaces.get(namespace) ?? [])], {
      namespace,
      complete,
      ...(nodeCount === undefined ? {} : { nodeCount }),
    });
    // A Pod that nobody controls is no rollout; it is judged by lint, where somebody is about to make one.
    const workloads = own
      .filter(({ kind }) => kind !== 'Pod')
      .flatMap((object) => workloadOf(object) ?? [])
      .filter(({ controlledBy }) => controlledBy === undefined);
    const findings = workloads.flatMap((workload) => judge(workload, context, options));
    return { namespace, workloads: workloads.length, findings: findings.toSorted(bySeverity) };
  });
  return audits.filter(({ workloads }) => workloads > 0).toSorted(byWorst);
}

const COLUMNS = ['NAMESPACE', 'WORKLOADS', 'ERRORS', 'WARNINGS', 'REMARKS', 'MOST FREQUENT'] as const;
/** Codes that a line of the table names. */
const CODES_MAX = 4;

/** A table by namespace, and with `details` every finding below it. */
export function formatAudit(audits: readonly NamespaceAudit[], details: boolean): string {
  const rows = audits.map(({ namespace, workloads, findings }) => [
    printable(namespace),
    String(workloads),
    ...SEVERITIES.map((severity) => String(findings.filter((finding) => finding.severity === severity).length)),
    frequentCodes(findings),
  ]);
  const widths = COLUMNS.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const table = [COLUMNS, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const all = audits.flatMap(({ findings }) => findings);
  const total = audits.reduce((sum, { workloads }) => sum + workloads, 0);
  const counts = countsOf(all);
  const lines = details
    ? all.map(
        ({ severity, code, message, remedy }) => `${severity} ${code} ${printable(message)}\n  ${printable(remedy)}`,
      )
    : [];
  return [
    ...table,
    '',
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    `${plural(total, 'workload')} in ${plural(audits.length, 'namespace')}: ${counts === '' ? 'nothing found' : counts}.`,
    ...(details || all.length === 0
      ? []
      : [
          'Each finding: kubectl graceful audit --details (-n NAMESPACE for one); why: kubectl graceful lint --explain CODE',
        ]),
    '',
  ].join('\n');
}

function frequentCodes(findings: readonly Finding[]): string {
  const byCode = [...Map.groupBy(findings, ({ code }) => code)].toSorted(
    ([codeA, a], [codeB, b]) => b.length - a.length || (codeA < codeB ? -1 : 1),
  );
  const shown = byCode.slice(0, CODES_MAX).map(([code, of]) => (of.length === 1 ? code : `${code} x${of.length}`));
  return byCode.length > CODES_MAX ? `${shown.join(', ')}, ...` : shown.join(', ');
}

function bySeverity(a: Finding, b: Finding): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

function byWorst(a: NamespaceAudit, b: NamespaceAudit): number {
  for (const severity of SEVERITIES) {
    const count = (audit: NamespaceAudit) => audit.findings.filter((finding) => finding.severity === severity).length;
    if (count(a) !== count(b)) return count(b) - count(a);
  }
  return a.namespace < b.namespace ? -1 : 1;
}
