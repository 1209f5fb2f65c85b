/**
 * Every finding code: what the operator may tell the owner of a target, in the status, in warnings and in events.
 * src/contract words each message; the meaning and the remedy here are for the reference page. A code is stable once
 * released: it may go, it never changes its meaning.
 */
export interface FindingEntry {
  /** `either`: a warning where it may cost requests, else info. */
  readonly severity: 'info' | 'warning' | 'either';
  readonly meaning: string;
  readonly remedy: string;
}

export const FINDINGS = {
  NoService: {
    severity: 'warning',
    meaning: 'No Service selects the pods of the Deployment, so no container serves and there is nothing to protect.',
    remedy: 'Create the Service, or mend its selector or the labels of the pod template.',
  },
  PortNotDeclared: {
    severity: 'either',
    meaning: 'A Service sends to a port number that no container declares; which container serves was inferred.',
    remedy: 'Declare the port in the container that serves, or name that container in spec.readiness.container.',
  },
  PortNameNotFound: {
    severity: 'warning',
    meaning: 'A Service sends to a port name that no container has: Kubernetes gives that port no endpoints.',
    remedy: 'Give the port of the container that name, or mend targetPort of the Service.',
  },
  ContainerNotFound: {
    severity: 'warning',
    meaning: 'spec.readiness.container names a container that the pod template does not have.',
    remedy: 'Write the name of one of the containers in the template.',
  },
  ProbeContainerUnclear: {
    severity: 'warning',
    meaning: 'Several containers serve and spec.readiness.container names none: the probe is not applied.',
    remedy: 'Name the container that the probe is for in spec.readiness.container.',
  },
  ProbePortNotFound: {
    severity: 'warning',
    meaning: 'The probe names a port that its container does not declare: the probe is not applied.',
    remedy: "Write the port's number, or give the port of the container that name.",
  },
  ReadinessProbeMissing: {
    severity: 'warning',
    meaning: 'A serving container has no readiness probe: it counts as ready as soon as it runs.',
    remedy: 'Write a readinessProbe in the Deployment, or spec.readiness.probe in the GracefulRollout.',
  },
  HookTooShort: {
    severity: 'warning',
    meaning: "An author's own preStop hook is shorter than the sleep that the contract asks for; it stays.",
    remedy: 'Lengthen it, or remove it and let the operator set the sleep.',
  },
  HookUnknown: {
    severity: 'info',
    meaning: "How long an author's own preStop hook takes cannot be told; it stays.",
    remedy: 'Make sure that it takes at least preStopSleepSeconds, or remove it and let the operator set the sleep.',
  },
  HookNeverEnds: {
    severity: 'warning',
    meaning: "An author's own preStop hook does not end within a day: the grace period cannot allow for it.",
    remedy: 'Shorten it, or remove it and let the operator set the sleep.',
  },
  RecreateStrategy: {
    severity: 'warning',
    meaning: 'The strategy is Recreate: all pods end before new ones start, which always loses requests.',
    remedy: 'Use RollingUpdate if the application allows two versions side by side.',
  },
  MinReadySecondsTooLong: {
    severity: 'warning',
    meaning: 'minReadySeconds must be lower than progressDeadlineSeconds and was left alone.',
    remedy: 'Raise progressDeadlineSeconds of the Deployment, or lower spec.readiness.minReadySeconds.',
  },
  SurgeImpossible: {
    severity: 'warning',
    meaning:
      'A new pod may find no node beside the old one (hostNetwork, a hostPort, or a required anti-affinity to its own kind per node): with maxUnavailable 0 a rollout may never end. For hostNetwork and hostPort the strategy is left alone.',
    remedy: 'Use a Service instead of host ports, or a preferred anti-affinity, or keep one node more than replicas.',
  },
  ValueRaised: {
    severity: 'info',
    meaning: 'The manifest names a value lower than the contract; it was raised in the same write.',
    remedy: 'Write the raised value into the manifest.',
  },
  WindowsPods: {
    severity: 'warning',
    meaning: 'The pods run on Windows, for which nothing of the contract is proven; nothing was changed.',
    remedy: 'Remove the GracefulRollout, or use it for Linux pods.',
  },
} as const satisfies Record<string, FindingEntry>;

export type FindingCode = keyof typeof FINDINGS;
