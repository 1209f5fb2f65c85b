import { ruleOf, type Severity } from '../safety/index.ts';
import type { InputProblem } from './problem.ts';
import type { Report } from './report.ts';

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/**
 * Workflow commands, which GitHub shows beside the line in a pull request.
 * Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
 */
export function formatGithub({ findings, problems }: Report): string {
  const lines = [
    ...problems.map((problem) =>
      command('error', { file: problem.file, line: problem.line, col: problem.column }, 'Unreadable', textOf(problem)),
    ),
    ...findings.map(({ finding, manifest, position }) =>
      command(
        COMMANDS[finding.severity],
        { file: manifest.document.file, line: position.line, col: position.column },
        [finding.code, ruleOf(finding.code)?.name ?? ''].join(' ').trim(),
        `${finding.message}\n${finding.remedy}`,
      ),
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

interface Place {
  readonly file: string;
  readonly line: number | undefined;
  readonly col: number | undefined;
}

function command(name: string, place: Place, title: string, text: string): string {
  const members = [
    ...(place.file === '-' ? [] : [`file=${property(place.file)}`]),
    ...(place.line === undefined ? [] : [`line=${place.line}`]),
    ...(place.col === undefined ? [] : [`col=${place.col}`]),
    `title=${property(title)}`,
  ];
  return `::${name} ${members.join(',')}::${data(text)}`;
}

function textOf({ document, message }: InputProblem): string {
  return document === undefined ? message : `document ${document}: ${message}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
