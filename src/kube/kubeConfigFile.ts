import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';

export interface KubeConfigCluster {
  /** Without trailing slash. */
  readonly server: string;
  /** PEM. */
  readonly ca?: string;
  readonly caFile?: string;
  readonly serverName?: string;
  readonly insecure?: boolean;
  readonly proxyUrl?: string;
}

export interface KubeConfigUser {
  readonly token?: string;
  readonly tokenFile?: string;
  /** PEM. */
  readonly cert?: string;
  readonly certFile?: string;
  readonly key?: string;
  readonly keyFile?: string;
  /** Value of a Basic authorization. */
  readonly basic?: string;
  readonly impersonate?: { readonly user: string; readonly groups?: readonly string[] };
  /** Credentials come from an exec plugin or an auth provider. */
  readonly plugin?: boolean;
}

export interface KubeConfig {
  readonly clusters: ReadonlyMap<string, KubeConfigCluster>;
  readonly users: ReadonlyMap<string, KubeConfigUser>;
  readonly contexts: ReadonlyMap<
    string,
    { readonly cluster: string; readonly user: string; readonly namespace?: string }
  >;
  readonly currentContext: string | undefined;
}

export interface KubeConfigContext {
  readonly name: string;
  readonly cluster: KubeConfigCluster;
  readonly user: KubeConfigUser;
  readonly namespace: string | undefined;
}

/**
 * Reads one kubeconfig file. Relative paths in it are relative to `directory`; `origin` names it in errors.
 * Source: k8s.io/client-go/tools/clientcmd/api/v1/types.go
 */
export function parseKubeConfig(text: string, directory: string, origin: string): KubeConfig {
  const fields = new Fields(parse(text), origin, directory);
  return {
    clusters: fields.named('clusters', 'cluster', readCluster),
    users: fields.named('users', 'user', readUser),
    contexts: fields.named('contexts', 'context', (context) => ({
      cluster: context.text('cluster') ?? context.missing('cluster'),
      user: context.text('user') ?? '',
      ...optional('namespace', context.text('namespace')),
    })),
    currentContext: fields.text('current-context') || undefined,
  };
}

/** Several files as one: the first to name something wins, as with `KUBECONFIG=a:b`. */
export function mergeKubeConfigs(files: readonly KubeConfig[]): KubeConfig {
  const firstWins = <V>(pick: (file: KubeConfig) => ReadonlyMap<string, V>): ReadonlyMap<string, V> =>
    new Map(files.toReversed().flatMap((file) => [...pick(file)]));
  return {
    clusters: firstWins((file) => file.clusters),
    users: firstWins((file) => file.users),
    contexts: firstWins((file) => file.contexts),
    currentContext: files.find((file) => file.currentContext !== undefined)?.currentContext,
  };
}

/** The named context, or the current one. Throws an error that lists what there is. */
export function selectContext(config: KubeConfig, wanted: string | undefined, origin: string): KubeConfigContext {
  const name = wanted ?? config.currentContext;
  const known = [...config.contexts.keys()].join(', ') || 'none';
  if (name === undefined) throw new Error(`${origin}: no current-context; set one of: ${known}`);
  const context = config.contexts.get(name);
  if (context === undefined) throw new Error(`${origin}: no context "${name}"; there are: ${known}`);
  const cluster = config.clusters.get(context.cluster);
  if (cluster === undefined)
    throw new Error(`${origin}: context "${name}" names the unknown cluster "${context.cluster}"`);
  const user = context.user === '' ? {} : config.users.get(context.user);
  if (user === undefined) throw new Error(`${origin}: context "${name}" names the unknown user "${context.user}"`);
  return { name, cluster, user, namespace: context.namespace };
}

function readCluster(cluster: Fields): KubeConfigCluster {
  const server = cluster.text('server') ?? cluster.missing('server');
  if (!URL.canParse(server)) throw new Error(`${cluster.origin}: server "${server}" is not a URL`);
  const proxyUrl = cluster.text('proxy-url');
  if (proxyUrl !== undefined && !/^https?:/.test(proxyUrl)) {
    throw new Error(`${cluster.origin}: proxy-url "${proxyUrl}": only http and https proxies are supported`);
  }
  return {
    server: server.replace(/\/+$/, ''),
    ...optional('ca', cluster.base64('certificate-authority-data')),
    ...optional('caFile', cluster.path('certificate-authority')),
    ...optional('serverName', cluster.text('tls-server-name')),
    ...optional('insecure', cluster.flag('insecure-skip-tls-verify')),
    ...optional('proxyUrl', proxyUrl),
  };
}

function readUser(user: Fields): KubeConfigUser {
  const username = user.text('username');
  const as = user.text('as');
  const groups = user.texts('as-groups');
  return {
    ...optional('token', user.text('token')),
    ...optional('tokenFile', user.path('tokenFile')),
    ...optional('cert', user.base64('client-certificate-data')),
    ...optional('certFile', user.path('client-certificate')),
    ...optional('key', user.base64('client-key-data')),
    ...optional('keyFile', user.path('client-key')),
    ...optional(
      'basic',
      username === undefined ? undefined : Buffer.from(`${username}:${user.text('password') ?? ''}`).toString('base64'),
    ),
    ...optional('impersonate', as === undefined ? undefined : { user: as, ...optional('groups', groups) }),
    ...(user.has('exec') || user.has('auth-provider') ? { plugin: true } : {}),
  };
}

/** One mapping of a YAML document, read with errors that name the place. */
class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly origin: string;
  readonly #directory: string;

  constructor(value: unknown, origin: string, directory: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error(`${origin}: not a mapping`);
    this.#values = new Map(Object.entries(value));
    this.origin = origin;
    this.#directory = directory;
  }

  has(key: string): boolean {
    return this.#values.get(key) !== undefined && this.#values.get(key) !== null;
  }

  text(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw new Error(`${this.origin}: ${key} is not a string`);
    return value;
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      throw new Error(`${this.origin}: ${key} is not a list of strings`);
    }
    return value;
  }

  flag(key: string): boolean | undefined {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw new Error(`${this.origin}: ${key} is not true or false`);
    return value;
  }

  path(key: string): string | undefined {
    const path = this.text(key);
    return path === undefined || isAbsolute(path) ? path : join(this.#directory, path);
  }

  base64(key: string): string | undefined {
    const value = this.text(key);
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  }

  missing(key: string): never {
    throw new Error(`${this.origin}: ${key} is missing`);
  }

  /** A kubeconfig's `[{name, <kind>: {...}}]` as a map. */
  named<V>(list: string, kind: string, read: (entry: Fields) => V): ReadonlyMap<string, V> {
    const entries = this.#values.get(list) ?? [];
    if (!Array.isArray(entries)) throw new Error(`${this.origin}: ${list} is not a list`);
    return new Map(
      entries.map((entry: unknown, index) => {
        const place = `${this.origin}: ${list}[${index}]`;
        const outer = new Fields(entry, place, this.#directory);
        const name = outer.text('name') ?? outer.missing('name');
        const inner = new Fields(outer.#values.get(kind) ?? {}, `${place} (${name})`, this.#directory);
        return [name, read(inner)];
      }),
    );
  }
}

/** `{key: value}`, or nothing where there is no value: an absent member and an undefined one differ to TypeScript. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  const result: { [P in K]?: V } = {};
  if (value !== undefined) result[key] = value;
  return result;
}
