import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import { customResourceDefinition } from '../../src/api/crd.ts';
import { API_VERSION, PLURAL } from '../../src/api/names.ts';
import { rolloutWith } from '../../src/api/testing/arbitraryRollout.ts';

/** An answer of the API server: the HTTP code and the parsed body. */
export interface Answer {
  readonly code: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * A bare HTTP client for comparing the schema with the API server: nothing between the generated JSON and the server
 * that could mend or retry. Connections are kept alive, at most 16.
 */
export interface ApiServer {
  send(method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, body?: unknown, contentType?: string): Promise<Answer>;
  close(): Promise<void>;
}

interface KubeConfigFile {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

/** Connects as the administrator of the kubeconfig that the test cluster writes (one cluster, one user, a token). */
export async function connect(kubeconfig: string): Promise<ApiServer> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as KubeConfigFile;
  const [cluster] = clusters;
  const [user] = users;
  if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig} names no cluster or no user`);
  const ca = Buffer.from(cluster.cluster['certificate-authority-data'], 'base64').toString();
  const dispatcher = new Agent({ connections: 16, connect: { ca } });
  return {
    async send(method, path, body, contentType = 'application/json') {
      const answer = await request(`${cluster.cluster.server}${path}`, {
        method,
        dispatcher,
        headers: { authorization: `Bearer ${user.user.token}`, 'content-type': contentType },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await answer.body.text();
      // a path that is not served (yet) is answered in plain text
      const isJson = String(answer.headers['content-type']).includes('json');
      return { code: answer.statusCode, body: isJson ? (JSON.parse(text) as Answer['body']) : { message: text } };
    },
    close: () => dispatcher.close(),
  };
}

/** Where GracefulRollouts of a namespace are created. */
export function rolloutsPath(namespace: string): string {
  return `/apis/${API_VERSION}/namespaces/${namespace}/${PLURAL}`;
}

/**
 * Installs the CRD and returns when objects of it can be written. Other test files share the server and may do the same
 * at the same time, so it is a server-side apply.
 */
export async function installCrd(api: ApiServer): Promise<void> {
  const crd = customResourceDefinition() as { readonly metadata: { readonly name: string } };
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`;
  const query = '?fieldManager=api-tests&force=true&fieldValidation=Strict';
  const applied = await api.send('PATCH', path + query, crd, 'application/apply-patch+yaml');
  if (applied.code >= 300) throw new Error(`the API server refused the CRD: ${JSON.stringify(applied.body)}`);
  const probe = rolloutWith('probe', { targetRef: { name: 'probe' } });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const tried = await api.send('POST', `${rolloutsPath('default')}?dryRun=All`, probe);
    if (tried.code === 201) return;
    await sleep(100);
  }
  throw new Error(`the CRD ${crd.metadata.name} was not served within 10 s`);
}

/** Calls `work` on every item, at most `limit` at a time; the results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const next = items.entries();
  const worker = async () => {
    for (const [index, item] of next) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
