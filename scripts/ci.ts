import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { close, failurePrefix, type SuiteResult } from './suite.ts';

/** Of the smoke run. */
const olderKubernetes = '1.36.3';

/**
 * `.ci/run` after `npm ci`: check, build, the README's test command, every cluster case, a smoke run on Kubernetes 1.36, that one with
 * kube-proxy in nftables mode. What the test command would prepare first is prepared in a step of its own: only then the CPUs have
 * time to spare.
 */
const steps: readonly (readonly [title: string, args: readonly string[]])[] = [
  ['check', ['run', '-s', 'check']],
  ['build', ['run', '-s', 'build']],
  ['prepare', ['exec', '--', 'node', 'e2e/prepare.ts']],
  ['npm test', ['test']],
  ['npm run e2e', ['run', '-s', 'e2e']],
  [
    'smoke run on Kubernetes 1.36, kube-proxy in nftables mode',
    ['run', '-s', 'e2e', '--', '--smoke', '--kubernetes', olderKubernetes, '--proxy-mode', 'nftables'],
  ],
];
const results: SuiteResult[] = [];
for (const [title, args] of steps) {
  const startedMs = Date.now();
  console.log(`\n##### ${title}`);
  if (title === 'npm test') buildInIdleTime(olderKubernetes);
  const run = spawnSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 });
  process.stdout.write(run.stdout);
  const counts = [...run.stdout.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  const counted = counts ? { passed: Number(counts[1]), failed: Number(counts[2]) } : { passed: 1, failed: 0 };
  const named = run.stdout.split('\n').filter((line) => line.startsWith(failurePrefix));
  const failures = named.map((line) => `${title}: ${line.slice(failurePrefix.length)}`);
  if (run.status === 0 || counted.failed > 0) results.push({ ...counted, failures });
  else {
    const why = `${title}: ended with ${run.status ?? run.signal}`;
    results.push({ passed: counts ? counted.passed : 0, failed: 1, failures: [...failures, why] });
  }
  console.log(
    `##### ${title}: ${run.status === 0 ? 'ok' : 'FAILED'} in ${Math.round((Date.now() - startedMs) / 1000)} s`,
  );
}
results.push(audit());
close(results);

/**
 * Compiles what the last step needs while the others leave the CPUs idle: seven to nine minutes of an empty cache. At the lowest
 * priority within its session, and its session at the lowest among sessions (sched_autogroup). The last step waits for it, or
 * builds itself what this could not.
 */
function buildInIdleTime(kubernetes: string): void {
  const args = ['-n', '19', process.execPath, 'e2e/buildKubernetes.ts', kubernetes];
  const build = spawn('nice', args, { detached: true, stdio: 'ignore' });
  build.on('error', () => undefined);
  build.unref();
  const { pid } = build;
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '19');
  } catch {
    // A kernel without groups of sessions goes by the niceness alone.
  }
  process.on('exit', () => {
    try {
      process.kill(-pid);
    } catch {
      // It has ended.
    }
  });
}

/** Known vulnerabilities of what is installed. A registry without advisories (a mirror) is said, not passed over. */
function audit(): SuiteResult {
  const run = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  try {
    const { metadata, error } = JSON.parse(run.stdout) as {
      metadata?: { vulnerabilities: { total: number } };
      error?: { summary?: string };
    };
    if (metadata !== undefined) {
      const { total } = metadata.vulnerabilities;
      console.log(`\n##### npm audit: ${total} known vulnerabilities`);
      return total === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    }
    console.log(`\n##### npm audit: NOT CHECKED, the registry gives no advisories: ${error?.summary ?? ''}`);
  } catch {
    console.log(`\n##### npm audit: NOT CHECKED, no answer: ${run.stderr.trim().split('\n').at(-1) ?? ''}`);
  }
  return { passed: 0, failed: 0 };
}
