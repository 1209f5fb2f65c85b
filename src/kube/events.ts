import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../runtime/clock.ts';
import { linkAbort } from '../runtime/linkAbort.ts';
import type { Logger } from '../runtime/logger.ts';
import { TokenBucket } from '../runtime/rateLimit.ts';
import type { Client } from './client.ts';
import { ApiError, isNotFound } from './errors.ts';
import { type Occurrence, SeriesBook, seriesOf } from './eventsSeries.ts';
import { SpamFilter } from './eventsSpam.ts';
import {
  apiVersionOf,
  events,
  type KubeEvent,
  type ObjectRef,
  type ObjectReference,
  type Resource,
} from './resources.ts';

/** Something worth telling the people who look at an object. */
export interface EventInput {
  /** What it is about; see {@link referenceTo}. */
  readonly regarding: ObjectReference;
  /** A second object that took part, for instance the target. */
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** Why, in UpperCamelCase, from the registry; at most 128 bytes. */
  readonly reason: string;
  /** What the operator did or found out, in UpperCamelCase; at most 128 bytes. */
  readonly action: string;
  /** For people. Longer than 1,024 bytes is cut. Without figures that change each time: equal events are counted. */
  readonly note: string;
}

/** Where events go. */
export interface EventSink {
  create(event: KubeEvent, signal: AbortSignal): Promise<void>;
  /** Writes the number of repeats on an event that was created before. */
  setSeries(ref: ObjectRef, series: NonNullable<KubeEvent['series']>, signal: AbortSignal): Promise<void>;
}

export interface EventRecorderOptions {
  readonly sink: EventSink;
  /** Who reports, a qualified name: `graceful-rollout.io/controller`. */
  readonly reportingController: string;
  /** Which process of it, for instance the pod's name; cut at 128 bytes. */
  readonly reportingInstance: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Hears what became of each event, for a metric. */
  readonly onResult?: (result: 'sent' | 'series' | 'dropped') => void;
}

/** Events through `client`. */
export function clientEventSink(client: Client): EventSink {
  return {
    async create(event, signal) {
      await client.create(events, event, { signal });
    },
    async setSeries(ref, series, signal) {
      await client.patch(events, ref, { type: 'merge', body: { series } }, { signal });
    },
  };
}

