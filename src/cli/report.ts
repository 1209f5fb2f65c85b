import { SEVERITIES, type Severity } from '../safety/index.ts';
import type { LocatedFinding } from './judgeManifests.ts';
import type { InputProblem } from './problem.ts';

/** What one run of `lint` has to tell. */
export interface Report {
  readonly workloads: number;
  readonly findings: readonly LocatedFinding[];
  readonly problems: readonly InputProblem[];
  /** Remedies that `--fix` wrote. */
  readonly fixed: number;
}

export const OUTPUTS = ['text', 'json', 'sarif', 'github'] as const;
export type Output = (typeof OUTPUTS)[number];

/** The mildest severity that makes a run fail. */
export const FAIL_ON = [...SEVERITIES, 'never'] as const;
export type FailOn = (typeof FAIL_ON)[number];

/** 0: nothing at or above `failOn`; 1: findings; 2: something could not be read. */
export function exitCodeOf({ findings, problems }: Report, failOn: FailOn): 0 | 1 | 2 {
  if (problems.length > 0) return 2;
  const limit = SEVERITIES.findIndex((severity) => severity === failOn);
  return findings.some(({ finding }) => SEVERITIES.indexOf(finding.severity) <= limit) ? 1 : 0;
}

/** `2 errors, 1 warning`; empty for no findings. */
export function countsOf(findings: readonly { readonly severity: Severity }[]): string {
  const names: Readonly<Record<Severity, readonly [string, string]>> = {
    error: ['error', 'errors'],
    warning: ['warning', 'warnings'],
    info: ['remark', 'remarks'],
  };
  return SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${names[severity][count === 1 ? 0 : 1]}`];
  }).join(', ');
}

/** `file, document 2, line 7: message`. */
export function problemLine({ file, document, line, message }: InputProblem): string {
  const place = [
    file === '-' ? 'standard input' : file,
    ...(document === undefined ? [] : [`document ${document}`]),
    ...(line === undefined ? [] : [`line ${line}`]),
  ];
  return printable(`${place.join(', ')}: ${message}`);
}

/** Names come from files that somebody else may have written: nothing of them drives a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, '\uFFFD');
}

/** `3 workloads`, `1 workload`. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
