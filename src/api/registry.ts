/**
 * The one place for condition types, reasons, event reasons and metric names: what a user may build an alert or a
 * script on. docs/reference is generated from it (scripts/generate.ts), `npm run check` fails when they differ. Finding
 * codes are in findings.ts.
 */

/** The types of the conditions in `status.conditions`, in the order they are written. */
export const CONDITION_TYPES = {
  Ready: {
    meaning: 'The sum: the object does what it was asked to do. This is what `kubectl wait` should wait for.',
    whenTrue:
      'The contract holds on the target and its pods; or nothing was to be changed (mode: Audit, adoption: NextRollout).',
    whenFalse: 'It does not, or not yet; the reason is that of the condition to blame.',
  },
  TargetFound: {
    meaning: 'The Deployment that spec.targetRef names exists.',
    whenTrue: 'It exists.',
    whenFalse: 'It does not exist.',
  },
  ContractEnforced: {
    meaning: 'The pod template and the strategy of the target hold the contract.',
    whenTrue: 'They do.',
    whenFalse: 'They do not, not yet, or are not to (Audit).',
  },
  Contested: {
    meaning: 'Somebody else insists on a value that the contract does not allow.',
    whenTrue:
      'A writer writes a value again and again that the contract raises; the message names the field and the writer.',
    whenFalse: 'Nobody does any more.',
  },
  Reconciling: {
    meaning: 'Work is under way (kstatus).',
    whenTrue: 'The operator, or a rollout it waits for, is at work; Ready will change.',
    whenFalse: 'Nothing is under way.',
  },
  Stalled: {
    meaning: 'No progress without a change by somebody (kstatus).',
    whenTrue: 'The operator cannot go on: the message says what has to be changed and by whom.',
    whenFalse: 'It can.',
  },
} as const;

export type ConditionType = keyof typeof CONDITION_TYPES;

/** Every reason that a condition may carry: what it means and what to do. */
export const REASONS = {
  // Ready and ContractEnforced
  Enforced: { meaning: 'The contract holds on the target and on its pods.', remedy: 'Nothing to do.' },
  Audited: {
    meaning: 'Mode Audit: compared and reported, nothing changed.',
    remedy: 'Set mode: Enforce to have it enforced.',
  },
  Adopting: {
    meaning: 'The target is being adopted; a replica of the webhook did not know the newest GracefulRollout yet.',
    remedy: 'Nothing to do: it is tried again in a second.',
  },
  RollingOut: {
    meaning: 'The template holds the contract; pods of an older template are still being replaced.',
    remedy: 'Wait; kubectl rollout status says how far it is.',
  },
  AwaitingNextRollout: {
    meaning: 'adoption: NextRollout; the contract comes in with the next change of the template.',
    remedy: 'Nothing to do, or kubectl rollout restart.',
  },
  Paused: {
    meaning: 'The Deployment is paused by its user; the rollout goes on when it is resumed.',
    remedy: 'kubectl rollout resume, when it suits.',
  },
  ScaledToZero: { meaning: 'The Deployment has no pods; the template holds the contract.', remedy: 'Nothing to do.' },
  // TargetFound
  Found: { meaning: 'The target exists.', remedy: 'Nothing to do.' },
  TargetNotFound: {
    meaning: 'No Deployment of that name exists in the namespace of the GracefulRollout.',
    remedy: 'Create it, or mend spec.targetRef.name. It is adopted in the write that creates it.',
  },
  TargetDeleting: { meaning: 'The Deployment is being deleted.', remedy: 'Nothing to do.' },
  // not applicable
  NoService: {
    meaning: 'No Service selects the pods of the target.',
    remedy: 'Create the Service, or mend its selector.',
  },
  WindowsPods: { meaning: 'The pods run on Windows.', remedy: 'Remove the GracefulRollout, or use it for Linux pods.' },
  // conflicts
  HeldByOlder: {
    meaning: 'An older GracefulRollout names the same target; that one counts, this one does nothing.',
    remedy: 'Delete one of the two.',
  },
  FieldContested: {
    meaning: 'Another writer insists on a value that the contract does not allow.',
    remedy:
      'Change the value at its source, or delete the GracefulRollout; the message names the field and the writer.',
  },
  NotContested: { meaning: 'Nobody insists on another value.', remedy: 'Nothing to do.' },
  // failures
  InvalidSpec: {
    meaning:
      'The object does not fit this version of the operator (an object from before an upgrade, or a CRD of another version).',
    remedy: 'Mend the fields that the message names; install the CRD that belongs to this version.',
  },
  WebhookNotCalled: {
    meaning:
      'A trial write of the target (a dry run) was not completed by the webhook, so nothing was written: the webhook is away, or the API server cannot reach it.',
    remedy: "Look at the operator's pods, its Service and the MutatingWebhookConfiguration; it is tried again.",
  },
  WriteRefused: {
    meaning: 'The API server, or a policy in it, refused the write to the target.',
    remedy: 'The message gives its words; mend what it names.',
  },
  RolloutStuck: {
    meaning: 'The rollout of the target makes no progress (progressDeadlineSeconds).',
    remedy: 'kubectl describe the pods of the newest ReplicaSet.',
  },
} as const satisfies Record<string, { readonly meaning: string; readonly remedy: string }>;

