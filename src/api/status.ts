import { z } from 'zod';
import { endpointCheckStatusSchema } from './drainStatus.ts';
import { STATUS_LIST_LIMIT } from './names.ts';
import { readinessProbe } from './probe.ts';

/*
 * What the operator reports. It alone writes the status, so this schema says the shape and the meaning and leaves the
 * bounds out (the emitter drops rules below `status`): a status that could be refused would be a status not written.
 */

const time = (description: string) => z.string().meta({ description, format: 'date-time' });
const intOrString = (description: string) => z.union([z.int(), z.string()]).meta({ description });
const seconds = (description: string) => z.int().meta({ description, format: 'int32' });

/** The phases, one word for `kubectl get`; the conditions say why. */
export const PHASES = {
  Pending:
    'Nothing was decided yet, the target does not exist, or adoption: NextRollout waits for a change of its template.',
  Adopting: 'The contract is being brought into the target, or the rollout that brings it in is still running.',
  Enforced: 'The template of the target holds the contract, and so do its pods.',
  Audited: 'Mode Audit: the contract was computed and compared, nothing was changed.',
  NotApplicable: 'The contract is not made for this target (Windows pods); it was left alone.',
  Conflict: 'An older GracefulRollout names the same target; this one does nothing.',
  Failed:
    'The contract could not be brought in, or somebody insists on another value; the conditions say why and what to do.',
} as const;

export type Phase = keyof typeof PHASES;
const phaseNames = Object.keys(PHASES) as [Phase, ...Phase[]];

export const changeSchema = z
  .object({
    path: z.string().meta({
      description: 'The leaf, e.g. spec.template.spec.containers[app].lifecycle.preStop',
    }),
    from: z.string().nullable().meta({ description: 'Its value before, as JSON text; null when it was absent.' }),
    to: z.string().meta({ description: 'The value that the operator gave it, as JSON text.' }),
  })
  .meta({ description: 'One leaf of the target that the operator changed.' });

export const findingSchema = z
  .object({
    code: z.string().meta({ description: 'A stable code, see docs/reference/conditions.md.' }),
    severity: z.enum(['info', 'warning']).meta({ description: 'info: good to know. warning: requests may be lost.' }),
    field: z.string().optional().meta({ description: 'The field it is about, of the target or of this object.' }),
    message: z.string().meta({ description: 'What was found.' }),
    remedy: z.string().optional().meta({ description: 'What to do about it.' }),
  })
  .meta({ description: 'Something about the target that its owner should know.' });

const contractContainer = z
  .object({
    name: z.string().meta({ description: 'The name of the container.' }),
    init: z.boolean().optional().meta({ description: 'True for an init container (a native sidecar).' }),
    preStopSleepSeconds: seconds('The preStop sleep that it has at least.').optional(),
    readinessProbe: readinessProbe.optional().meta({
      description: 'The readiness probe that it has where its author wrote none; as spec.readiness.probe.',
    }),
  })
  .meta({ description: 'What one container holds.' });

export const resolvedContractSchema = z
  .object({
    gracePeriodSeconds: seconds('terminationGracePeriodSeconds of the template, at least.'),
    containers: z.array(contractContainer).meta({ description: 'The containers that the contract asks something of.' }),
    minReadySeconds: seconds('minReadySeconds of the Deployment, at least.').optional(),
    strategy: z
      .object({
        maxUnavailable: intOrString('maxUnavailable of the rolling update, at most.').optional(),
        maxSurge: intOrString('maxSurge of the rolling update, at least.').optional(),
      })
      .optional()
      .meta({ description: 'What the rolling update holds.' }),
  })
  .meta({
    description:
      'What the template of the target must hold at least: computed, complete, plain data; whoever applies it decides nothing.',
  });

export const conditionSchema = z
  .object({
    type: z.string().meta({ description: 'The type, see docs/reference/conditions.md. Wait for Ready.' }),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'True, False or Unknown.' }),
    reason: z.string().meta({ description: 'One word why, see docs/reference/conditions.md.' }),
    message: z.string().meta({ description: 'A sentence why, with the remedy where there is one.' }),
    lastTransitionTime: time('When the status last changed.'),
    observedGeneration: z.int().optional().meta({
      description: 'The generation of this object that the condition speaks of.',
      format: 'int64',
    }),
  })
  .meta({ description: 'One condition, as in every Kubernetes object.' });

export const statusSchema = z
  .object({
    observedGeneration: z.int().optional().meta({
      description: 'The generation of this object that the status speaks of.',
      format: 'int64',
    }),
    phase: z
      .enum(phaseNames)
      .optional()
      .meta({
        description: `One word for people; programs read the conditions. ${Object.entries(PHASES)
          .map(([name, meaning]) => `${name}: ${meaning}`)
          .join(' ')}`,
      }),
    target: z
      .object({
        name: z.string().meta({ description: 'The name of the Deployment.' }),
        uid: z.string().meta({ description: 'Its uid: a Deployment made anew under the same name is another one.' }),
        generation: z.int().meta({ description: 'Its generation when it was looked at.', format: 'int64' }),
        templateHash: z.string().meta({ description: 'The hash of its pod template when it was looked at.' }),
      })
      .optional()
      .meta({ description: 'The Deployment that the status speaks of.' }),
    contract: resolvedContractSchema.optional(),
    contractInputs: z.string().optional().meta({
      description:
        'Hash of what the contract was resolved from: the generation of this object and the Services. Another version of the operator alone changes no template.',
    }),
    contest: z
      .object({
        field: z
          .string()
          .meta({ description: 'The leaf of the target, e.g. spec.template.spec.terminationGracePeriodSeconds' }),
        writer: z.string().meta({ description: 'The user name of the writer.' }),
        value: z.string().meta({ description: 'The value that it writes, as JSON text.' }),
        times: z.int().meta({ description: 'How often within 35 minutes.', format: 'int32' }),
        lastSeenTime: time('When it was last written.'),
      })
      .optional()
      .meta({
        description: 'A writer that keeps writing a value which the contract raises; written by the webhook.',
      }),
    contractSummary: z
      .string()
      .optional()
      .meta({ description: 'The contract in a few words, e.g. preStop 5s, grace 35s' }),
    heldBy: z
      .string()
      .optional()
      .meta({ description: 'What the rollout of the target waits for, if anything holds it.' }),
    changes: z.array(changeSchema).optional().meta({
      description:
        'What the operator changed on the target and from what, leaf by leaf: a copy of the record in the annotation graceful-rollout.io/contract, and its stand-in when that is lost. Without a limit of its own, since what is left out could not be given back; the target limits it: four leaves, and two for each container.',
    }),
    findings: z
      .array(findingSchema)
      .optional()
      .meta({ description: `What was found about the target, the worst first, at most ${STATUS_LIST_LIMIT}.` }),
    endpointCheck: endpointCheckStatusSchema.optional(),
    touch: z
      .object({
        templateHash: z.string().meta({ description: 'The hash of the template that was touched.' }),
        contractHash: z.string().meta({ description: 'The hash of the contract that was to be brought in.' }),
        at: time('When it was touched.'),
      })
      .optional()
      .meta({
        description: 'The last write by which the operator adopted the target; there is one per change at most.',
      }),
    conditions: z
      .array(conditionSchema)
      .optional()
      .meta({
        description: 'Ready sums up; see docs/reference/conditions.md.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
  })
  .meta({ description: 'What the operator observed and did. Written by the operator only.' });
