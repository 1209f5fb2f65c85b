import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitForApiServer } from './apiServerReady.ts';
import { type ChildDaemon, startChildDaemon } from './childDaemon.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  controlPlaneUsers,
  etcdArguments,
} from './controlPlaneArguments.ts';
import { createCredentials, kubeconfig } from './credentials.ts';
import { controlPlaneFolder } from './folders.ts';
import { freePorts } from './freePorts.ts';
import { assetsFolder, kubernetesBinaries, requireBuildable } from './kubernetesBinaries.ts';
import type { KubernetesComponent } from './kubernetesModule.ts';
import { defaultKubernetes, parseKubernetesVersion } from './kubernetesVersions.ts';
import { findProgram, requirePrograms, systemPrograms } from './prerequisites.ts';
import { identify, isAlive } from './processIdentity.ts';

/** What {@link startControlPlane} is to start. */
export interface ControlPlaneOptions {
  /** Kubernetes version; default 1.37.2. */
  version?: string;
  /** Added to kube-apiserver's arguments, for example `--feature-gates=...`. */
  extraArgs?: readonly string[];
  /**
   * Start kube-controller-manager too: Deployments get ReplicaSets, namespaces their default service account, and
   * orphans are collected. Without it pods need no service account, and nothing but the tests writes.
   */
  withControllerManager?: boolean;
  /** Added to kube-controller-manager's arguments. */
  controllerManagerArgs?: readonly string[];
  /** Receives progress. Default: standard error. */
  onProgress?: (line: string) => void;
  signal?: AbortSignal;
}

/** etcd and a kube-apiserver on loopback, without nodes. They end with this process at the latest. */
export interface ControlPlane {
  /** Kubeconfig of an administrator (`system:masters`, bearer token). */
  readonly kubeconfigPath: string;
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** Certificate authority of the API server, PEM. */
  readonly caPem: string;
  /** Bearer token of the administrator. */
  readonly token: string;
  /** Path of kubectl of the same version. */
  readonly kubectl: string;
  /** Holds `etcd.log`, `kube-apiserver.log` and `kube-controller-manager.log`; removed by {@link ControlPlane.stop}. */
  readonly folder: string;
  /** Ends the API server with SIGKILL and leaves it down. */
  killApiServer(): Promise<void>;
  /** Starts it again on the same port with the same data; returns when it is ready. */
  startApiServer(signal?: AbortSignal): Promise<void>;
  /** Kill and start. */
  restartApiServer(signal?: AbortSignal): Promise<void>;
  /** Ends everything and removes the folder. Harmless to call twice. */
  stop(): Promise<void>;
}

const serviceCidr = '10.96.0.0/16';

