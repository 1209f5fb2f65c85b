import {
  ApiError,
  type Client,
  type JsonPatchOperation,
  type Resource,
  type WebhookConfiguration,
} from '../../kube/index.ts';
import { pointer } from '../jsonPatch.ts';
import { authorityIds } from './state.ts';

/** A webhook configuration whose entries all point at this server. */
export interface WebhookConfigurationRef {
  /** `mutatingWebhookConfigurations` or `validatingWebhookConfigurations`. */
  readonly resource: Resource<WebhookConfiguration>;
  readonly name: string;
}

/** A webhook configuration as last read; `found` is undefined where there is none. */
export interface ReadConfiguration {
  readonly ref: WebhookConfigurationRef;
  readonly found: WebhookConfiguration | undefined;
}

/** PEM bundles of all entries, empty ones left out. */
export function publishedBundles(configurations: readonly ReadConfiguration[]): string[] {
  return configurations.flatMap(({ found }) => bundles(found)).filter((pem) => pem !== '');
}

/** Authorities that every entry of every existing configuration carries; a client that verifies any of them knows these. */
export function commonAuthorities(configurations: readonly ReadConfiguration[]): Set<string> {
  const sets = configurations.flatMap(({ found }) => bundles(found)).map((pem) => new Set(authorityIds(pem)));
  const [first, ...others] = sets;
  return new Set([...(first ?? [])].filter((id) => others.every((ids) => ids.has(id))));
}

/**
 * The patch that puts `bundle` into each entry that has another one; empty when all have it. It touches nothing else, and the
 * tests keep it from an entry that moved and from a configuration that somebody wrote since.
 */
function bundlePatch(configuration: WebhookConfiguration, bundle: string): JsonPatchOperation[] {
  const caBundle = Buffer.from(bundle).toString('base64');
  const operations = (configuration.webhooks ?? []).flatMap((webhook, index): JsonPatchOperation[] =>
    webhook.clientConfig.caBundle === caBundle
      ? []
      : [
          { op: 'test', path: pointer('webhooks', index, 'name'), value: webhook.name },
          { op: 'add', path: pointer('webhooks', index, 'clientConfig', 'caBundle'), value: caBundle },
        ],
  );
  if (operations.length === 0) return [];
  return [
    { op: 'test', path: pointer('metadata', 'resourceVersion'), value: configuration.metadata.resourceVersion },
    ...operations,
  ];
}

/** Publishes `bundle` where it is not; returns whether something was written. False also after a lost race: the next round sees it. */
export async function publishBundle(
  client: Pick<Client, 'patch'>,
  { ref, found }: ReadConfiguration,
  bundle: string,
  signal: AbortSignal,
): Promise<boolean> {
  const body = found === undefined ? [] : bundlePatch(found, bundle);
  if (body.length === 0) return false;
  try {
    await client.patch(ref.resource, { name: ref.name }, { type: 'json', body }, { signal });
    return true;
  } catch (error) {
    // A test that does not hold is 422, a write in between 409.
    if (error instanceof ApiError && (error.conflict || error.code === 422)) return false;
    throw error;
  }
}

function bundles(configuration: WebhookConfiguration | undefined): string[] {
  return (configuration?.webhooks ?? []).map(({ clientConfig }) =>
    Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8'),
  );
}
