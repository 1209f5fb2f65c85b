import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** How many tests passed and failed. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
}

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
    if (code !== 0 && counted.failed === 0) return { passed: counted.passed, failed: 1 };
    if (counted.passed + counted.failed === 0) {
      console.error(`${title}: no test ran`);
      return { passed: 0, failed: 1 };
    }
    return counted;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sums results and prints the closing line; the exit code says whether all passed. */
export function close(results: readonly SuiteResult[]): void {
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const failed = results.reduce((total, result) => total + result.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

function readCounts(report: string): SuiteResult {
  try {
    const { numPassedTests, numFailedTests, numTotalTestSuites, numFailedTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    ) as Record<string, number>;
    const failed = numFailedTests ?? 0;
    // A file that could not be loaded has no test to fail: it counts as one.
    const broken = failed === 0 && (numTotalTestSuites ?? 0) > 0 && (numFailedTestSuites ?? 0) > 0 ? 1 : 0;
    return { passed: numPassedTests ?? 0, failed: failed + broken };
  } catch (error) {
    console.error(`no report of the tests: ${String(error)}`);
    return { passed: 0, failed: 1 };
  }
}
