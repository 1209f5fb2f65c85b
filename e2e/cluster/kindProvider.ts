import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Cluster, type ClusterOptions, defaultProxyMode, type Place, PrerequisiteError } from './cluster.ts';
import { outputOf, runCommand } from './command.ts';
import { goTool, helmProgram } from './goTools.ts';
import { kindConfiguration, kindCreateArguments, kindPodCidr, kindServiceCidr } from './kindConfiguration.ts';
import { kindComponents, kindLogCommand } from './kindLogs.ts';
import { type KindState, kindFolder, readKindState, removeKindState, writeKindState } from './kindState.ts';
import { defaultKubernetes, parseKubernetesVersion } from './kubernetesVersions.ts';
import { findProgram } from './prerequisites.ts';

/** Docker or Podman, whichever is there first. */
export function containerEngine(find: (program: string) => string | undefined = findProgram): string {
  const engine = ['docker', 'podman'].find((program) => find(program) !== undefined);
  if (engine !== undefined) return engine;
  throw new PrerequisiteError(
    'kind needs Docker or Podman, and neither is installed.',
    'Install one of them, or use the local provider (root on Linux).',
  );
}

/** kubectl of the PATH: kind's node images bring everything but that. */
function kubectlProgram(): string {
  const kubectl = findProgram('kubectl');
  if (kubectl !== undefined) return kubectl;
  throw new PrerequisiteError('kubectl is not installed.', 'Install kubectl and put it in PATH.');
}

/** The kind cluster of that name where this machine made one to the end. */
export function kindFind(name: string): Cluster | undefined {
  const state = readKindState(name);
  return state?.complete === true ? kindCluster(state) : undefined;
}

/**
 * Brings a kind cluster up; takes it down again where that fails. Where this was written there is neither Docker nor
 * Podman: see the README.
 */
export async function kindUp(name: string, options: ClusterOptions): Promise<Cluster> {
  const engine = containerEngine();
  kubectlProgram();
  const { signal } = options;
  const state: KindState = {
    name,
    nodes: options.controlPlaneOnly === true ? 0 : (options.nodes ?? 2),
    kubernetes: parseKubernetesVersion(options.kubernetes ?? defaultKubernetes).text,
    proxyMode: options.proxyMode ?? defaultProxyMode,
    complete: false,
  };
  const found = kindFind(name);
  if (found !== undefined && sameCluster(found, state)) return found;
  await kindDown(name, signal);
  const kind = await goTool('kind', signal);
  // Before kind begins: `down` finds what an `up` that was killed has left.
  writeKindState(state);
  const cluster = kindCluster(state);
  try {
    await outputOf([kind, ...kindCreateArguments(name, state.kubernetes, cluster.kubeconfigPath)], {
      input: kindConfiguration(state),
      env: { KIND_EXPERIMENTAL_PROVIDER: engine },
      signal,
    });
  } catch (error) {
    try {
      await kindDown(name);
    } catch (second) {
      const both = `cluster ${name} could neither be started nor taken down`;
      throw new AggregateError([error, second], both, { cause: second });
    }
    throw error;
  }
  writeKindState({ ...state, complete: true });
  return cluster;
}

/** Deletes a kind cluster; harmless where there is none. */
export async function kindDown(name: string, signal?: AbortSignal): Promise<void> {
  const env = { KIND_EXPERIMENTAL_PROVIDER: containerEngine() };
  await outputOf([await goTool('kind', signal), 'delete', 'cluster', `--name=${name}`], { env, signal });
  removeKindState(name);
}

function sameCluster(found: Cluster, wanted: KindState): boolean {
  return (
    found.nodes.length === wanted.nodes &&
    found.kubernetes === wanted.kubernetes &&
    found.proxyMode === wanted.proxyMode
  );
}

function kindCluster(state: KindState): Cluster {
  const environment = { KUBECONFIG: join(kindFolder(state.name), 'kubeconfig') };
  // kind names them NAME-worker, NAME-worker2, NAME-worker3 and so on.
  const nodes = Array.from({ length: state.nodes }, (_, at) => `${state.name}-worker${at === 0 ? '' : at + 1}`);
  const containerOf = (place: Place): string => {
    if (place === 'client' || place === 'control-plane') return `${state.name}-control-plane`;
    if (nodes.includes(place)) return place;
    throw new Error(`there is no ${place} in this cluster; there are client, control-plane, ${nodes.join(', ')}`);
  };
  const entering = (place: Place): string[] => [containerEngine(), 'exec', '-i', containerOf(place)];
  return {
    name: state.name,
    provider: 'kind',
    kubernetes: state.kubernetes,
    proxyMode: state.proxyMode,
    kubeconfigPath: environment.KUBECONFIG,
    nodes,
    serviceCidr: kindServiceCidr,
    podCidr: kindPodCidr,
    // Clients run on the control plane's node and have its one address.
    clientSources: [],
    environment,
    program: (name, signal) =>
      name === 'kubectl' ? Promise.resolve(kubectlProgram()) : helmProgram(name === 'helm' ? 3 : 4, signal),
    kubectl: (args, options = {}) =>
      runCommand([kubectlProgram(), ...args], { ...options, env: { ...environment, ...options.env } }),
    async helm(args, { version = 3, ...options } = {}) {
      const helm = await helmProgram(version, options.signal);
      return runCommand([helm, ...args], { ...options, env: { ...environment, ...options.env } });
    },
    async loadImage(archivePath, signal) {
      const env = { KIND_EXPERIMENTAL_PROVIDER: containerEngine() };
      const kind = await goTool('kind', signal);
      await outputOf([kind, 'load', 'image-archive', archivePath, `--name=${state.name}`], { env, signal });
      return [];
    },
    execIn: (place, argv, options = {}) => runCommand([...entering(place), ...argv], options),
    spawnIn(place, argv, options = {}) {
      const [program, ...args] = [...entering(place), ...argv];
      return spawn(program as string, args, options);
    },
    components: () => kindComponents(state.name, nodes),
    componentLog(component) {
      throw new Error(`kind keeps the log of ${component} inside its nodes: \`kind export logs --name ${state.name}\``);
    },
    logCommand: (component) => kindLogCommand(containerEngine(), state.name, component),
    async flushConntrack(signal) {
      for (const node of ['client', ...nodes]) await runCommand([...entering(node), 'conntrack', '-F'], { signal });
    },
    stopComponent: (component) =>
      Promise.reject(new Error(`kind cannot stop ${component} alone; use the local provider`)),
    startComponent: (component) => Promise.reject(new Error(`kind cannot start ${component}; use the local provider`)),
    async problems(signal) {
      const { code, stderr } = await runCommand(
        [kubectlProgram(), 'wait', 'node', '--all', '--for=condition=Ready', '--timeout=5s'],
        { env: environment, signal },
      );
      return code === 0 ? [] : [stderr.trim()];
    },
    down: () => kindDown(state.name),
  };
}
