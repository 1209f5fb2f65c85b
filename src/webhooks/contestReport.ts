import type { Claim } from '../api/claim.ts';
import { API_VERSION, KIND } from '../api/index.ts';
import { type Client, gracefulRollouts, isNotFound } from '../kube/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import type { Contest } from './contests.ts';

/** Owns `status.contest` and nothing else; the controller owns the rest of the status and reads this. */
const fieldManager = 'graceful-rollout-webhook';
/** One report per GracefulRollout and minute says enough, however often the writer writes. */
const reportEveryMs = 60_000;

/**
 * Writes contests into the status of the GracefulRollout, beside admission and never within it: the replica that saw
 * the writer need not be the leader. A report that fails is dropped; the writer's next write brings another.
 */
export class ContestReporter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pending = new Map<string, { readonly claim: Claim; readonly contest: Contest }>();
  readonly #reportedAtMs = new Map<string, number>();
  #wake: (() => void) | undefined;

  constructor(options: { readonly client: Client; readonly clock: Clock; readonly log: Logger }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Never waits, never throws. */
  report(claim: Claim, contest: Contest): void {
    const key = claim.metadata.uid ?? '';
    const reportedAtMs = this.#reportedAtMs.get(key);
    if (reportedAtMs !== undefined && this.#clock.monotonicMs() - reportedAtMs < reportEveryMs) return;
    if (this.#reportedAtMs.size > 10_000) this.#reportedAtMs.clear();
    this.#reportedAtMs.set(key, this.#clock.monotonicMs());
    this.#pending.set(key, { claim, contest });
    this.#wake?.();
  }

  /** Sends reports until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      for (const [key, { claim, contest }] of this.#pending) {
        this.#pending.delete(key);
        await this.#send(claim, contest, signal);
      }
      if (this.#pending.size > 0) continue;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, stopped]);
    }
  }

  async #send(claim: Claim, contest: Contest, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid } = claim.metadata;
    const { field, writer, value, times } = contest;
    const lastSeenTime = new Date(contest.lastSeenMs).toISOString();
    const status = { contest: { field, writer, value, times, lastSeenTime } };
    const body = { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name, uid }, status };
    try {
      await this.#client.patch(
        gracefulRollouts,
        { namespace, name },
        { type: 'apply', body, force: true },
        { signal, subresource: 'status', fieldManager },
      );
      this.#log.info('a writer insists on a value that the contract raises', { namespace, name, field, writer });
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      this.#log.warn('could not report a contested value', { namespace, name, field, err });
    }
  }
}
