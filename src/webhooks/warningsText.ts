import type { Finding } from '../safety/index.ts';
import { WARNING_MAX_RUNES } from './admissionReviewWarnings.ts';

/** More than a screen reader or a CI log wants of one object; the API server cuts after 4,096 runes anyhow. */
const WARNING_LINES_MAX = 8;

/** An audit annotation is for machines: codes, no texts. */
const AUDIT_MAX = 1024;

/** One line: code, message, and the remedy where both fit. */
function lineOf({ code, message, remedy }: Finding): string {
  const line = `${code}: ${message}`;
  const whole = `${line}${/[.;:!?]$/u.test(line) ? '' : '.'} ${remedy}`;
  return Array.from(whole).length <= WARNING_MAX_RUNES ? whole : line;
}

/**
 * The findings, worst first as they come, in at most {@link WARNING_LINES_MAX} lines; where there are more, the last line
 * says how many and how to see them. `object` is `namespace/name`.
 */
export function linesOf(findings: readonly Finding[], object: string): readonly string[] {
  const lines = [...new Set(findings.map(lineOf))];
  if (lines.length <= WARNING_LINES_MAX) return lines;
  const shown = lines.slice(0, WARNING_LINES_MAX - 1);
  return [
    ...shown,
    `${object}: ${lines.length - shown.length} more findings; "kubectl graceful lint -f FILE" or "kubectl graceful audit" show all`,
  ];
}

/** `GR101[app] GR203`, cut to what an audit log wants. */
export function auditOf(findings: readonly Finding[]): string {
  const codes = [
    ...new Set(findings.map(({ code, container }) => (container === undefined ? code : `${code}[${container}]`))),
  ];
  const text = codes.join(' ');
  return text.length <= AUDIT_MAX ? text : `${text.slice(0, text.lastIndexOf(' ', AUDIT_MAX - 2))} …`;
}
