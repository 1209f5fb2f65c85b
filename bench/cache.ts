import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { type ControlPlane, startControlPlane } from '../e2e/cluster/index.ts';
import {
  type Client,
  type ConfigMap,
  configMaps,
  createClient,
  createInformer,
  loadKubeConfig,
  namespaces,
  pods,
} from '../src/kube/index.ts';
import { benchPod, benchPodStatus } from './cachePod.ts';
import type { CacheMode, CacheReading } from './cacheReader.ts';

const PODS = 3000;
const WRITES = 300;
/** Twenty a second: each write is alone, as in a quiet cluster; the latency is of the path, not of a queue. */
const WRITE_INTERVAL_MS = 50;
const NAMESPACE = 'bench-cache';
const MODES: readonly CacheMode[] = ['whole', 'without managedFields', 'projected'];
const MB = 1024 * 1024;

/** What `npm run bench -- cache --json` prints. */
export interface CacheReport {
  readonly pods: number;
  /** JSON text of one pod as the API server sends it. */
  readonly podBytes: number;
  readonly memory: readonly (CacheReading & { readonly mode: CacheMode })[];
  readonly latencyMs: { readonly writes: number; readonly p50: number; readonly p99: number; readonly max: number };
}

/** Measures the informer's memory per 1,000 pods and the time from a write to its handler; prints both. */
export async function run(options: { readonly json: boolean }): Promise<void> {
  const controlPlane = await startControlPlane();
  try {
    const report = await measure(controlPlane);
    console.log(options.json ? JSON.stringify(report, null, 2) : render(report));
  } finally {
    await controlPlane.stop();
  }
}

async function measure(controlPlane: ControlPlane): Promise<CacheReport> {
  const { signal } = new AbortController();
  const connection = await loadKubeConfig({ path: controlPlane.kubeconfigPath }, signal);
  const client = createClient({ connection, userAgent: 'bench-cache', fieldManager: 'bench-cache' });
  try {
    await client.create(namespaces, { metadata: { name: NAMESPACE } }, { signal });
    const podBytes = await createPods(client, signal);
    const directory = await mkdtemp(join(tmpdir(), 'bench-cache-'));
    const memory = [];
    try {
      const program = await bundleReader(directory);
      for (const mode of MODES) {
        memory.push({ mode, ...(await readInOwnProcess(program, mode, controlPlane.kubeconfigPath)) });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
    return { pods: PODS, podBytes, memory, latencyMs: await measureLatency(client) };
  } finally {
    await client.close();
  }
}

async function createPods(client: Client, signal: AbortSignal): Promise<number> {
  process.stderr.write(`creating ${PODS} pods\n`);
  const queue = Array.from({ length: PODS }, (_, index) => index);
  const worker = async (): Promise<void> => {
    for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
      const pod = benchPod(NAMESPACE, index);
      await client.create(pods, pod, { signal });
      const ref = { namespace: NAMESPACE, name: pod.metadata.name ?? '' };
      const patch = { type: 'merge', body: benchPodStatus(index) } as const;
      await client.patch(pods, ref, patch, { signal, subresource: 'status', fieldManager: 'kubelet' });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  const one = await client.get(pods, { namespace: NAMESPACE, name: 'web-00000' }, { signal });
  return JSON.stringify(one).length;
}

/** One bundled file, as the operator is: Node's own type stripping alone would add 20 MB. */
async function bundleReader(directory: string): Promise<string> {
  const outfile = join(directory, 'reader.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./cacheReader.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: ['@kubernetes/client-node'],
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  return outfile;
}

async function readInOwnProcess(program: string, mode: CacheMode, kubeconfig: string): Promise<CacheReading> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, mode, kubeconfig, NAMESPACE]);
  return JSON.parse(stdout) as CacheReading;
}

/** From just before the request of a write to the handler that hears of it. */
async function measureLatency(client: Client): Promise<CacheReport['latencyMs']> {
  const stop = new AbortController();
  const { signal } = stop;
  const ref = { namespace: NAMESPACE, name: 'latency' };
  const informer = createInformer<ConfigMap>({ client, resource: configMaps, namespace: NAMESPACE });
  const startedMs = new Map<string, number>();
  const tookMs: number[] = [];
  informer.onChange((_key, change) => {
    const started = startedMs.get(change.new?.data?.['write'] ?? '');
    if (started !== undefined) tookMs.push(performance.now() - started);
  });
  const running = informer.run(signal);
  await informer.waitForSync(signal);
  await client.create(configMaps, { metadata: ref }, { signal });
  for (let write = 0; write < WRITES; write++) {
    startedMs.set(String(write), performance.now());
    await client.patch(configMaps, ref, { type: 'merge', body: { data: { write: String(write) } } }, { signal });
    await new Promise((resolve) => {
      setTimeout(resolve, WRITE_INTERVAL_MS);
    });
  }
  stop.abort();
  await running;
  if (tookMs.length !== WRITES) throw new Error(`${WRITES} writes, but the handler heard of ${tookMs.length}`);
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => tookMs[Math.min(WRITES - 1, Math.floor(share * WRITES))] ?? Number.NaN;
  return { writes: WRITES, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function render({ podBytes, memory, latencyMs, ...report }: CacheReport): string {
  const rows = memory.map((reading) =>
    [
      reading.mode.padEnd(22),
      ((reading.heapBytesPerObject * 1000) / MB).toFixed(1).padStart(16),
      (reading.idleRssBytes / MB).toFixed(0).padStart(12),
      (reading.maxRssBytes / MB).toFixed(0).padStart(12),
      (reading.listMs / 1000).toFixed(2).padStart(8),
    ].join(''),
  );
  return [
    `${report.pods} pods of ${(podBytes / 1024).toFixed(1)} KiB (JSON), one informer per process`,
    `${'kept'.padEnd(22)}${'MiB/1,000 pods'.padStart(16)}${'idle RSS'.padStart(12)}${'max RSS'.padStart(12)}${'list s'.padStart(8)}`,
    ...rows,
    '',
    `write to handler, ${latencyMs.writes} writes: p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms, max ${latencyMs.max.toFixed(1)} ms`,
  ].join('\n');
}
