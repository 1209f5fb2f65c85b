import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { outputOf } from './command.ts';
import { withLock } from './exclusiveLock.ts';
import { cacheFolder } from './folders.ts';
import { goBuildFlags, goEnvironment } from './goBuild.ts';
import { requireGo } from './kubernetesBinaries.ts';

/** Programs that are built from their Go modules when they are first asked for. */
const goTools = {
  helm3: { package: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0', seconds: 80 },
  helm4: { package: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1', seconds: 80 },
  kind: { package: 'sigs.k8s.io/kind', version: 'v0.33.0', seconds: 10 },
} as const;

/** Name of a program in {@link goTool}. */
export type GoTool = keyof typeof goTools;

/**
 * Path of a program in the cache, built at first use.
 * @throws PrerequisiteError without Go
 */
export async function goTool(
  tool: GoTool,
  signal?: AbortSignal,
  onProgress: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<string> {
  const { package: path, version, seconds } = goTools[tool];
  const folder = join(cacheFolder(), 'bin');
  const target = join(folder, `${tool}-${version}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const onWait = (pid: number): void => onProgress(`waiting for process ${pid}, which builds ${tool}`);
  return withLock(`${target}.lock`, { signal, onWait }, async () => {
    if (existsSync(target)) return target;
    await requireGo(signal);
    onProgress(`building ${tool} ${version} (once; about ${seconds} s on 2 cores)`);
    const work = mkdtempSync(join(folder, `.${tool}-`));
    try {
      const install = ['go', 'install', ...goBuildFlags, '-ldflags=-s -w', `${path}@${version}`];
      await outputOf(install, { env: { ...goEnvironment, GOBIN: work }, signal, cwd: work });
      renameSync(join(work, basename(path)), target);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
    return target;
  });
}

/** Path of Helm 3 or 4. */
export function helmProgram(version: 3 | 4, signal?: AbortSignal): Promise<string> {
  return goTool(version === 3 ? 'helm3' : 'helm4', signal);
}
