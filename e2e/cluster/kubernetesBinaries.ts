import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PrerequisiteError } from './cluster.ts';
import { outputOf } from './command.ts';
import { withLock } from './exclusiveLock.ts';
import { cacheFolder } from './folders.ts';
import { goBuildFlags, goEnvironment } from './goBuild.ts';
import { type KubernetesComponent, kubernetesComponents, kubernetesGoMod, linkerFlags } from './kubernetesModule.ts';
import type { KubernetesVersion } from './kubernetesVersions.ts';
import { findProgram } from './prerequisites.ts';

/** Measured on 2 cores, cold. Only shown to people. */
const expectedBuildSeconds = 480;

/** How to get the programs of a Kubernetes version. */
export interface BinariesRequest {
  version: KubernetesVersion;
  /** Components that will be started. */
  components: readonly KubernetesComponent[];
  onProgress: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Checks in advance that {@link kubernetesBinaries} can do its work.
 * @throws PrerequisiteError where something would have to be built and there is no Go
 */
export async function requireBuildable(request: BinariesRequest): Promise<void> {
  const assets = assetsFolder();
  if (assets !== undefined && (await assetsServe(assets, request))) return;
  if (!existsSync(cachedFolder(request.version))) await requireGo(request.signal);
}

/**
 * A folder that holds the components: `$KUBEBUILDER_ASSETS` where it has all of them in that version, else the cache,
 * built with Go at first use (seven to nine minutes on 2 cores).
 * @throws PrerequisiteError without Go
 */
export async function kubernetesBinaries(request: BinariesRequest): Promise<string> {
  const assets = assetsFolder();
  if (assets !== undefined && (await assetsServe(assets, request))) return assets;
  const folder = cachedFolder(request.version);
  if (existsSync(folder)) return folder;
  const { version, onProgress, signal } = request;
  const onWait = (pid: number): void =>
    onProgress(`waiting for process ${pid}, which builds Kubernetes ${version.text}`);
  return withLock(`${folder}.lock`, { signal, onWait }, async () => {
    if (!existsSync(folder)) await build(request, folder);
    return folder;
  });
}

/** `$KUBEBUILDER_ASSETS`: the convention for a folder of prebuilt programs. */
export function assetsFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = env['KUBEBUILDER_ASSETS'];
  return folder === '' ? undefined : folder;
}

function mainSource(): string {
  return readFileSync(join(import.meta.dirname, 'kubernetes', 'main.go'), 'utf8');
}

function cachedFolder(version: KubernetesVersion): string {
  const fingerprint = createHash('sha256').update(mainSource()).update(linkerFlags(version)).digest('hex').slice(0, 8);
  return join(cacheFolder(), 'kubernetes', `v${version.text}-${process.arch}-${fingerprint}`);
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

async function build(request: BinariesRequest, folder: string): Promise<void> {
  const { version, onProgress, signal } = request;
  await requireGo(signal);
  const startedMs = Date.now();
  onProgress(
    `building Kubernetes ${version.text} (once; about ${Math.round(expectedBuildSeconds / 60)} minutes on 2 cores)`,
  );
  const work = `${folder}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const run = { cwd: work, env: goEnvironment, signal };
  const download = JSON.parse(
    await outputOf(['go', 'mod', 'download', '-json', `k8s.io/kubernetes@v${version.text}`], run),
  ) as { GoMod: string };
  writeFileSync(join(work, 'main.go'), mainSource());
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
    const leftSeconds = estimateLeftSeconds(elapsedMs / 1000, compiled / packages);
    const where = compiled === 0 ? 'preparing' : `${compiled} of up to ${packages} packages`;
    request.onProgress(
      `  Kubernetes ${request.version.text}: ${where}, ${seconds(elapsedMs)}, about ${leftSeconds} s left`,
    );
  };
  const ticker = setInterval(tell, 15_000);
  try {
    const child = spawn('go', ['build', '-v', ...goBuildFlags, '-ldflags', flags, '-o', 'kubernetes', '.'], {
      cwd: work,
      env: { ...process.env, ...goEnvironment },
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

/** By the share of packages that are compiled; in the beginning, when that says little, by what was once measured. */
function estimateLeftSeconds(elapsedSeconds: number, share: number): number {
  const linkingSeconds = 20;
  const left =
    share < 0.05 ? expectedBuildSeconds - elapsedSeconds : (elapsedSeconds / share) * (1 - share) + linkingSeconds;
  return Math.max(10, Math.round(left / 10) * 10);
}

/** @throws PrerequisiteError where there is no Go, or one that is too old to fetch a newer one by itself */
export async function requireGo(signal?: AbortSignal): Promise<void> {
  const remedy =
    'Install Go 1.26 or newer (https://go.dev/dl) and put it in PATH, or set KUBEBUILDER_ASSETS to a folder with the programs.';
  if (findProgram('go') === undefined) {
    throw new PrerequisiteError('Go is missing: the test cluster builds Kubernetes from its Go module.', remedy);
  }
  const said = await outputOf(['go', 'version'], { signal, env: { GOTOOLCHAIN: 'local' } });
  const minor = /go1\.(\d+)/.exec(said)?.[1];
  if (minor === undefined || Number(minor) < 21)
    throw new PrerequisiteError(`This Go is too old: ${said.trim()}.`, remedy);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
