import type { Finding } from '../api/index.ts';

/** Every code of a finding about a target, with what it means (docs/reference is generated from this). */
export const FINDING_CODES = {
  NoService: 'No Service selects the pods of the Deployment, so no container serves and there is nothing to protect.',
  PortNotDeclared: 'A Service sends to a port number that no container declares; which container serves was inferred.',
  PortNameNotFound: 'A Service sends to a port name that no container has: Kubernetes gives that port no endpoints.',
  ContainerNotFound: 'spec.readiness.container names a container that the pod template does not have.',
  ProbeContainerUnclear: 'Several containers serve and spec.readiness.container names none: the probe is not applied.',
  ProbePortNotFound: 'The probe names a port that its container does not declare: the probe is not applied.',
  ReadinessProbeMissing: 'A serving container has no readiness probe: it counts as ready as soon as it runs.',
  HookTooShort: "An author's own preStop hook is shorter than the sleep that the contract asks for.",
  HookUnknown: "How long an author's own preStop hook takes cannot be told.",
  HookNeverEnds: "An author's own preStop hook does not end within a day: the grace period cannot allow for it.",
  RecreateStrategy: 'The strategy is Recreate: all pods end before new ones start, which always loses requests.',
  MinReadySecondsTooLong: 'minReadySeconds must be lower than progressDeadlineSeconds and was left alone.',
  WindowsPods: 'The pods run on Windows, for which nothing of the contract is proven; nothing was changed.',
} as const;

export type FindingCode = keyof typeof FINDING_CODES;

export function finding(
  code: FindingCode,
  severity: Finding['severity'],
  message: string,
  more: { readonly field?: string; readonly remedy?: string } = {},
): Finding {
  return { code, severity, message, ...more };
}
