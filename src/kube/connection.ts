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
  readonly headers: Readonly<Record<string, string>>;
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

/**
 * Finds the API server as kubectl does. Throws with the file and what is missing in it when nothing usable is found.
 */
export async function loadKubeConfig(_source: KubeConfigSource, _signal: AbortSignal): Promise<Connection> {
  throw new Error('loadKubeConfig: being written');
}
