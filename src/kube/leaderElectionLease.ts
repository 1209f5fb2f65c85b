import { microTime } from '../runtime/microTime.ts';
import type { Client } from './client.ts';
import { isNotFound } from './errors.ts';
import { type Lease, leases } from './resources.ts';

/** The three calls that leader election makes; `update` must fail when somebody wrote since `lease` was read. */
export interface LeaseApi {
  get(signal: AbortSignal): Promise<Lease | undefined>;
  create(lease: Lease, signal: AbortSignal): Promise<Lease>;
  update(lease: Lease, signal: AbortSignal): Promise<Lease>;
}

/** Reads and writes one Lease object. No retries inside a call: leader election decides itself when to try again. */
export function leaseApi(client: Client, namespace: string, name: string): LeaseApi {
  return {
    async get(signal) {
      try {
        return await client.get(leases, { namespace, name }, { signal, retry: false });
      } catch (err) {
        if (isNotFound(err)) return undefined;
        throw err;
      }
    },
    create: (lease, signal) =>
      client.create(
        leases,
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          ...lease,
          metadata: { ...lease.metadata, namespace, name },
        },
        { signal, retry: false },
      ),
    update: (lease, signal) => client.update(leases, lease, { signal, retry: false }),
  };
}

/** What a holder writes into the lease. */
export interface LeaseClaim {
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly wallMs: number;
}

/** `current` (or a new lease) held by `claim.identity` from now on. Fields that this project does not know stay. */
export function claimed(current: Lease | undefined, claim: LeaseClaim): Lease {
  const before = current?.spec;
  const sameHolder = before?.holderIdentity === claim.identity;
  const now = microTime(claim.wallMs);
  return {
    ...current,
    metadata: current?.metadata ?? {},
    spec: {
      ...before,
      holderIdentity: claim.identity,
      leaseDurationSeconds: Math.ceil(claim.leaseDurationMs / 1_000),
      acquireTime: sameHolder ? (before?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (before === undefined || sameHolder ? 0 : 1),
    },
  };
}

/** `current` without a holder, so that the next candidate need not wait for it to expire. */
export function released(current: Lease, wallMs: number): Lease {
  const now = microTime(wallMs);
  return {
    ...current,
    spec: { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now },
  };
}

/**
 * Watches somebody else's lease by our own clock. The times in a lease are another machine's: a lease has expired when
 * its record has not changed for its duration as we saw it (client-go `LeaderElector.observedTime`).
 */
export class LeaseObservation {
  #record = '';
  #changedAtMs = 0;

  /** @param monotonicMs when the answer arrived; later is safer, it only makes us wait longer. */
  observe(lease: Lease, monotonicMs: number): void {
    const record = JSON.stringify(lease.spec ?? {});
    if (record === this.#record) return;
    this.#record = record;
    this.#changedAtMs = monotonicMs;
  }

  /** Whether nobody holds `lease`, or its holder has not renewed it for as long as we have watched it. */
  isFree(lease: Lease, monotonicMs: number, defaultDurationMs: number): boolean {
    if (!lease.spec?.holderIdentity) return true;
    const seconds = lease.spec.leaseDurationSeconds;
    const durationMs = seconds === undefined ? defaultDurationMs : seconds * 1_000;
    return monotonicMs - this.#changedAtMs >= durationMs;
  }
}
