import type { ChildProcess, SpawnOptions } from 'node:child_process';

/** How kube-proxy programs Services on every node. */
export type ProxyMode = 'iptables' | 'nftables';

/** kube-proxy's own default on Linux; nftables mode can refuse a connection by itself: docs/decisions/0007. */
export const defaultProxyMode: ProxyMode = 'iptables';

/** Where the nodes come from: processes in network namespaces of this machine, or kind (Docker, Podman). */
export type ProviderName = 'local' | 'kind';

/** What a cluster is to look like. Every field has a default. */
export interface ClusterOptions {
  /** Several clusters live side by side under different names. Default `graceful-rollout`. */
  name?: string;
  /** Worker nodes, 1 to 8. Default 2. */
  nodes?: number;
  /** Kubernetes version without `v`, or only its minor (`1.36`). Default 1.37.2. */
  kubernetes?: string;
  /** Default {@link defaultProxyMode}. */
  proxyMode?: ProxyMode;
  /** Only etcd, API server, controller manager and scheduler; no nodes, no client namespace. */
  controlPlaneOnly?: boolean;
  /** Default: `local` on Linux as root, otherwise `kind`. */
  provider?: ProviderName;
  /** Receives one line of progress at a time. Default: standard error. */
  onProgress?: (line: string) => void;
  /** Ends the start; what was started by then is taken down again. */
  signal?: AbortSignal | undefined;
}

/** A finished command. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  /** Exit code; 128 + signal number where a signal ended it. */
  code: number;
}

/** How to run a command to its end. */
export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  input?: string;
  /** Throw {@link CommandError} where the exit code is not 0. Default: the caller looks at `code`. */
  check?: boolean;
  /** Added to the environment. */
  env?: Record<string, string>;
  cwd?: string;
  /** Ends the command with SIGTERM; the promise rejects with the reason. */
  signal?: AbortSignal | undefined;
}

/** A place in which a command can run: `client`, `control-plane`, or the name of a node. */
export type Place = string;

/** A running cluster. Obtain one from `ensureCluster` or `findCluster`. */
export interface Cluster {
  readonly name: string;
  readonly provider: ProviderName;
  /** Version without `v`. */
  readonly kubernetes: string;
  readonly proxyMode: ProxyMode;
  /** An administrator's kubeconfig that works from this machine. */
  readonly kubeconfigPath: string;
  /** Names of the worker nodes, as in `kubectl get nodes`. */
  readonly nodes: readonly string[];
  readonly serviceCidr: string;
  readonly podCidr: string;
  /**
   * Addresses of the client namespace to connect from. Neighbours in the list enter the Services through different
   * nodes, so a load generator that takes them in turn (`localAddress`) tests every node's kube-proxy.
   */
  readonly clientSources: readonly string[];

  /** Path of kubectl of the cluster's own version, or of Helm 3 or 4 (built at first use). */
  program(name: 'kubectl' | 'helm' | 'helm4', signal?: AbortSignal): Promise<string>;
  /** Environment in which these programs talk to this cluster and leave the user's own settings alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs kubectl of the cluster's own version as the administrator. */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs Helm 3, or Helm 4 where asked for; built at first use. */
  helm(args: readonly string[], options?: CommandOptions & { version?: 3 | 4 }): Promise<CommandResult>;
  /**
   * Loads a `docker-archive:` file into every node (`imagePullPolicy: Never` in the pods that use it).
   * @returns the names of the images in it
   */
  loadImage(archivePath: string, signal?: AbortSignal): Promise<string[]>;
  /** Runs a command in the network of a node, of the control plane or of the client, to its end. */
  execIn(place: Place, argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Starts a command in the network of a node, of the control plane or of the client. The caller ends it. */
  spawnIn(place: Place, argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Names that {@link Cluster.logCommand} knows, and with the local provider the other functions of components. */
  components(): string[];
  /** The command that prints a component's log. */
  logCommand(component: string): readonly string[];
  /** Local provider only: path of a component's log: `kube-apiserver`, `etcd`, `<node>/kubelet`, `<node>/kube-proxy`, `<node>/containerd`. */
  componentLog(component: string): string;
  /**
   * Forgets the connections of the clients, on the client's side and in every node they enter by: half-open
   * connections of an earlier lossy run would otherwise send new ones to pods that are gone, for 120 s.
   */
  flushConntrack(signal?: AbortSignal): Promise<void>;
  /** Kills a component (default SIGKILL). It stays down until {@link Cluster.startComponent}. */
  stopComponent(component: string, signalName?: NodeJS.Signals): Promise<void>;
  /** Starts a stopped component again with its earlier arguments. */
  startComponent(component: string): Promise<void>;
  /** What of it is not in order, in words; empty where all is. */
  problems(signal?: AbortSignal): Promise<string[]>;
  /** Removes every process, namespace, mount, cgroup and file of this cluster. */
  down(): Promise<void>;
}

/** A command that ended with another exit code than 0. */
export class CommandError extends Error {
  readonly result: CommandResult;

  constructor(argv: readonly string[], result: CommandResult) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
    super(`\`${argv.join(' ')}\` ended with code ${result.code}${said === '' ? '' : `: ${said}`}`);
    this.name = 'CommandError';
    this.result = result;
  }
}

/** Something that must be there is not, and what to do about it. Shown to people without a stack. */
export class PrerequisiteError extends Error {
  constructor(missing: string, remedy: string) {
    super(`${missing}\n${remedy}`);
    this.name = 'PrerequisiteError';
  }
}
