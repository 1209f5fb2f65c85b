import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { AddressPlan } from './addressPlan.ts';
import type { Cluster, Place } from './cluster.ts';
import { type ClusterState, clusterPaths, planOf } from './clusterState.ts';
import { outputOf, runCommand } from './command.ts';
import { daemonIsRunning, daemonLog, daemonNames, restartDaemon, stopDaemon } from './daemons.ts';
import { helmProgram } from './goTools.ts';
import { notReady } from './readiness.ts';
import { importImage } from './startNodeDaemons.ts';

/** The handle of a local cluster that is up. */
export function localCluster(state: ClusterState, down: () => Promise<void>): Cluster {
  const paths = clusterPaths(state.name);
  const plan = planOf(state);
  const own = join(paths.folder, 'tools');
  const environment = {
    KUBECONFIG: paths.kubeconfig,
    KUBECACHEDIR: join(own, 'kube-cache'),
    HELM_CACHE_HOME: join(own, 'helm-cache'),
    HELM_CONFIG_HOME: join(own, 'helm-config'),
    HELM_DATA_HOME: join(own, 'helm-data'),
  };
  const kubectl = join(state.binaries, 'kubectl');
  const componentLog = (component: string): string => {
    const known = daemonNames(paths);
    if (!known.includes(component)) throw new Error(`no component ${component}; there are ${known.join(', ')}`);
    return daemonLog(paths, component);
  };
  return {
    name: state.name,
    provider: 'local',
    kubernetes: state.kubernetes,
    proxyMode: state.proxyMode,
    kubeconfigPath: paths.kubeconfig,
    nodes: plan.nodes.map((node) => node.name),
    serviceCidr: plan.serviceCidr,
    podCidr: plan.podCidr,
    clientSources: plan.clientSources,

    environment,
    program: (name, signal) =>
      name === 'kubectl' ? Promise.resolve(kubectl) : helmProgram(name === 'helm' ? 3 : 4, signal),
    kubectl: (args, options = {}) =>
      runCommand([kubectl, ...args], { ...options, env: { ...environment, ...options.env } }),
    async helm(args, { version = 3, ...options } = {}) {
      const helm = await helmProgram(version, options.signal);
      return runCommand([helm, ...args], { ...options, env: { ...environment, ...options.env } });
    },
    async loadImage(archivePath, signal) {
      const loaded = await Promise.all(plan.nodes.map((node) => importImage(paths, node.name, archivePath, signal)));
      return loaded[0] ?? [];
    },
    execIn: (place, argv, options = {}) => runCommand([...entering(plan, place), ...argv], options),
    spawnIn(place, argv, options = {}) {
      const [program, ...args] = [...entering(plan, place), ...argv];
      return spawn(program as string, args, options);
    },
    components: () => daemonNames(paths),
    componentLog,
    logCommand: (component) => ['cat', componentLog(component)],
    async flushConntrack(signal) {
      await outputOf([...entering(plan, 'client'), 'conntrack', '-F'], { signal });
      for (const node of plan.nodes) {
        for (const { clientSubnet } of plan.nodes) {
          // Ends with code 1 where there was nothing to delete.
          await runCommand([...entering(plan, node.name), 'conntrack', '-D', '--orig-src', clientSubnet], { signal });
        }
      }
    },
    stopComponent: (component, signalName = 'SIGKILL') => stopDaemon(paths, component, signalName),
    startComponent(component) {
      restartDaemon(paths, component);
      return Promise.resolve();
    },
    async problems(signal) {
      const ended = daemonNames(paths).filter((name) => !daemonIsRunning(paths, name));
      return [...ended.map((name) => `${name} has ended`), ...(await notReady(paths, plan, kubectl, signal))];
    },
    down,
  };
}

/** What to put before a command so that it runs in the network of that place. */
export function entering(plan: AddressPlan, place: Place): string[] {
  const namespaces = new Map([
    ['client', plan.clientNamespace],
    ['control-plane', plan.controlPlaneNamespace],
    ...plan.nodes.map((node) => [node.name, node.namespace] as const),
  ]);
  const namespace = namespaces.get(place);
  if (namespace === undefined) {
    throw new Error(`there is no ${place} in this cluster; there are ${[...namespaces.keys()].join(', ')}`);
  }
  return ['nsenter', `--net=/run/netns/${namespace}`];
}
