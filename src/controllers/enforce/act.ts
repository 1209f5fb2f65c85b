import type { GracefulRolloutStatus } from '../../api/index.ts';
import { ADOPT_ANNOTATION, ADOPT_REQUEST_PREFIX, API_VERSION, KIND } from '../../api/index.ts';
import type { Deployment, KubeObject } from '../../api/kubernetes.ts';
import { ApiError, type Client, deployments, gracefulRollouts } from '../../kube/index.ts';
import { type Adoption, type AdoptionOutcome, missingOf, type Snapshot } from './decide.ts';

/** What this controller asks of the API server. */
export type EnforceClient = Pick<Client, 'find' | 'patch'>;

/** Field manager of the controller's writes: one annotation of the target, and the status of GracefulRollouts. */
const controllerFieldManager = 'graceful-rollout';

/**
 * Adopts the target: one merge patch of one annotation that the webhook completes in the same write. It is tried as a
 * dry run first, so that a write which would not bring the contract in (webhook away, or overruled by another one) is
 * never made. Conflicts (someone wrote in between) are thrown: the next reconcile looks again.
 */
export async function adopt(
  client: EnforceClient,
  adoption: Adoption,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<AdoptionOutcome> {
  const { metadata } = adoption.deployment;
  const ref = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
  const body = {
    metadata: {
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      annotations: { [ADOPT_ANNOTATION]: `${ADOPT_REQUEST_PREFIX}${adoption.touchValue}` },
    },
  };
  const touch = (dryRun: boolean): Promise<Deployment> =>
    client.patch(deployments, ref, { type: 'merge', body }, { signal, dryRun, fieldManager: controllerFieldManager });
  const holds = (deployment: Deployment): boolean => missingOf(deployment, adoption.contract).length === 0;
  try {
    const trial = await touch(true);
    if (!holds(trial)) return { kind: 'NotCompleted', deployment: trial };
    const deployment = await touch(false);
    if (!holds(deployment)) return { kind: 'NotCompleted', deployment };
    return { kind: 'Written', deployment, at: new Date(nowMs()).toISOString() };
  } catch (error) {
    // An answer about this very write (invalid, forbidden, denied by a webhook or because that webhook is down): the user has
    // to know it. A conflict is looked at anew; 401, 429 and 404 are not about the write.
    if (error instanceof ApiError && ![401, 404, 409, 429].includes(error.code)) {
      return { kind: 'Refused', message: error.message };
    }
    throw error;
  }
}

/**
 * Writes the status where it differs; the version it was decided on is a precondition.
 * @returns the object as it is now, or `undefined` when nothing had to be written
 */
export async function writeStatus(
  client: EnforceClient,
  snapshot: Snapshot,
  status: GracefulRolloutStatus,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const { metadata, status: before } = snapshot.rollout;
  const { contest: _, heldBy: __, endpointCheck: ___, ...owned } = before ?? {};
  if (canonical(owned) === canonical(status)) return undefined;
  const { namespace = '', name = '', uid, resourceVersion } = metadata;
  const body = { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name, uid, resourceVersion }, status };
  return client.patch(
    gracefulRollouts,
    { namespace, name },
    { type: 'apply', body, force: true },
    { signal, subresource: 'status', fieldManager: controllerFieldManager },
  );
}

/** JSON with sorted keys, so that the order in which the API server returns members makes no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
