import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PrerequisiteError } from './cluster.ts';
import { outputOf, runCommand } from './command.ts';
import { withLock } from './exclusiveLock.ts';
import { cacheFolder } from './folders.ts';
import { type KubernetesComponent, kubernetesComponents, kubernetesGoMod, linkerFlags } from './kubernetesModule.ts';
import type { KubernetesVersion } from './kubernetesVersions.ts';

/** Measured on 2 cores, cold. Only shown to people. */
const expectedBuildSeconds = 290;

/** How to get the programs of a Kubernetes version. */
export interface BinariesRequest {
  version: KubernetesVersion;
  /** Components that will be started. */
  components: readonly KubernetesComponent[];
  onProgress: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * A folder that holds the components: `$KUBEBUILDER_ASSETS` where it has all of them in that version, else the cache,
 * built with Go at first use (about five minutes).
 * @throws PrerequisiteError without Go
 */
export async function kubernetesBinaries(request: BinariesRequest): Promise<string> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '' && (await assetsServe(assets, request))) return assets;
  const source = readFileSync(join(import.meta.dirname, 'kubernetes', 'main.go'), 'utf8');
  const fingerprint = createHash('sha256')
    .update(source)
    .update(linkerFlags(request.version))
    .digest('hex')
    .slice(0, 8);
  const folder = join(cacheFolder(), 'kubernetes', `v${request.version.text}-${process.arch}-${fingerprint}`);
  if (existsSync(folder)) return folder;
  const { onProgress, signal } = request;
  return withLock(
    `${folder}.lock`,
    {
      signal,
      onWait: (pid) => onProgress(`waiting for process ${pid}, which builds Kubernetes ${request.version.text}`),
    },
    async () => {
      if (!existsSync(folder)) await build(request, source, folder);
      return folder;
    },
  );
}

/** Whether the folder of prebuilt programs has all that is needed, in the wanted version. */
async function assetsServe(assets: string, request: BinariesRequest): Promise<boolean> {
  const missing = request.components.filter((component) => !existsSync(join(assets, component)));
  if (missing.length > 0) {
    request.onProgress(`KUBEBUILDER_ASSETS has no ${missing.join(', ')}: building Kubernetes instead`);
    return false;
  }
  const said = await outputOf([join(assets, 'kube-apiserver'), '--version'], { signal: request.signal });
  if (said.includes(`v${request.version.text}`)) return true;
  request.onProgress(`KUBEBUILDER_ASSETS holds ${said.trim()}, wanted is ${request.version.text}: building it instead`);
  return false;
}

async function build(request: BinariesRequest, source: string, folder: string): Promise<void> {
  const { version, onProgress, signal } = request;
  await requireGo(signal);
  const startedMs = Date.now();
  onProgress(
    `building Kubernetes ${version.text} (once; about ${Math.round(expectedBuildSeconds / 60)} minutes on 2 cores)`,
  );
  const work = `${folder}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const run = { cwd: work, env: { GOFLAGS: '-buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0' }, signal };
  const download = JSON.parse(
    await outputOf(['go', 'mod', 'download', '-json', `k8s.io/kubernetes@v${version.text}`], run),
  ) as { GoMod: string };
  writeFileSync(join(work, 'main.go'), source);
  writeFileSync(join(work, 'go.mod'), kubernetesGoMod(version, readFileSync(download.GoMod, 'utf8')));
  await outputOf(['go', 'mod', 'tidy'], run);
  const packages = (await outputOf(['go', 'list', '-deps', '.'], run)).trim().split('\n').length;
  await compile(work, linkerFlags(version), packages, request, startedMs);
  for (const component of kubernetesComponents) symlinkSync('kubernetes', join(work, component));
  renameSync(work, folder);
  onProgress(`built Kubernetes ${version.text} in ${seconds(Date.now() - startedMs)}`);
}

/** `go build` says nothing for minutes; with `-v` it names each package it compiles, which is counted here. */
async function compile(
  work: string,
  flags: string,
  packages: number,
  request: BinariesRequest,
  startedMs: number,
): Promise<void> {
  let compiled = 0;
  const lastLines: string[] = [];
  const tell = (): void => {
    const elapsedMs = Date.now() - startedMs;
    const leftSeconds = Math.max(10, Math.round((expectedBuildSeconds - elapsedMs / 1000) / 10) * 10);
    const where = compiled === 0 ? 'preparing' : `${compiled} of up to ${packages} packages`;
    request.onProgress(
      `  Kubernetes ${request.version.text}: ${where}, ${seconds(elapsedMs)}, about ${leftSeconds} s left`,
    );
  };
  const ticker = setInterval(tell, 15_000);
  try {
    const child = spawn('go', ['build', '-v', '-trimpath', '-ldflags', flags, '-o', 'kubernetes', '.'], {
      cwd: work,
      env: { ...process.env, GOFLAGS: '-buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (/^[\w./-]+$/.test(line)) compiled += 1;
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`building Kubernetes failed (code ${code}):\n${lastLines.join('\n')}`);
  } finally {
    clearInterval(ticker);
  }
}

/** @throws PrerequisiteError where there is no Go */
export async function requireGo(signal?: AbortSignal): Promise<void> {
  try {
    await runCommand(['go', 'version'], { check: true, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new PrerequisiteError(
      'Go is missing: the test cluster builds Kubernetes from its Go module.',
      'Install Go 1.26 or newer (https://go.dev/dl) and put it in PATH, or set KUBEBUILDER_ASSETS to a folder with the binaries.',
    );
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
