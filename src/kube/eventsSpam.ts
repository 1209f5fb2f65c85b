import type { Clock } from '../runtime/clock.ts';
import { TokenBucket } from '../runtime/rateLimit.ts';
import type { ObjectReference } from './resources.ts';

/**
 * New events of one type about one object, and one related object where there is one: 25 at once, then one in five minutes (as
 * client-go's `EventSourceObjectSpamFilter`, which knows no related ones). So what is said of the pods of a large rollout
 * does not silence a warning about the same rollout.
 */
const BURST = 25;
const PER_SECOND = 1 / 300;
/** Objects remembered before those with a full bucket are forgotten. */
const REMEMBERED = 1_000;

/** What an event is about. */
interface EventSubject {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: string;
}

/** Keeps one object that changes its mind all the time from filling etcd with events. */
export class SpamFilter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more new event like this one may be sent. */
  allows({ regarding, related, type }: EventSubject): boolean {
    const key = [type, keyOf(regarding), related === undefined ? '' : keyOf(related)].join(' ');
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

function keyOf({ uid, kind, namespace, name }: ObjectReference): string {
  return uid ?? `${kind}/${namespace}/${name}`;
}
