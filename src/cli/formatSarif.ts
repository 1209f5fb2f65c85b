import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RULES, type Rule, type Severity } from '../safety/index.ts';
import { version } from '../version.ts';
import type { LocatedFinding } from './judgeManifests.ts';
import type { InputProblem } from './problem.ts';
import type { Report } from './report.ts';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/**
 * SARIF 2.1.0, which code scanning services read.
 * Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function formatSarif({ findings, problems }: Report): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'kubectl-graceful', version, rules: RULES.map(ruleDescriptor) } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: problems.length === 0,
            toolExecutionNotifications: problems.map((problem) => ({
              level: 'error',
              message: { text: problem.message },
              locations: [physicalLocation(problem.file, problem)],
            })),
          },
        ],
        results: findings.map(result),
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function ruleDescriptor(rule: Rule) {
  return {
    id: rule.code,
    name: rule.name,
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.why },
    help: { text: rule.fixText },
    defaultConfiguration: { level: LEVELS[rule.severity] },
    properties: { tags: [rule.level] },
  };
}

function result({ finding, manifest, position }: LocatedFinding) {
  const { kind, namespace, name } = finding.object;
  const object = [...(namespace === undefined ? [] : [namespace]), kind, name].join('/');
  const ruleIndex = RULES.findIndex(({ code }) => code === finding.code);
  return {
    ruleId: finding.code,
    ...(ruleIndex === -1 ? {} : { ruleIndex }),
    level: LEVELS[finding.severity],
    message: { text: `${finding.message}\n${finding.remedy}` },
    locations: [
      {
        ...physicalLocation(manifest.document.file, position),
        logicalLocations: [{ fullyQualifiedName: `${object}/${finding.field}`, kind: 'member' }],
      },
    ],
    // A finding stays the same one while lines move.
    partialFingerprints: { 'gracefulFinding/v1': [object, finding.code, finding.field].join(' ') },
  };
}

function physicalLocation(file: string, { line, column }: Pick<InputProblem, 'line' | 'column'>) {
  const region =
    line === undefined ? {} : { region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) } };
  return { physicalLocation: { artifactLocation: { uri: uriOf(file) }, ...region } };
}

function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return file.replace(/^\.\//u, '').split('/').map(encodeURIComponent).join('/');
}