/** A reference to `object`; objects out of a list or a cache do not say their own kind. */
export function referenceTo(resource: Resource, object: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

/** Events that wait to be sent; more are dropped, for memory is worth more than another event. */
const MAX_WAITING = 1_000;
/** All events together: below what the API server would notice. */
const WRITES_PER_SECOND = 20;
const WRITE_BURST = 100;
const ATTEMPTS = 3;
const RETRY_MS = 1_000;
const FLUSH_MS = 2_000;

/**
 * Tells people what the operator does, through Kubernetes Events. Telling never holds up and never fails what is told:
 * `record` only puts the event into a bounded queue; `run` sends. Equal events become one with a count.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #book: SeriesBook;
  readonly #spam: SpamFilter;
  readonly #writes: TokenBucket;
  readonly #toCreate: Occurrence[] = [];
  readonly #toCount = new Set<Occurrence>();
  #wake: () => void = () => undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#book = new SeriesBook(options.clock, options);
    this.#spam = new SpamFilter(options.clock);
    this.#writes = new TokenBucket(options.clock, WRITES_PER_SECOND, WRITE_BURST);
  }

  /** Never waits, never throws. */
  record(input: EventInput): void {
    const repeated = this.#book.repeat(input);
    if (repeated) {
      this.#result('series');
      if (repeated.created) this.#toCount.add(repeated);
    } else if (this.#toCreate.length >= MAX_WAITING || !this.#spam.allows(input)) {
      this.#result('dropped');
    } else {
      this.#toCreate.push(this.#book.begin(input));
    }
    this.#wake();
  }

  /** Sends what is recorded until `signal` is aborted, then what is left, for at most 2 s. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const next = this.#toCreate.shift() ?? this.#takeDue(this.#clock.monotonicMs());
      if (next) await this.#send(next, signal);
      else await this.#untilDue(signal);
    }
    const limit = new AbortController();
    const cancel = this.#clock.schedule(FLUSH_MS, () => limit.abort(new Error('the time to send events is over')));
    for (let next = this.#takeAny(); next && !limit.signal.aborted; next = this.#takeAny()) {
      await this.#send(next, limit.signal);
    }
    cancel();
  }

  #takeAny(): Occurrence | undefined {
    return this.#toCreate.shift() ?? this.#takeDue(Number.POSITIVE_INFINITY);
  }

  #takeDue(monotonicMs: number): Occurrence | undefined {
    for (const occurrence of this.#toCount) {
      if (occurrence.countDueMs > monotonicMs) continue;
      this.#toCount.delete(occurrence);
      return occurrence;
    }
    return undefined;
  }

  /** Sleeps until something is recorded or a count may be written. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    const woken = linkAbort(signal);
    this.#wake = () => woken.abort(new Error('something was recorded'));
    const dueMs = Math.min(...[...this.#toCount].map(({ countDueMs }) => countDueMs));
    const sleepMs = Math.min(dueMs - this.#clock.monotonicMs(), LONGEST_SLEEP_MS);
    await Promise.allSettled([this.#clock.sleep(sleepMs, woken.signal)]);
    woken.release();
  }

  /** Sends one event or count; tries again on faults that may pass. Puts it back when `signal` is aborted meanwhile. */
  async #send(occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(this.#writes.reserveMs(), signal);
      await this.#attempts(occurrence, signal);
    } catch (err) {
      if (signal.aborted) {
        if (occurrence.created) this.#toCount.add(occurrence);
        else this.#toCreate.unshift(occurrence);
        return;
      }
      this.#book.forget(occurrence);
      this.#result('dropped');
      const { reason, regarding } = occurrence.input;
      const fields = { err, reason, namespace: regarding.namespace, name: regarding.name };
      if (isGoing(err)) this.#options.log.debug('event dropped, its namespace is going', fields);
      else this.#options.log.warn('event could not be sent', fields);
    }
  }

  async #attempts(occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#write(occurrence, signal);
        return;
      } catch (err) {
        if (attempt === ATTEMPTS || signal.aborted || !mayPass(err)) throw err;
        await this.#clock.sleep(RETRY_MS * attempt, signal);
      }
    }
  }

  async #write(occurrence: Occurrence, signal: AbortSignal): Promise<void> {
    const { sink } = this.#options;
    const { namespace = '', name = '' } = occurrence.event.metadata;
    const { count } = occurrence;
    const series = seriesOf(occurrence);
    if (!occurrence.created) {
      try {
        await sink.create({ ...occurrence.event, ...(series && { series }) }, signal);
      } catch (err) {
        // Our own earlier attempt, whose answer was lost: nobody else makes this name.
        if (!(err instanceof ApiError && err.alreadyExists)) throw err;
      }
      this.#book.sent(occurrence, count);
      this.#result('sent');
    } else if (series && count > occurrence.sentCount) {
      try {
        await sink.setSeries({ namespace, name }, series, signal);
        this.#book.sent(occurrence, count);
      } catch (err) {
        if (!isNotFound(err)) throw err;
        this.#book.beginAgain(occurrence);
        this.#toCreate.push(occurrence);
        return;
      }
    }
    if (occurrence.count > occurrence.sentCount) this.#toCount.add(occurrence);
  }

  #result(result: 'sent' | 'series' | 'dropped'): void {
    this.#options.onResult?.(result);
  }
}

/** A day; only so that an endless wait is still a number. */
const LONGEST_SLEEP_MS = 86_400_000;

/** Refused for what it is: it would be refused again. 429 and 5xx may pass, and so may a broken connection. */
function mayPass(err: unknown): boolean {
  return !(err instanceof ApiError) || err.code === 429 || err.code >= 500;
}

/** No new object may be made in a namespace that is being deleted; its events are of no use to anyone. */
function isGoing(err: unknown): boolean {
  return (
    err instanceof ApiError && (err.notFound || err.causes.some(({ reason }) => reason === 'NamespaceTerminating'))
  );
}
