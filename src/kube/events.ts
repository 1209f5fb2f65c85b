import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Client } from './client.ts';
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

/**
 * Tells people what the operator does, through Kubernetes Events. Telling never holds up and never fails what is told:
 * `record` only puts the event into a bounded queue; `run` sends. Equal events become one with a count.
 */
export class EventRecorder {
  constructor(_options: EventRecorderOptions) {}

  /** Never waits, never throws. */
  record(_event: EventInput): void {
    throw new Error('EventRecorder.record: being written');
  }

  /** Sends what is recorded until `signal` is aborted, then what is left, for at most 2 s. */
  async run(_signal: AbortSignal): Promise<void> {
    throw new Error('EventRecorder.run: being written');
  }
}
