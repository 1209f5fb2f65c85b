import { type Client, isConflict, type Secret, secrets } from '../../kube/index.ts';
import { applyChanges, type SecretChanges } from './carryOut.ts';
import type { SecretValues } from './state.ts';

/** The Secret's values as text; what is not base64 becomes garbage, which the reader of the state reports. */
export function valuesOf(secret: Secret): SecretValues {
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/**
 * Writes `changes` unless somebody wrote since `secret` was read; undefined then: read again and decide again. Metadata
 * and foreign keys stay as they are.
 */
export async function writeSecret(
  client: Pick<Client, 'update'>,
  secret: Secret,
  changes: SecretChanges,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  if (secret.metadata.resourceVersion === undefined) {
    throw new Error(`Secret ${secret.metadata.name} was read without a resourceVersion: it cannot be replaced safely`);
  }
  const foreign = secret.data ?? {};
  const values = applyChanges(valuesOf(secret), changes);
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      // Foreign values may be binary and go back byte for byte.
      key in changes ? Buffer.from(value).toString('base64') : (foreign[key] ?? ''),
    ]),
  );
  try {
    return await client.update(secrets, { ...secret, data }, { signal });
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}
