import { writeFile } from 'node:fs/promises';
import { CONTEXT_KINDS, LEVELS } from '../safety/index.ts';
import { oneOf, readFlags } from './arguments.ts';
import { explain } from './explain.ts';
import { fixManifests } from './fixManifests.ts';
import { formatGithub } from './formatGithub.ts';
import { formatJson } from './formatJson.ts';
import { formatSarif } from './formatSarif.ts';
import { formatText } from './formatText.ts';
import type { Io } from './io.ts';
import { type JudgeManifestsOptions, judgeManifests } from './judgeManifests.ts';
import { readManifests } from './manifests.ts';
import { type InputProblem, UsageError } from './problem.ts';
import { exitCodeOf, FAIL_ON, OUTPUTS, type Output, problemLine, type Report } from './report.ts';
import { readSources, type Source } from './sources.ts';

export const lintUsage = `kubectl graceful lint -f FILE|FOLDER|- [-f ...] [flags]: what in these manifests will lose requests

  -f, --filename PATH   a file, a folder (all .yaml, .yml and .json below it), or - for standard input; may be repeated.
                        Multi-document YAML, JSON, Lists, the output of "kustomize build" and "helm template".
                        Services, PodDisruptionBudgets, HorizontalPodAutoscalers and GracefulRollouts in it are used.
  -o, --output FORMAT   ${OUTPUTS.join(', ')}; default text
  --level LEVEL         baseline: certain loss or breakage; strict: good practice too; default baseline
  --complete            the input is all there is of its namespaces, so what is not in it is missing
  --fail-on SEVERITY    ${FAIL_ON.join(', ')}: the mildest that makes the exit code 1; default error
  --fix                 write the remedies into the files (of standard input: to standard output), then report what is left
  --explain CODE        print why a rule is there and what to do, and end
  -h, --help

Exit code: 0 nothing at or above --fail-on, 1 findings, 2 wrong arguments or input that could not be read.
`;

/** Runs `lint`; the exit code. Throws `UsageError` for wrong arguments. */
export async function lint(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = readFlags(
    args,
    {
      filename: { type: 'string', short: 'f', multiple: true, default: [] },
      output: { type: 'string', short: 'o', default: 'text' },
      level: { type: 'string', default: 'baseline' },
      complete: { type: 'boolean', default: false },
      'fail-on': { type: 'string', default: 'error' },
      fix: { type: 'boolean', default: false },
      explain: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
    true,
  );
  if (flags.help) return print(io, lintUsage);
  if (flags.explain !== undefined) return print(io, explain(flags.explain));
  const output = oneOf('output', flags.output, OUTPUTS);
  const failOn = oneOf('fail-on', flags['fail-on'], FAIL_ON);
  const options: JudgeManifestsOptions = {
    level: oneOf('level', flags.level, LEVELS),
    nowMs: io.nowMs(),
    complete: flags.complete ? CONTEXT_KINDS : [],
  };
  // A shell expands `-f deploy/*.yaml` to one flag and many names.
  const paths = flags.filename.length === 0 ? [] : [...flags.filename, ...positionals];
  if (paths.length === 0) throw new UsageError('say what to read: -f FILE, -f FOLDER or -f -');

  const { sources, problems } = await readSources(paths, io.stdin);
  const { report, fixed } = lintSources(sources, problems, options, flags.fix);
  const failures = await writeFixed(sources, fixed, io);
  const whole: Report = { ...report, problems: [...report.problems, ...failures] };
  // Fixed text of standard input owns standard output.
  const say = flags.fix && paths.includes('-') ? io.err : io.out;
  say(format(whole, output, io.color));
  if (output === 'text') for (const problem of whole.problems) io.err(`error: ${problemLine(problem)}\n`);
  return exitCodeOf(whole, failOn);
}

function lintSources(
  sources: readonly Source[],
  unread: readonly InputProblem[],
  options: JudgeManifestsOptions,
  fix: boolean,
): { readonly report: Report; readonly fixed: readonly Source[] } {
  const { sources: current, written } = fix ? fixManifests(sources, options) : { sources, written: 0 };
  const read = current.map((source) => readManifests(source));
  const judged = judgeManifests(
    read.flatMap(({ manifests }) => manifests),
    options,
  );
  const problems = [...unread, ...read.flatMap((file) => file.problems)];
  return { report: { ...judged, problems, fixed: written }, fixed: current };
}

/** Writes what changed; a file that cannot be written is a problem, the others are written all the same. */
async function writeFixed(
  before: readonly Source[],
  after: readonly Source[],
  io: Io,
): Promise<readonly InputProblem[]> {
  const problems: InputProblem[] = [];
  for (const [index, { file, text }] of after.entries()) {
    if (before === after) break;
    if (file === '-') io.out(text);
    else if (text !== before[index]?.text) {
      try {
        await writeFile(file, text);
      } catch (error) {
        problems.push({ file, message: `cannot be written: ${(error as Error).message}` });
      }
    }
  }
  return problems;
}

function format(report: Report, output: Output, color: boolean): string {
  switch (output) {
    case 'text':
      return formatText(report, color);
    case 'json':
      return formatJson(report);
    case 'sarif':
      return formatSarif(report);
    case 'github':
      return formatGithub(report);
  }
}

function print(io: Io, text: string): number {
  io.out(text);
  return 0;
}
