import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { planAddresses } from './addressPlan.ts';
import { createCgroup, setCpuShare } from './cgroups.ts';
import { type Cluster, type ClusterOptions, defaultProxyMode } from './cluster.ts';
import {
  type ClusterState,
  clusterPaths,
  freeSlot,
  planOf,
  readState,
  sharedLockFile,
  writeState,
} from './clusterState.ts';
import { outputOf } from './command.ts';
import { etcdProgram } from './controlPlane.ts';
import { withLock } from './exclusiveLock.ts';
import { kubernetesBinaries, requireBuildable } from './kubernetesBinaries.ts';
import { kubernetesComponents } from './kubernetesModule.ts';
import { defaultKubernetes, parseKubernetesVersion } from './kubernetesVersions.ts';
import { localCluster } from './localCluster.ts';
import { networkScript } from './networkScript.ts';
import { requirePrograms, requireRootLinux, systemPrograms } from './prerequisites.ts';
import { waitForNodes } from './readiness.ts';
import { sandboxImageArchive } from './sandboxImage.ts';
import { startControlPlaneDaemons, startControlPlaneProxy } from './startControlPlaneDaemons.ts';
import { startContainerRuntime, startKubelet } from './startNodeDaemons.ts';
import { takeDown } from './takeDown.ts';

/** Name of the cluster where none is given. */
export const defaultName = 'graceful-rollout';

/**
 * Brings a cluster of local processes up, or returns the one that is up already and looks the same. Anything else of
 * that name is taken down first.
 * @throws PrerequisiteError where this machine cannot run one
 */
export async function localUp(options: ClusterOptions): Promise<Cluster> {
  requireRootLinux();
  const name = options.name ?? defaultName;
  const nodes = options.controlPlaneOnly === true ? 0 : (options.nodes ?? 2);
  const version = parseKubernetesVersion(options.kubernetes ?? defaultKubernetes);
  const proxyMode = options.proxyMode ?? defaultProxyMode;
  planAddresses(name, 0, nodes);
  const onProgress = options.onProgress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const { signal } = options;

  const request = { version, components: kubernetesComponents, onProgress, signal };
  // What is missing for good is told before anything takes time.
  await requireBuildable(request);
  await requirePrograms(systemPrograms.nodes, onProgress, signal);
  const etcd = await etcdProgram(onProgress, signal);
  const binaries = await kubernetesBinaries(request);
  const paths = clusterPaths(name);
  const onWait = (pid: number): void => onProgress(`waiting for process ${pid}, which works on cluster ${name}`);
  return withLock(paths.lockFile, { signal, onWait }, async () => {
    const wanted = { name, nodes, kubernetes: version.text, proxyMode, binaries };
    const found = readState(name);
    if (found !== undefined && sameCluster(found, wanted) && (await handle(found).problems(signal)).length === 0) {
      onProgress(`cluster ${name} is up already`);
      return handle(found);
    }
    if (found !== undefined) onProgress(`taking the earlier cluster ${name} down`);
    await takeDown(name);
    try {
      const state = await takeSlot({ ...wanted, slot: 0, complete: false }, signal);
      await start(state, etcd, onProgress, signal);
      writeState({ ...state, complete: true });
      return handle(state);
    } catch (error) {
      onProgress(`cluster ${name} could not be started; taking it down again`);
      try {
        await takeDown(name);
      } catch (second) {
        const both = `cluster ${name} could neither be started nor taken down`;
        throw new AggregateError([error, second], both, { cause: second });
      }
      throw error;
    }
  });
}

function sameCluster(found: ClusterState, wanted: Omit<ClusterState, 'slot' | 'complete'>): boolean {
  return (
    found.complete &&
    found.nodes === wanted.nodes &&
    found.kubernetes === wanted.kubernetes &&
    found.proxyMode === wanted.proxyMode &&
    found.binaries === wanted.binaries
  );
}

/** Writes the state down under the lowest free slot, and makes what lies in folders that all clusters share. */
function takeSlot(wanted: ClusterState, signal?: AbortSignal): Promise<ClusterState> {
  return withLock(sharedLockFile(), { signal }, () => {
    const state = { ...wanted, slot: freeSlot() };
    writeState(state);
    const paths = clusterPaths(state.name);
    mkdirSync(paths.run, { recursive: true });
    createCgroup(`${paths.cgroup}/daemons`);
    // On machines of their own, no compiler or test beside them would keep pods waiting.
    setCpuShare(dirname(paths.cgroup), 10);
    return Promise.resolve(state);
  });
}

async function start(
  state: ClusterState,
  etcd: string,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const paths = clusterPaths(state.name);
  const plan = planOf(state);
  const startedMs = Date.now();
  const tell = (step: string): void =>
    onProgress(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(5)} s  ${step}`);
  await outputOf(['sh', '-e', '-x', '-s'], { input: networkScript(plan), signal });
  tell(`network of ${plan.nodes.length} nodes, control plane and client`);
  await sandboxImageArchive();
  const [running] = await Promise.all([
    startControlPlaneDaemons(state, paths, plan, etcd, signal),
    ...plan.nodes.map((node) => startContainerRuntime(state, paths, node, signal)),
  ]);
  tell(`API server (Kubernetes ${state.kubernetes}), container runtimes`);
  for (const node of plan.nodes) startKubelet(state, paths, plan, node, running);
  startControlPlaneProxy(state, paths, plan, running);
  await waitForNodes(paths, plan, join(state.binaries, 'kubectl'), { deadlineMs: 120_000, signal });
  tell(plan.nodes.length === 0 ? 'ready' : `${plan.nodes.length} nodes ready`);
}

/** Takes a cluster down that this machine runs, in whatever state it is. */
export async function localDown(name: string = defaultName, signal?: AbortSignal): Promise<void> {
  requireRootLinux();
  await withLock(clusterPaths(name).lockFile, { signal }, () => takeDown(name));
}

/** The cluster of that name where it is up and complete. */
export function localFind(name: string = defaultName): Cluster | undefined {
  const state = readState(name);
  return state?.complete === true ? handle(state) : undefined;
}

function handle(state: ClusterState): Cluster {
  return localCluster(state, () => localDown(state.name));
}