/**
 * Starts etcd and kube-apiserver on free loopback ports of this machine; ready in a few seconds once built. Needs
 * neither root nor a network.
 * @throws PrerequisiteError where a program is missing that cannot be installed or built
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const onProgress = options.onProgress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const { signal } = options;
  const components: KubernetesComponent[] = ['kube-apiserver', 'kubectl'];
  if (options.withControllerManager === true) components.push('kube-controller-manager');
  const version = parseKubernetesVersion(options.version ?? defaultKubernetes);
  const request = { version, components, onProgress, signal };
  await requireBuildable(request);
  const etcd = await etcdProgram(onProgress, signal);
  const binaries = await kubernetesBinaries(request);

  removeLeftovers();
  const folder = newFolder();
  const [port, etcdPort, etcdPeerPort, managerPort] = (await freePorts(4)) as [number, number, number, number];
  const addresses = { address: '127.0.0.1', port, etcdPort, etcdPeerPort };
  const url = `https://127.0.0.1:${port}`;
  const credentials = await createCredentials(
    join(folder, 'credentials'),
    { addresses: ['127.0.0.1'], hosts: ['localhost'] },
    controlPlaneUsers,
  );
  const token = (user: string): string => credentials.tokens[user] as string;
  const login = (user: string): string => {
    const path = join(folder, `${user.replace('system:', '')}.kubeconfig`);
    const cluster = { name: 'graceful-rollout-api', url, caPem: credentials.caPem };
    writeFileSync(path, kubeconfig(cluster, user, token(user)), { mode: 0o600 });
    return path;
  };
  const kubeconfigPath = login('admin');
  const apiServerArgs = apiServerArguments(credentials, addresses, {
    serviceCidr,
    extra: [
      // A loopback address may not be an endpoint of the `kubernetes` Service.
      '--endpoint-reconciler-type=none',
      // It waits for service accounts, which only the controller manager makes.
      ...(options.withControllerManager === true ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(options.extraArgs ?? []),
    ],
  });

  const running = new Map<string, ChildDaemon>();
  const start = (name: string, program: string, args: readonly string[]): void => {
    running.set(name, startChildDaemon(program, args, join(folder, `${name}.log`)));
  };
  const waitFor = (path: string, ownSignal: AbortSignal | undefined, ...daemons: string[]): Promise<void> =>
    waitForApiServer(
      { url, caPem: credentials.caPem, token: token('admin') },
      {
        path,
        deadlineMs: 60_000,
        signal: ownSignal,
        stillRunning: () => {
          for (const daemon of daemons) running.get(daemon)?.assertRunning();
        },
      },
    );
  const startApiServer = async (ownSignal = signal): Promise<void> => {
    start('kube-apiserver', join(binaries, 'kube-apiserver'), apiServerArgs);
    await waitFor('/readyz', ownSignal, 'etcd', 'kube-apiserver');
  };
  const killApiServer = async (): Promise<void> => {
    await running.get('kube-apiserver')?.stop();
    running.delete('kube-apiserver');
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...running.values()].map((daemon) => daemon.stop()));
    running.clear();
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    start('etcd', etcd, etcdArguments(folder, addresses));
    await startApiServer();
    if (options.withControllerManager === true) {
      const args = controllerManagerArguments(credentials, login('system:kube-controller-manager'), {
        bindAddress: '127.0.0.1',
        port: managerPort,
        extra: options.controllerManagerArgs ?? [],
      });
      start('kube-controller-manager', join(binaries, 'kube-controller-manager'), args);
      // Its controllers work by then; before, it would not survive a restart of the API server.
      const serviceAccount = '/api/v1/namespaces/default/serviceaccounts/default';
      await waitFor(serviceAccount, signal, 'etcd', 'kube-apiserver', 'kube-controller-manager');
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kubeconfigPath,
    url,
    caPem: credentials.caPem,
    token: token('admin'),
    kubectl: join(binaries, 'kubectl'),
    folder,
    killApiServer,
    startApiServer,
    async restartApiServer(ownSignal) {
      await killApiServer();
      await startApiServer(ownSignal);
    },
    stop,
  };
}

/** `$KUBEBUILDER_ASSETS/etcd`, else the one of the system, installed where that is possible. */
export async function etcdProgram(onProgress: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const assets = assetsFolder();
  const fromAssets = assets === undefined ? undefined : findProgram(join(assets, 'etcd'));
  if (fromAssets !== undefined) return fromAssets;
  await requirePrograms(systemPrograms.controlPlane, onProgress, signal);
  return findProgram('etcd') as string;
}

/** A folder whose name says which process it belongs to. */
function newFolder(): string {
  const owner = identify(process.pid);
  const name = `${process.pid}-${owner?.startTicks ?? '0'}-${randomBytes(4).toString('hex')}`;
  const folder = join(controlPlaneFolder(), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Removes folders of processes that died without tidying up; their servers died with them. */
function removeLeftovers(): void {
  mkdirSync(controlPlaneFolder(), { recursive: true });
  for (const name of readdirSync(controlPlaneFolder())) {
    const [pid, startTicks] = name.split('-');
    if (pid === undefined || startTicks === undefined || isAlive({ pid: Number(pid), startTicks })) continue;
    rmSync(join(controlPlaneFolder(), name), { recursive: true, force: true });
  }
}
