import { type Client, services } from '../../kube/index.ts';
import type { Clock, Logger, ManagedTask } from '../../runtime/index.ts';

/** RFC 2606: resolves nowhere. A name, not an address: service proxies program addresses. */
const NOWHERE = 'none.graceful-rollout.invalid';
const RECHECK_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export interface BarrierAddressOptions {
  /** Refuses writes where this process does not lead (any more). */
  readonly client: Pick<Client, 'find' | 'patch'>;
  readonly namespace: string;
  /** The Service of the barrier. */
  readonly service: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Gives the barrier's Service an address in its status, as a cloud would. It is of type LoadBalancer for its health check port
 * and no load balancer is ever made, but `helm install --wait` (helm 3, pkg/kube/ready.go) and Argo CD wait for one.
 */
export function barrierAddressTask(options: BarrierAddressOptions): ManagedTask {
  const { client, clock, log, namespace } = options;
  const ref = { namespace, name: options.service };

  const round = async (signal: AbortSignal): Promise<void> => {
    const found = await client.find(services, ref, { signal });
    if (found === undefined || (found.status?.loadBalancer?.ingress ?? []).length > 0) return;
    const { uid, resourceVersion } = found.metadata;
    const body = { metadata: { uid, resourceVersion }, status: { loadBalancer: { ingress: [{ hostname: NOWHERE }] } } };
    await client.patch(services, ref, { type: 'merge', body }, { signal, subresource: 'status' });
  };

  return {
    name: 'barrier-address',
    leaderOnly: true,
    async run(signal) {
      let retryMs = FIRST_RETRY_MS;
      while (!signal.aborted) {
        let waitMs = RECHECK_MS;
        try {
          await round(signal);
          retryMs = FIRST_RETRY_MS;
        } catch (error) {
          if (isAborted(signal)) return;
          log.warn('the Service of the barrier gets no address, will try again', { ...ref, err: error });
          waitMs = retryMs;
          retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
        }
        await Promise.allSettled([clock.sleep(waitMs, signal)]);
      }
    },
  };
}

/** Asked again after an await: the compiler takes the loop's condition for still true. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
