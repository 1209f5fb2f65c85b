import type { Clock } from '../runtime/clock.ts';
import { microTime } from '../runtime/microTime.ts';
import type { EventInput } from './events.ts';
import { newEvent, type Reporter, seriesKey } from './eventsFormat.ts';
import type { KubeEvent } from './resources.ts';

/** Equal events further apart than this are two events (client-go `tools/events` finishTime). */
const SERIES_END_MS = 360_000;
/** A count is written at most this often; the second occurrence at once. */
const COUNT_PERIOD_MS = 30_000;
/** Different events remembered; the one unheard of for longest is forgotten first. */
const REMEMBERED = 2_000;

/** One event and how often it happened. */
export interface Occurrence {
  readonly key: string;
  readonly input: EventInput;
  /** As it was or will be created. */
  event: KubeEvent;
  created: boolean;
  count: number;
  /** The count that the API server knows. */
  sentCount: number;
  lastWallMs: number;
  lastMonotonicMs: number;
  /** When the next count may be written, monotonic. */
  countDueMs: number;
}

/** Recognises events that were told before. */
export class SeriesBook {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #occurrences = new Map<string, Occurrence>();

  constructor(clock: Clock, reporter: Reporter) {
    this.#clock = clock;
    this.#reporter = reporter;
  }

  /** Counts `input` on the event that it repeats, if there is one. */
  repeat(input: EventInput): Occurrence | undefined {
    const key = seriesKey(input);
    const known = this.#occurrences.get(key);
    if (!known) return undefined;
    this.#occurrences.delete(key);
    const monotonicMs = this.#clock.monotonicMs();
    if (monotonicMs - known.lastMonotonicMs > SERIES_END_MS) return undefined;
    known.count += 1;
    known.lastMonotonicMs = monotonicMs;
    known.lastWallMs = this.#clock.nowMs();
    this.#occurrences.set(key, known);
    return known;
  }

  /** Begins a new event. */
  begin(input: EventInput): Occurrence {
    const [wallMs, monotonicMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()];
    const occurrence: Occurrence = {
      key: seriesKey(input),
      input,
      event: newEvent(input, this.#reporter, wallMs),
      created: false,
      count: 1,
      sentCount: 0,
      lastWallMs: wallMs,
      lastMonotonicMs: monotonicMs,
      countDueMs: monotonicMs,
    };
    const [oldest] = this.#occurrences.keys();
    if (this.#occurrences.size >= REMEMBERED && oldest !== undefined) this.#occurrences.delete(oldest);
    this.#occurrences.set(occurrence.key, occurrence);
    return occurrence;
  }

  /** The API server has forgotten the event (after an hour, by default): it begins again under another name. */
  beginAgain(occurrence: Occurrence): void {
    occurrence.event = newEvent(occurrence.input, this.#reporter, occurrence.lastWallMs);
    occurrence.created = false;
    occurrence.count = 1;
    occurrence.sentCount = 0;
  }

  /** It could not be sent; the next equal one is a new event. */
  forget(occurrence: Occurrence): void {
    if (this.#occurrences.get(occurrence.key) === occurrence) this.#occurrences.delete(occurrence.key);
  }

  /** The API server knows `count` repeats now. */
  sent(occurrence: Occurrence, count: number): void {
    occurrence.created = true;
    occurrence.sentCount = count;
    if (count > 1) occurrence.countDueMs = this.#clock.monotonicMs() + COUNT_PERIOD_MS;
  }
}

/** The `series` of an event that happened more than once; the API server takes counts from 2. */
export function seriesOf({ count, lastWallMs }: Occurrence): NonNullable<KubeEvent['series']> | undefined {
  return count < 2 ? undefined : { count, lastObservedTime: microTime(lastWallMs) };
}
