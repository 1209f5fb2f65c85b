import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClient, createInformer, type Informer, loadKubeConfig, type Pod, pods } from '../src/kube/index.ts';

/** What one process with one informer needed; printed as JSON by this program. */
export interface CacheReading {
  readonly objects: number;
  readonly listMs: number;
  readonly heapBytesPerObject: number;
  readonly maxRssBytes: number;
  /** Of the process with the client and an empty cache. */
  readonly idleRssBytes: number;
}

/** How much of each object the informer keeps. */
export type CacheMode = keyof typeof modes;

const modes = {
  /** Everything that the API server sends. */
  whole: { project: (pod: Pod) => pod },
  /** What an informer does if it is not told otherwise. */
  'without managedFields': {},
  /** What a controller that counts ready pods keeps. */
  projected: {
    project: (pod: Pod): Pod => ({
      metadata: {
        ...(pod.metadata.namespace === undefined ? {} : { namespace: pod.metadata.namespace }),
        ...(pod.metadata.name === undefined ? {} : { name: pod.metadata.name }),
        ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
        ...(pod.metadata.labels === undefined ? {} : { labels: pod.metadata.labels }),
      },
      spec: { containers: [] },
      status: { ...(pod.status?.conditions === undefined ? {} : { conditions: pod.status.conditions.slice(-1) }) },
    }),
  },
};

async function read(mode: CacheMode, kubeconfig: string, namespace: string): Promise<CacheReading> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const stop = new AbortController();
  const connection = await loadKubeConfig({ path: kubeconfig }, stop.signal);
  const client = createClient({ connection, userAgent: 'bench-cache', fieldManager: 'bench-cache' });
  await client.raw({ method: 'GET', path: '/version', signal: stop.signal });
  collectGarbage();
  const idleRssBytes = process.memoryUsage.rss();
  const before = process.memoryUsage().heapUsed;
  const startedMs = performance.now();
  const informer: Informer<Pod> = createInformer<Pod>({
    client,
    resource: pods,
    namespace,
    ...modes[mode],
  });
  const running = informer.run(stop.signal);
  await informer.waitForSync(stop.signal);
  const listMs = performance.now() - startedMs;
  collectGarbage();
  const after = process.memoryUsage().heapUsed;
  const objects = informer.store.size;
  stop.abort();
  await running;
  await client.close();
  return {
    objects,
    listMs,
    heapBytesPerObject: (after - before) / objects,
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
    idleRssBytes,
  };
}

const [mode, kubeconfig, namespace] = process.argv.slice(2);
if (mode === undefined || !(mode in modes) || kubeconfig === undefined || namespace === undefined) {
  throw new Error('cacheReader <mode> <kubeconfig> <namespace>');
}
console.log(JSON.stringify(await read(mode as CacheMode, kubeconfig, namespace)));
