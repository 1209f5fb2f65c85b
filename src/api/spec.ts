import { z } from 'zod';
import { endpointCheckSchema, evictionSchema } from './endpointCheck.ts';
import { GRACE_MARGIN_SECONDS } from './names.ts';
import { readinessProbe, wholeNumber } from './probe.ts';
import { withRules } from './rule.ts';

/** Defaults of the numbers in `spec.termination`, in seconds. */
export const DEFAULT_PRE_STOP_SLEEP_SECONDS = 5;
export const DEFAULT_DRAIN_SECONDS = 25;

const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:[.][a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;

const targetRef = z
  .object({
    apiVersion: z.literal('apps/v1').default('apps/v1').meta({ description: 'Always apps/v1.' }),
    kind: z.literal('Deployment').default('Deployment').meta({ description: 'Always Deployment.' }),
    name: withRules(z.string().max(253), 'The name of the Deployment, in the namespace of this object.', [
      {
        cel: `self.matches('${subdomain.source}')`,
        holds: (name) => subdomain.test(name),
        problem: 'is not the name of a Deployment',
        remedy:
          "write metadata.name of the Deployment: lower case letters, digits, '-' and '.', e.g. shop (the namespace is that of this object)",
      },
    ]),
  })
  .meta({
    description:
      'The Deployment to protect, in the same namespace. Two GracefulRollouts may not share one: the older wins, the younger says so in its status. May be changed: the Deployment left behind is treated as after a deletion of this object, what was changed on it is given back with its next template change.',
  });

const readiness = z.object({
  probe: readinessProbe.optional(),
  container: withRules(
    z.string().max(63),
    'The container that serves, where the ports of the Services do not tell. Default: the containers whose ports the Services of the target name.',
    [
      {
        cel: `self.matches('${label.source}')`,
        holds: (name) => label.test(name),
        problem: 'is not the name of a container',
        remedy:
          "write the name that the container has in the pod template: lower case letters, digits and '-', e.g. app",
      },
    ],
  ).optional(),
  minReadySeconds: wholeNumber(
    "Seconds that a new pod must have been ready before the rollout goes on (minReadySeconds of the Deployment, at least). Default: the Deployment's own.",
    0,
    3_600,
  ).optional(),
});

const celBudget = `self.preStopSleepSeconds + self.drainSeconds + ${GRACE_MARGIN_SECONDS}`;

const termination = withRules(
  z.object({
    preStopSleepSeconds: wholeNumber(
      `Seconds a serving container goes on serving after the deletion of its pod was asked for and before it gets SIGTERM (lifecycle.preStop.sleep), so that every proxy has taken the pod out by then. 0: no sleep. Default: ${DEFAULT_PRE_STOP_SLEEP_SECONDS}`,
      0,
      3_600,
    ).default(DEFAULT_PRE_STOP_SLEEP_SECONDS),
    drainSeconds: wholeNumber(
      `The longest, in seconds, that the application may need after SIGTERM to finish what it has begun. Default: ${DEFAULT_DRAIN_SECONDS}`,
      0,
      86_400,
    ).default(DEFAULT_DRAIN_SECONDS),
    gracePeriodSeconds: wholeNumber(
      `terminationGracePeriodSeconds of the pods, at least. Default: preStopSleepSeconds + drainSeconds + ${GRACE_MARGIN_SECONDS}. A longer value in the Deployment stays.`,
      1,
      604_800,
    ).optional(),
  }),
  'How a pod ends: it sleeps, gets SIGTERM, drains, and is killed when the grace period is over.',
  [
    {
      cel: `!has(self.gracePeriodSeconds) || self.gracePeriodSeconds >= ${celBudget}`,
      holds: (value) => value.gracePeriodSeconds === undefined || value.gracePeriodSeconds >= budgetSeconds(value),
      problem: 'is too short: the pod would be killed before it has drained',
      remedy: `write at least preStopSleepSeconds + drainSeconds + ${GRACE_MARGIN_SECONDS}, or leave it out to have it computed`,
      member: 'gracePeriodSeconds',
      // format, not +: the cost of adding up string(int) is estimated as unbounded, and the CRD would be refused
      celMessage: `'is too short: the pod would be killed before it has drained: preStopSleepSeconds %d + drainSeconds %d + margin ${GRACE_MARGIN_SECONDS} = %d, but gracePeriodSeconds is %d: write at least %d, or leave gracePeriodSeconds out to have it computed'.format([self.preStopSleepSeconds, self.drainSeconds, ${celBudget}, self.gracePeriodSeconds, ${celBudget}])`,
      message: (value) =>
        `is too short: the pod would be killed before it has drained: preStopSleepSeconds ${value.preStopSleepSeconds} + drainSeconds ${value.drainSeconds} + margin ${GRACE_MARGIN_SECONDS} = ${budgetSeconds(value)}, but gracePeriodSeconds is ${value.gracePeriodSeconds}`,
    },
  ],
);

function budgetSeconds(value: { readonly preStopSleepSeconds: number; readonly drainSeconds: number }): number {
  return value.preStopSleepSeconds + value.drainSeconds + GRACE_MARGIN_SECONDS;
}

const percentToHundred = /^(?:100|[1-9]?[0-9])%$/;
const percent = /^(?:0|[1-9][0-9]{0,3})%$/;
const isWhole = (value: number | string): value is number =>
  typeof value === 'number' && value >= 0 && value <= 2_147_483_647;
const isNothing = (value: number | string | undefined): boolean => value === 0 || value === '0%';

const strategy = withRules(
  z.object({
    maxUnavailable: withRules(
      z.union([z.int(), z.string()]),
      'How many pods, or which share of them (e.g. 10%, rounded down), may be missing during a rollout. A smaller value in the Deployment stays. Default: 0',
      [
        {
          cel: `type(self) == int ? self >= 0 && self <= 2147483647 : self.matches('${percentToHundred.source}')`,
          holds: (value) => (typeof value === 'string' ? percentToHundred.test(value) : isWhole(value)),
          problem: 'is neither a number of pods nor a percentage',
          remedy: 'write a whole number from 0, without quotes, e.g. 0, or a percentage from 0% to 100%, e.g. 10%',
        },
      ],
    ).default(0),
    maxSurge: withRules(
      z.union([z.int(), z.string()]),
      "How many pods, or which share of them (e.g. 25%, rounded up), may be there beyond the replicas during a rollout. Default: the Deployment's own, at least 1. A larger value in the Deployment stays.",
      [
        {
          cel: `type(self) == int ? self >= 0 && self <= 2147483647 : self.matches('${percent.source}')`,
          holds: (value) => (typeof value === 'string' ? percent.test(value) : isWhole(value)),
          problem: 'is neither a number of pods nor a percentage',
          remedy: 'write a whole number from 0, without quotes, e.g. 1, or a percentage, e.g. 25%',
        },
      ],
    ).optional(),
  }),
  'How the Deployment replaces its pods, where it does not do so more carefully already.',
  [
    {
      cel: "!has(self.maxSurge) || !((type(self.maxSurge) == int ? self.maxSurge == 0 : self.maxSurge == '0%') && (type(self.maxUnavailable) == int ? self.maxUnavailable == 0 : self.maxUnavailable == '0%'))",
      holds: (value) => !(isNothing(value.maxSurge) && isNothing(value.maxUnavailable)),
      problem: 'is 0, and so is maxUnavailable: a rollout could not replace a single pod',
      remedy: 'leave maxSurge out, or write 1 or more',
      member: 'maxSurge',
    },
  ],
);

export const specSchema = z
  .object({
    targetRef,
    readiness: readiness.prefault({}).meta({ description: 'When a pod of the target counts as able to serve.' }),
    termination: termination.prefault({}).meta(termination.meta() ?? {}),
    strategy: strategy.prefault({}).meta(strategy.meta() ?? {}),
    endpointCheck: endpointCheckSchema.prefault({}).meta(endpointCheckSchema.meta() ?? {}),
    eviction: evictionSchema.optional(),
    mode: z.enum(['Enforce', 'Audit']).default('Enforce').meta({
      description:
        'Enforce (default): the template of the target is completed whenever it is written. Audit: nothing is changed, the status says what would be.',
    }),
    adoption: z.enum(['Immediate', 'NextRollout']).default('Immediate').meta({
      description:
        'When a target that does not hold the contract is brought to it. Immediate (default): at once, which is a rollout. NextRollout: with the next change that somebody else makes to its template, never a rollout of its own.',
    }),
  })
  .meta({ description: 'What is asked of the target.' });
