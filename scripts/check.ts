import { spawnSync } from 'node:child_process';

/** One line per check, its output only when it fails; every check runs, so that one run shows all there is to mend. */
const checks: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['format', 'biome', ['ci', '--colors=off', '--max-diagnostics=5', '.']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings']],
  ['types', 'tsc', ['-p', '.']],
  ['generated files', 'node', ['scripts/generate.ts', '--check']],
];

let failed = 0;
for (const [name, command, args] of checks) {
  const startedMs = Date.now();
  const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  if (run.error === undefined && run.status === 0) {
    console.log(`ok    ${name} (${seconds} s)`);
    continue;
  }
  failed += 1;
  console.log(
    `FAIL  ${name}: ${command} ${args.join(' ')}\n${run.error?.message ?? ''}${run.stdout ?? ''}${run.stderr ?? ''}`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
