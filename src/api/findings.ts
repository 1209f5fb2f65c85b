/**
 * Every finding code: what the operator may tell the owner of a target, in the status, in warnings and in events.
 * The rules of src/contract choose the words of each message; the meaning and the remedy here are for the reference
 * page. A code is stable once released: it may go, it never changes its meaning.
 */
export interface FindingEntry {
  readonly severity: 'info' | 'warning';
  readonly meaning: string;
  readonly remedy: string;
}

export const FINDINGS = {
  NoService: {
    severity: 'warning',
    meaning: 'No Service selects the pods of the target, so there is no data path to protect.',
    remedy:
      'Create the Service, or mend its selector; set spec.readiness.container if the pods serve without a Service.',
  },
  NoServingContainer: {
    severity: 'warning',
    meaning: 'Services select the pods, but no container has the port that they send to.',
    remedy:
      "Mend the targetPort of the Service or the container's ports, or name the container in spec.readiness.container.",
  },
  ContainerNotFound: {
    severity: 'warning',
    meaning: 'spec.readiness.container names a container that the pod template does not have.',
    remedy: 'Write the name of one of the containers in the template.',
  },
  ProbePortNotFound: {
    severity: 'warning',
    meaning: 'The probe in spec.readiness.probe names a port that the container does not have; it would never succeed.',
    remedy: "Write the port's number, or add the named port to the container.",
  },
  NoReadinessProbe: {
    severity: 'warning',
    meaning:
      'A serving container has no readiness probe: it gets requests as soon as its process runs, before it listens.',
    remedy: 'Write a readinessProbe in the Deployment, or spec.readiness.probe here.',
  },
  ProbeKept: {
    severity: 'info',
    meaning: 'The container has a readiness probe of its own; spec.readiness.probe is not used for it.',
    remedy: 'Nothing to do; remove spec.readiness.probe if that is confusing.',
  },
  HookKept: {
    severity: 'info',
    meaning: 'The container has a preStop hook of its own that sleeps long enough; it stays.',
    remedy: 'Nothing to do.',
  },
  HookTooShort: {
    severity: 'warning',
    meaning: 'The container has a preStop hook of its own that sleeps for less than preStopSleepSeconds; it stays.',
    remedy: 'Lengthen the sleep in the Deployment, or remove the hook and let the operator set it.',
  },
  HookDurationUnknown: {
    severity: 'warning',
    meaning: 'The container has a preStop hook of its own whose duration cannot be read from it; it stays.',
    remedy: 'Make sure that it takes at least preStopSleepSeconds, or remove it and let the operator set a sleep.',
  },
  HookLongerThanGrace: {
    severity: 'warning',
    meaning:
      'The preStop hook of the author leaves too little of the grace period for draining; the grace period is raised.',
    remedy: 'Write the longer terminationGracePeriodSeconds into the manifest.',
  },
  ValueRaised: {
    severity: 'warning',
    meaning: 'The manifest names a value that the contract does not allow; it was raised in the same write.',
    remedy: 'Write the value that the message gives into the manifest, so that it says what runs.',
  },
  HandlerReplaced: {
    severity: 'info',
    meaning:
      'The author added a handler of their own beside the one the operator had set; the operator took its own away.',
    remedy: 'Nothing to do.',
  },
  SidecarStopsFirst: {
    severity: 'warning',
    meaning: 'A container beside the serving one would stop while requests still need it.',
    remedy:
      'Make it a native sidecar (an init container with restartPolicy: Always), or give it a preStop sleep of the same length.',
  },
  RecreateStrategy: {
    severity: 'warning',
    meaning: 'The Deployment has the strategy Recreate: every rollout stops all pods first, and no contract can help.',
    remedy: 'Use the strategy RollingUpdate if the application allows two versions side by side.',
  },
  WindowsPods: {
    severity: 'warning',
    meaning: 'The pods run on Windows, where termination works differently; the target was left alone.',
    remedy: 'Remove the GracefulRollout, or use it for Linux pods.',
  },
  ProgressDeadlineTooShort: {
    severity: 'warning',
    meaning: 'minReadySeconds would reach progressDeadlineSeconds, which the API server refuses; it was kept below.',
    remedy: 'Raise progressDeadlineSeconds of the Deployment, or lower spec.readiness.minReadySeconds.',
  },
  ServesNotReadyAddresses: {
    severity: 'warning',
    meaning: 'A Service publishes addresses that are not ready: a readiness probe does not take a pod out of it.',
    remedy: 'Set publishNotReadyAddresses of the Service to false, unless its clients expect it.',
  },
  SingleReplica: {
    severity: 'info',
    meaning: 'The target has one replica: a rollout replaces it without loss, a node drain does not.',
    remedy: 'Run two replicas or more if node drains should lose nothing.',
  },
} as const satisfies Record<string, FindingEntry>;

export type FindingCode = keyof typeof FINDINGS;
