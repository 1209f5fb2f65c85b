import type { KubeObject } from '../../api/kubernetes.ts';
import {
  ApiError,
  type Client,
  type JsonPatchOperation,
  mutatingWebhookConfigurations,
  type Secret,
  type WebhookConfiguration,
} from '../../kube/index.ts';

/** The Secret and the webhook configuration of an API server in memory, with its rules for concurrent writes. */
export interface FakeCluster {
  readonly client: Pick<Client, 'find' | 'update' | 'patch'>;
  secret: Secret | undefined;
  configuration: WebhookConfiguration | undefined;
  /** Writes so far, by plural. */
  readonly writes: Record<string, number>;
  /** What the next calls answer instead; taken one by one. */
  readonly failures: Error[];
  /** The CA bundle that the API server trusts now, PEM. */
  bundle(): string;
}

export const NAMESPACE = 'graceful-rollout';
export const CONFIGURATION = { resource: mutatingWebhookConfigurations, name: 'graceful-rollout' };

/** An empty Secret and a configuration of two entries, as the chart makes them. */
export function createFakeCluster(): FakeCluster {
  let version = 1;
  const site = { method: 'PUT', path: '/fake' };
  const stamped = <T extends KubeObject>(object: T): T => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(++version) },
  });
  const entry = (name: string) => ({
    name,
    clientConfig: { service: { namespace: NAMESPACE, name: 'webhook', path: `/${name}` } },
    failurePolicy: 'Ignore' as const,
  });
  const call = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    // Another turn of the event loop, so that calls of several replicas interleave.
    await new Promise(setImmediate);
    const failure = cluster.failures.shift();
    if (failure) throw failure;
  };
  const cluster: FakeCluster = {
    secret: stamped({ metadata: { name: 'webhook-tls', namespace: NAMESPACE, labels: { app: 'x' } }, type: 'Opaque' }),
    configuration: stamped({
      metadata: { name: CONFIGURATION.name },
      webhooks: [entry('deployments.graceful-rollout.io'), entry('pods.graceful-rollout.io')],
    }),
    writes: { secrets: 0, mutatingwebhookconfigurations: 0 },
    failures: [],
    bundle: () => Buffer.from(cluster.configuration?.webhooks?.[0]?.clientConfig.caBundle ?? '', 'base64').toString(),
    client: {
      async find<T extends KubeObject>(resource: { plural: string }, _: unknown, { signal }: { signal: AbortSignal }) {
        await call(signal);
        return structuredClone(resource.plural === 'secrets' ? cluster.secret : cluster.configuration) as T | undefined;
      },
      async update<T extends KubeObject>(_: unknown, object: T, { signal }: { signal: AbortSignal }) {
        await call(signal);
        if (object.metadata.resourceVersion !== cluster.secret?.metadata.resourceVersion) {
          throw new ApiError(site, 409, { reason: 'Conflict', message: 'the object has been modified' });
        }
        cluster.writes['secrets'] = (cluster.writes['secrets'] ?? 0) + 1;
        const stored = stamped(object);
        cluster.secret = stored;
        return structuredClone(stored);
      },
      async patch<T extends KubeObject>(
        _: unknown,
        __: unknown,
        patch: { body: unknown },
        { signal }: { signal: AbortSignal },
      ) {
        await call(signal);
        const next = applyPatch(cluster.configuration, patch.body as JsonPatchOperation[]);
        if (!next) throw new ApiError(site, 422, { reason: 'Invalid', message: 'the server rejected our request' });
        cluster.writes['mutatingwebhookconfigurations'] = (cluster.writes['mutatingwebhookconfigurations'] ?? 0) + 1;
        cluster.configuration = stamped(next);
        return structuredClone(cluster.configuration) as KubeObject as T;
      },
    },
  };
  return cluster;
}

/** `test` and `add` on members that exist in their parents; undefined when a test does not hold. */
function applyPatch(
  document: WebhookConfiguration | undefined,
  operations: readonly JsonPatchOperation[],
): WebhookConfiguration | undefined {
  if (!document) return undefined;
  const result = structuredClone(document);
  for (const operation of operations) {
    const keys = operation.path.split('/').slice(1);
    const last = keys.pop() ?? '';
    const parent = keys.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], result) as Record<
      string,
      unknown
    >;
    if (operation.op === 'test' && parent[last] !== operation.value) return undefined;
    if (operation.op === 'add') parent[last] = operation.value;
  }
  return result;
}
