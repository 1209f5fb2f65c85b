import { ruleOf, type Severity } from '../safety/index.ts';
import { countsOf, plural, printable, type Report } from './report.ts';

const COLORS: Readonly<Record<Severity, string>> = { error: '\u001B[31m', warning: '\u001B[33m', info: '\u001B[36m' };
const RESET = '\u001B[0m';

/**
 * For people: `file:line:column` first, which editors and terminals make a link of. Problems are not in it; they go to
 * standard error.
 */
export function formatText({ findings, workloads, problems, fixed }: Report, color: boolean): string {
  const lines = findings.map(({ finding, manifest, position }) => {
    const place = `${manifest.document.file}:${position.line}:${position.column}`;
    const severity = color ? `${COLORS[finding.severity]}${finding.severity}${RESET}` : finding.severity;
    const name = ruleOf(finding.code)?.name ?? '';
    return `${printable(place)} ${severity} ${finding.code} ${name}\n  ${printable(finding.message)}\n  ${remedyOf(finding)}`;
  });
  const counts = countsOf(findings.map(({ finding }) => finding));
  const summary = [
    `${plural(workloads, 'workload')} judged`,
    counts === '' ? 'nothing found' : counts,
    ...(fixed === 0 ? [] : [`${plural(fixed, 'remedy', 'remedies')} written`]),
    ...(problems.length === 0 ? [] : [`${plural(problems.length, 'problem')} in the input`]),
  ];
  const codes = [...new Set(findings.map(({ finding }) => finding.code))];
  const more = codes.length === 0 ? '' : `Why and what else: kubectl graceful lint --explain ${codes[0]}\n`;
  return `${lines.map((line) => `${line}\n`).join('')}${lines.length > 0 ? '\n' : ''}${summary.join(', ')}.\n${more}`;
}

function remedyOf({ remedy, fix }: Report['findings'][number]['finding']): string {
  return printable(`fix: ${remedy}${fix === undefined ? '' : ' (--fix writes it)'}`);
}
