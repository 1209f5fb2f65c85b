import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** How many tests passed and failed. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each. */
  readonly failures?: readonly string[];
}

/** Begins a line that names a failure, so that whoever runs a suite as a command can repeat it at the end. */
export const failurePrefix = 'FAILED: ';

/** One run of vitest. */
export interface SuiteOptions {
  /** Said before the suite starts. */
  readonly title: string;
  /** Arguments of `vitest run`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs vitest with its output passed through and counts what passed and failed; a suite that ran no test has failed. */
export async function runSuite({ title, args, env }: SuiteOptions): Promise<SuiteResult> {
  console.log(`\n=== ${title}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'graceful-rollout-suite-'));
  const report = path.join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const child = spawn('vitest', ['run', ...args, ...reporters], {
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode) => resolve(exitCode ?? 1));
    });
    const counted = readCounts(report);
    if (code !== 0 && counted.failed === 0) {
      return {
        passed: counted.passed,
        failed: 1,
        failures: [`${title}: vitest ended with ${code} and no failed test`],
      };
    }
    if (counted.passed + counted.failed === 0) return { passed: 0, failed: 1, failures: [`${title}: no test ran`] };
    return counted;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints what failed, then the closing line with the sums; the exit code says whether all passed. */
export function close(results: readonly SuiteResult[]): void {
  for (const failure of results.flatMap(({ failures = [] }) => failures)) console.log(`${failurePrefix}${failure}`);
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const failed = results.reduce((total, result) => total + result.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

interface Report {
  readonly numPassedTests?: number;
  readonly numFailedTests?: number;
  readonly testResults?: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

function readCounts(report: string): SuiteResult {
  try {
    const { numPassedTests = 0, testResults = [] } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
      const file = path.relative(process.cwd(), name);
      const failed = assertionResults
        .filter((test) => test.status === 'failed')
        .map((test) => `${file}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
      // A file that could not be loaded has no test to fail: it counts as one.
      return failed.length === 0 && status === 'failed' ? [`${file}: ${firstLine(message)}`] : failed;
    });
    return { passed: numPassedTests, failed: failures.length, failures };
  } catch (error) {
    return { passed: 0, failed: 1, failures: [`no report of the tests: ${String(error)}`] };
  }
}

function firstLine(text = ''): string {
  return text.split('\n')[0] ?? '';
}
