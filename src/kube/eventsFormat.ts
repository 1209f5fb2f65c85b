import { randomBytes } from 'node:crypto';
import { microTime } from '../runtime/microTime.ts';
import type { EventInput } from './events.ts';
import type { KubeEvent, ObjectRef } from './resources.ts';

/** Limits in bytes of events.k8s.io/v1 (kubernetes `pkg/apis/core/validation/events.go`). */
const NOTE_BYTES = 1024;
const NAME_BYTES = 128;
const OBJECT_NAME_BYTES = 253;
const CUT_MARK = '...';

/** Who reports. */
export interface Reporter {
  readonly reportingController: string;
  readonly reportingInstance: string;
}

/** A new event as the API server takes it: too long texts are cut, objects of the cluster report to `default`. */
export function newEvent(input: EventInput, reporter: Reporter, wallMs: number): KubeEvent {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { ...newEventRef(input) },
    eventTime: microTime(wallMs),
    reportingController: reporter.reportingController,
    reportingInstance: cutBytes(reporter.reportingInstance, NAME_BYTES),
    type: input.type,
    reason: cutBytes(input.reason, NAME_BYTES),
    action: cutBytes(input.action, NAME_BYTES),
    note: cutBytes(input.note, NOTE_BYTES),
    regarding: input.regarding,
    ...(input.related && { related: input.related }),
  };
}

/** Names of events are the object's name and something unique, as `kubectl` users know them. */
function newEventRef(input: EventInput): Required<ObjectRef> {
  const suffix = `.${randomBytes(8).toString('hex')}`;
  const stem = (input.regarding.name ?? 'unnamed')
    .slice(0, OBJECT_NAME_BYTES - suffix.length)
    .replace(/[^a-z0-9]+$/, '');
  return { namespace: input.regarding.namespace || 'default', name: `${stem}${suffix}` };
}

/** What makes two events equal; repeats of equal events are counted. A note is immutable, so it is part of it. */
export function seriesKey({ regarding, related, type, reason, action, note }: EventInput): string {
  const identity = [regarding, related].map((ref) => [ref?.kind, ref?.namespace, ref?.name, ref?.uid]);
  return JSON.stringify([identity, type, reason, action, note]);
}

/** At most `limit` bytes of UTF-8, never half a character, with a mark where something is missing. */
export function cutBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limit) return text;
  let end = limit - CUT_MARK.length;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end) + CUT_MARK;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;
}
