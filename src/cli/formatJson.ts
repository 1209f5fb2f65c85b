import type { Report } from './report.ts';

/** For programs. Members may be added; none changes its meaning. */
export function formatJson({ findings, workloads, problems, fixed }: Report): string {
  const body = {
    version: 1,
    workloads,
    fixed,
    findings: findings.map(({ finding, manifest, position }) => ({
      code: finding.code,
      severity: finding.severity,
      level: finding.level,
      object: { apiVersion: manifest.apiVersion, ...finding.object },
      ...(finding.container === undefined ? {} : { container: finding.container }),
      field: finding.field,
      message: finding.message,
      remedy: finding.remedy,
      ...(finding.fix === undefined
        ? {}
        : {
            fix: finding.fix.map(({ path, value }) => (value === undefined ? { path, remove: true } : { path, value })),
          }),
      file: manifest.document.file,
      document: manifest.document.source.number,
      line: position.line,
      column: position.column,
    })),
    problems,
  };
  return `${JSON.stringify(body, undefined, 2)}\n`;
}
