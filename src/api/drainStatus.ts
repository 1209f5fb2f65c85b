import { z } from 'zod';
import { STATUS_LIST_LIMIT } from './names.ts';

/*
 * `status.endpointCheck`: what the gate is doing and what it saw. Written by the gate alone, under its own field manager.
 */

/** What asked for the end of a pod. */
export const DRAIN_PATHS = {
  ScaleDown: 'its ReplicaSet was scaled down: a rollout, an autoscaler, kubectl scale',
  Eviction: 'pods/eviction: kubectl drain, the cluster autoscaler, a descheduler',
  Delete: 'a person or a program deleted it',
  Ungated: 'it ended without the gate: an exempt path, mode Observe, or the operator was away',
} as const;

/** How a drain ended. */
export const DRAIN_OUTCOMES = {
  Verified: 'every check was passed',
  DeadlinePassed:
    'endpointCheck.timeoutSeconds, or the 25 s that a request to delete a pod waits, was over before every check was passed',
  ReplacementTimeout: 'the eviction waited longer than eviction.replacementTimeoutSeconds',
  LastEndpoint: 'it was the last ready endpoint of a Service and stayed so',
  LastOnNode:
    'it was the last ready endpoint on its node of a Service with traffic policy Local: it was deleted without being isolated, its preStop sleep is what protected',
  Refused:
    'the API server, or a policy in front of it, refused the hand-over or the isolation: it was deleted as in plain Kubernetes',
  Ungated: 'nothing was checked',
} as const;

/** The stages of a drain, in their order; each is named for what was reached last. */
export const DRAIN_STAGES = {
  Asked: 'somebody asked for the end of the pod',
  HandedOver: 'its ReplicaSet has let go of it; it serves on',
  Replaced: 'its replacement is Ready and every proxy knows it',
  Isolated: 'it was taken out of its Services',
  SlicesClean: 'no EndpointSlice lists it any more',
  ProxiesClean: 'every proxy that answers has confirmed',
  Drained: 'quiet time is over and the application, where it is asked, is done',
  Deleted: 'it was deleted',
  Gone: 'it is gone',
} as const;

type Key<T> = keyof T & string;
const keysOf = <T extends object>(words: T) => Object.keys(words) as [Key<T>, ...Key<T>[]];
const meanings = (words: object): string =>
  Object.entries(words)
    .map(([word, meaning]: [string, string]) => `${word}: ${meaning}`)
    .join('; ');

const time = (description: string) => z.string().optional().meta({ description, format: 'date-time' });
const count = (description: string) => z.int().meta({ description, format: 'int32' });
const seconds = (description: string) => z.number().meta({ description });

const pod = z.string().meta({ description: 'The name of the pod.' });
const path = z.enum(keysOf(DRAIN_PATHS)).meta({ description: `What asked for its end. ${meanings(DRAIN_PATHS)}.` });

const margin = z
  .object({
    pods: count('How many of the recent pods the figures are of.'),
    minSeconds: seconds('The smallest margin.'),
    p50Seconds: seconds('The median.'),
    p99Seconds: seconds('The margin that 99 of 100 pods had at least.'),
  })
  .meta({
    description:
      'Seconds from the moment that the last proxy had let go of a pod to its SIGTERM, over the recent pods; negative: new connections could still reach a pod that had got SIGTERM. SIGTERM is not seen through the API: it is estimated as the deletion plus the preStop sleep.',
  });

const draining = z
  .object({
    pod,
    path,
    stage: z.enum(keysOf(DRAIN_STAGES)).meta({ description: `How far it is. ${meanings(DRAIN_STAGES)}.` }),
    reason: z.string().optional().meta({ description: 'What it waits for.' }),
    since: z.string().meta({ description: 'When its end was asked for.', format: 'date-time' }),
  })
  .meta({ description: 'A pod that is being drained.' });

const evidence = z
  .object({
    pod,
    node: z.string().optional().meta({ description: 'The node that it ran on.' }),
    path,
    by: z.string().optional().meta({ description: 'The user name that asked first.' }),
    outcome: z.enum(keysOf(DRAIN_OUTCOMES)).meta({ description: `How it ended. ${meanings(DRAIN_OUTCOMES)}.` }),
    askedAt: time('When its end was asked for.'),
    handedOverAt: time('When its ReplicaSet let go of it.'),
    replacedAt: time('When every proxy knew its replacement.'),
    isolatedAt: time('When it was taken out of its Services.'),
    slicesCleanAt: time('When no EndpointSlice listed it any more.'),
    proxiesCleanAt: time('When the last proxy that answered had confirmed.'),
    drainedAt: time('When quiet time was over and the application, where it is asked, was done.'),
    deletedAt: time('When it was deleted.'),
    sigtermAt: time('When it got SIGTERM, estimated: its deletion plus its preStop sleep.'),
    goneAt: time('When it was gone.'),
    proxiesEvidence: z.enum(['Barrier', 'PartialBarrier', 'QuietTime']).optional().meta({
      description:
        'How it is known that the proxies had let go of it. Barrier: the proxy of every node confirmed; PartialBarrier: some did not answer in time, quiet time covers those; QuietTime: only by waiting.',
    }),
    proxiesConfirmed: count('How many nodes confirmed.').optional(),
    proxiesSilent: z
      .array(z.string().meta({ description: 'The name of a node.' }))
      .optional()
      .meta({ description: `Nodes that did not confirm in time, at most ${STATUS_LIST_LIMIT}.` }),
    marginSeconds: seconds('Seconds from the confirmation of the last proxy to SIGTERM.').optional(),
    violation: z.string().optional().meta({ description: 'What was not kept, if anything.' }),
  })
  .meta({ description: 'The record of the end of one pod.' });

/** `status.endpointCheck`. */
export const endpointCheckStatusSchema = z
  .object({
    margin: margin.optional(),
    recommendedPreStopSeconds: count(
      'The preStop sleep that would have covered every recent pod without the gate; a floor for when the operator is away.',
    ).optional(),
    draining: z
      .array(draining)
      .optional()
      .meta({ description: `Pods that are being drained now, at most ${STATUS_LIST_LIMIT}.` }),
    recent: z
      .array(evidence)
      .optional()
      .meta({ description: `The pods that ended last, the newest first, at most ${STATUS_LIST_LIMIT}.` }),
  })
  .meta({ description: 'What the endpoint check is doing and what it saw.' });
