import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { RotatingCredentials } from './credentials.ts';
import { type KubeConfigContext, mergeKubeConfigs, parseKubeConfig, selectContext } from './kubeConfigFile.ts';
import { PluginCredentials } from './pluginCredentials.ts';

/** Where the API server is, and who we are there. Implementations re-read what rotates. */
export interface Connection {
  /** `https://host:port[/prefix]`, no trailing slash. */
  readonly server: string;
  /** The namespace of the context or of the pod's service account; undefined where neither names one. */
  readonly namespace: string | undefined;
  /** Of an HTTP proxy between us and the server. */
  readonly proxyUrl?: string;
  /**
   * The credentials to use now. Cheap when nothing is due for a re-read. `refresh` re-reads everything, for a call
   * that was just refused (401, or a certificate that does not verify).
   */
  credentials(options: { readonly refresh: boolean; readonly signal: AbortSignal }): Promise<Credentials>;
}

export interface Credentials {
  /** Sent with each request (`authorization`, impersonation). */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly tls: TlsMaterial;
}

/** PEM texts; a change of any of them makes new connections. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  /** `insecure-skip-tls-verify` of the kubeconfig. */
  readonly insecure?: boolean;
}

/** What {@link loadKubeConfig} reads; absent members follow kubectl's rules. */
export interface KubeConfigSource {
  /** A kubeconfig file. Default: `KUBECONFIG`, else in-cluster where a service account is mounted, else `~/.kube/config`. */
  readonly path?: string;
  /** Default: the file's current-context. */
  readonly context?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the API server as kubectl does, or through the pod's service account. Throws an error that names the file and
 * what is missing in it when nothing usable is found.
 */
export async function loadKubeConfig(source: KubeConfigSource, signal: AbortSignal): Promise<Connection> {
  const paths = kubeConfigPaths(source);
  if (paths.length > 0) return await fromFiles(paths, source.context, signal);
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(`${SERVICE_ACCOUNT}/token`)) {
    return await inCluster(SERVICE_ACCOUNT, process.env, signal);
  }
  const home = join(homedir(), '.kube', 'config');
  if (existsSync(home)) return await fromFiles([home], source.context, signal);
  throw new Error(
    `no Kubernetes API server is known: set KUBECONFIG to a kubeconfig file (there is no ${home}), or run in a pod with a service account`,
  );
}

/**
 * The API server as a pod sees it. `directory` holds token, ca.crt and namespace; all are re-read, they rotate.
 * Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export async function inCluster(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Connection> {
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined) throw new Error('KUBERNETES_SERVICE_HOST is not set: this is not a pod');
  const namespaceFile = join(directory, 'namespace');
  const namespace = existsSync(namespaceFile)
    ? (await readFile(namespaceFile, { encoding: 'utf8', signal })).trim()
    : undefined;
  const credentials = new RotatingCredentials({
    tokenFile: join(directory, 'token'),
    caFile: join(directory, 'ca.crt'),
  });
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace,
    credentials: (options) => credentials.read(options),
  };
}

function kubeConfigPaths(source: KubeConfigSource): readonly string[] {
  if (source.path !== undefined) return [source.path];
  return (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
}

async function fromFiles(
  paths: readonly string[],
  contextName: string | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const files = await Promise.all(
    paths.map(async (path) => parseKubeConfig(await readFile(path, { encoding: 'utf8', signal }), dirname(path), path)),
  );
  const context = selectContext(mergeKubeConfigs(files), contextName, paths.join(delimiter));
  const credentials = needsPlugin(context)
    ? new PluginCredentials(paths, context.name)
    : new RotatingCredentials({ ...context.cluster, ...context.user });
  return {
    server: context.cluster.server,
    namespace: context.namespace,
    ...(context.cluster.proxyUrl === undefined ? {} : { proxyUrl: context.cluster.proxyUrl }),
    credentials: (options) => credentials.read(options),
  };
}

function needsPlugin(context: KubeConfigContext): boolean {
  return context.user.plugin === true;
}
