import type { Finding, Level } from '../safety/index.ts';
import { WARNING_MAX_RUNES } from './admissionReviewWarnings.ts';

/** More than a screen reader or a CI log wants of one object; the API server cuts after 4,096 runes anyhow. */
export const WARNING_LINES_MAX = 8;

/** An audit annotation is for machines: codes, no texts. */
const AUDIT_MAX = 1024;

/** One line: code, message, and the remedy where both fit. */
function lineOf({ code, message, remedy }: Finding): string {
  const line = `${code}: ${message}`;
  const whole = `${line}${/[.;:!?]$/u.test(line) ? '' : '.'} ${remedy}`;
  return Array.from(whole).length <= WARNING_MAX_RUNES ? whole : line;
}

/** How findings are put into lines. */
export interface LinesOptions {
  /** What was judged, `namespace/name`. */
  readonly object: string;
  readonly level: Level;
  /** Lines that there is room for. Default {@link WARNING_LINES_MAX}. */
  readonly room?: number;
}

/** The findings, worst first as they come; where there are more than there is room for, the last line says how to see them. */
export function linesOf(findings: readonly Finding[], options: LinesOptions): readonly string[] {
  const { object, level, room = WARNING_LINES_MAX } = options;
  const lines = [...new Set(findings.map(lineOf))];
  if (lines.length <= room) return lines;
  const shown = lines.slice(0, Math.max(0, room - 1));
  const namespace = object.split('/', 1)[0] ?? '';
  const strict = level === 'baseline' ? '' : ` --level ${level}`;
  const how = `"kubectl graceful lint -f FILE${strict}" or "kubectl graceful audit -n ${namespace}${strict}" show all`;
  return [...shown, `${object}: ${lines.length - shown.length} more findings; ${how}`];
}

/** `GR101[app] GR203`, cut to what an audit log wants. */
export function auditOf(findings: readonly Finding[]): string {
  const codes = [
    ...new Set(findings.map(({ code, container }) => (container === undefined ? code : `${code}[${container}]`))),
  ];
  const text = codes.join(' ');
  return text.length <= AUDIT_MAX ? text : `${text.slice(0, text.lastIndexOf(' ', AUDIT_MAX - 2))} …`;
}