export type Reason = keyof typeof REASONS;

/**
 * Every event that the operator writes, on the GracefulRollout; those about one pod name it as the related object.
 * `GivenBack` is on the Deployment: its GracefulRollout is gone by then, as a rule.
 */
export const EVENTS = {
  Adopted: { type: 'Normal', meaning: 'The target was brought to the contract; the note lists the leaves.' },
  Completed: {
    type: 'Normal',
    meaning: 'The webhook completed a write of the target; the note lists what was changed.',
  },
  GivenBack: {
    type: 'Normal',
    meaning:
      'On the Deployment: what was changed for the contract was given back, all of it, with the template change of its author or because it was asked for; the note lists the leaves.',
  },
  TargetNotFound: { type: 'Warning', meaning: 'The Deployment that spec.targetRef names does not exist, or no more.' },
  RolloutStuck: {
    type: 'Warning',
    meaning:
      'The rollout of the target passed its progressDeadlineSeconds, of which Kubernetes itself writes no event.',
  },
  ConflictingRollout: { type: 'Warning', meaning: 'A younger GracefulRollout on a target that an older one holds.' },
  FieldContested: {
    type: 'Warning',
    meaning: 'Another writer insists on a value; the note names the field and the writer.',
  },
  AdoptionFailed: { type: 'Warning', meaning: 'The contract could not be brought in; the note says why.' },
  InvalidSpec: {
    type: 'Warning',
    meaning: 'The object does not fit this version of the operator; the note names the fields.',
  },
  Drained: {
    type: 'Normal',
    meaning:
      'A pod was taken out of every proxy, verified, and let go; the note has the time of each stage in one line.',
  },
  DrainViolation: {
    type: 'Warning',
    meaning:
      'A pod ended, or was let go, before its removal was verified: the time limit was over, it was the last endpoint, a policy of the cluster refuses what the gate does, or its SIGTERM came too early; the note says which.',
  },
  EvictionWaiting: {
    type: 'Warning',
    meaning: 'An eviction waits for a replacement that is not coming, or for a PodDisruptionBudget; the note says why.',
  },
  EvictionGivenUp: {
    type: 'Normal',
    meaning: 'Nobody asks for the eviction of a pod any more: its ReplicaSet has it back.',
  },
  IsolationCollateral: {
    type: 'Normal',
    meaning:
      'Pods could only be taken out of their Services by a label that something else selects on too; the note names what loses them.',
  },
  LastOnNode: {
    type: 'Normal',
    meaning:
      'Pods were the last ready endpoint on their node of a Service with traffic policy Local, and were deleted without being isolated; their preStop sleep is what protects.',
  },
  ForgedDrainState: {
    type: 'Warning',
    meaning:
      'The annotation graceful-rollout.io/drain of a pod was not written by the operator, or for another pod; it was ignored and taken off.',
  },
  ProxySilent: {
    type: 'Warning',
    meaning:
      'The service proxies of some nodes do not confirm in time; the note names the nodes. Quiet time covers them.',
  },
  Finding: { type: 'Warning', meaning: 'A new finding of severity warning; the note carries its code.' },
} as const satisfies Record<string, { readonly type: 'Normal' | 'Warning'; readonly meaning: string }>;

export type EventReason = keyof typeof EVENTS;
