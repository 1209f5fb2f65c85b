import type { Probe } from '../api/kubernetes.ts';

/** Of an API server that fills them in (SetDefaults_Probe). */
const DEFAULT_PERIOD_SECONDS = 10;
const DEFAULT_FAILURE_THRESHOLD = 3;

/** Seconds from the first to the last failure that the probe allows: so long it must fail until it has its effect. */
export function failureSeconds({ periodSeconds, failureThreshold }: Probe): number {
  return (Math.max(1, failureThreshold ?? DEFAULT_FAILURE_THRESHOLD) - 1) * periodOf(periodSeconds);
}

/** Seconds after the start of a container at which a probe that always fails has its effect, at the earliest. */
export function earliestEffectSeconds(probe: Probe): number {
  return (probe.initialDelaySeconds ?? 0) + failureSeconds(probe);
}

/** Seconds that a start may take until the probe has succeeded, or given up. */
export function longestStartSeconds({ initialDelaySeconds = 0, periodSeconds, failureThreshold }: Probe): number {
  return initialDelaySeconds + Math.max(1, failureThreshold ?? DEFAULT_FAILURE_THRESHOLD) * periodOf(periodSeconds);
}

function periodOf(periodSeconds: number | undefined): number {
  return Math.max(1, periodSeconds ?? DEFAULT_PERIOD_SECONDS);
}
