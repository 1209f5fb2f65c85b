import type { Clock } from '../runtime/clock.ts';
import { TokenBucket } from '../runtime/rateLimit.ts';
import type { ObjectReference } from './resources.ts';

/** New events of one object: 25 at once, then one in five minutes (client-go `EventSourceObjectSpamFilter`). */
const BURST = 25;
const PER_SECOND = 1 / 300;
/** Objects remembered before those with a full bucket are forgotten. */
const REMEMBERED = 1_000;

/** Keeps one object that changes its mind all the time from filling etcd with events. */
export class SpamFilter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more new event about `regarding` may be sent. */
  allows(regarding: ObjectReference): boolean {
    const key = regarding.uid ?? `${regarding.kind}/${regarding.namespace}/${regarding.name}`;
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      if (this.#buckets.size >= REMEMBERED) this.#forgetQuietOnes();
      bucket = new TokenBucket(this.#clock, PER_SECOND, BURST);
      this.#buckets.set(key, bucket);
    }
    return bucket.tryTake();
  }

  #forgetQuietOnes(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(key);
  }
}
