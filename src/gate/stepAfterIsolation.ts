import { lastEndpointOf, lastOnNodeOf, leftMsOf, secondsText, sinceMs } from './stepFacts.ts';
import { isolateAgain } from './stepIsolate.ts';
import type { DrainOutcome, GateStep, Observation, ProxyAnswer } from './types.ts';

/** Where the author names no quiet time, for data paths that give no evidence. */
export const DEFAULT_QUIET_SECONDS = 5;
/**
 * After the last proxy has confirmed, connections that it let through before are still on their way, or in the accept queue of a
 * server that has no CPU just then: a server that stops listening on SIGTERM resets them (seen: 54 of 12,369 requests, opened
 * up to 400 ms before the confirmation, in a pod without a preStop sleep on a machine that was overloaded).
 */
const SETTLE_SECONDS = 2;
/** A person's request is answered by now; if the pod is not terminating, the request did not get through. */
export const AFTER_REQUEST_MS = 5_000;
/** A request without a known end: the longest that an API server waits for a webhook. */
const longestRequestMs = 30_000;
/** The controller ends the application's own check itself; this much later nobody waits for it any more. */
const checkGraceMs = 5_000;

/** The pod left its Services: verify that everybody knows, then let it go. Nothing here waits past the hard limit. */
export function stepAfterIsolation(observation: Observation): GateStep {
  const { settings, state, progress, monoMs } = observation;
  const leftMs = leftMsOf(observation, state.isolatedAt, settings.timeoutSeconds * 1000);
  const again = isolateAgain(observation, leftMs);
  if (again !== undefined && leftMs > 0) return again;
  if (state.drainedAt !== undefined) {
    return letGoOf(observation, again === undefined ? outcomeOfDrained(observation) : 'DeadlinePassed');
  }
  if (leftMs <= 0) return letGoOf(observation, 'DeadlinePassed');

  // Listed again, whatever was seen before (a Service of a moment, endpoints that somebody writes): all of it is found out anew.
  if (progress.slicesCleanAtMs === undefined || observation.listed === 'Now') return { do: 'VerifySlices' };
  if (progress.proxies === undefined || progress.proxiesHeardMs === undefined) return { do: 'VerifyProxies' };
  const quietMs = quietTimeMs(observation, progress.proxies);
  const quietLeftMs = progress.proxiesHeardMs + quietMs - monoMs;
  if (quietLeftMs > 0) {
    const reason = `quiet time of ${secondsText(quietMs)} after isolation, ${secondsText(quietLeftMs)} left`;
    return { do: 'Wait', reason, forMs: Math.min(quietLeftMs, leftMs) };
  }
  const check = settings.drained;
  if (check !== undefined && progress.drained === undefined && !isCheckOver(observation, check.timeoutSeconds)) {
    return { do: 'CheckDrained', check };
  }
  return letGoOf(observation, state.unmet === undefined ? 'Verified' : 'ReplacementTimeout');
}

/**
 * Milliseconds of quiet after the proxies' confirmation: what the author asked for, always; else 5 s where a data path other
 * than kube-proxy serves the pod, or not every proxy confirmed, else what connections on their way need and the pod's own
 * preStop sleep does not give them.
 */
function quietTimeMs({ settings, services, pod }: Observation, { evidence }: ProxyAnswer): number {
  if (settings.quietSeconds !== undefined) return settings.quietSeconds * 1000;
  const unproven = evidence !== 'Barrier' || services.some(({ otherDataPath }) => otherDataPath !== undefined);
  return (unproven ? DEFAULT_QUIET_SECONDS : Math.max(0, SETTLE_SECONDS - pod.preStopSeconds)) * 1000;
}

function isCheckOver({ progress, monoMs }: Observation, timeoutSeconds: number): boolean {
  const { drainedAskedMs } = progress;
  return drainedAskedMs !== undefined && monoMs - drainedAskedMs >= timeoutSeconds * 1000 + checkGraceMs;
}

/** Written down by nobody, but it follows from the times. */
function outcomeOfDrained(observation: Observation): DrainOutcome {
  const { settings, state } = observation;
  if (state.isolatedAt === undefined || state.drainedAt === undefined) return 'Verified';
  const tookMs = sinceMs(observation, state.isolatedAt) - sinceMs(observation, state.drainedAt);
  if (tookMs >= settings.timeoutSeconds * 1000) return 'DeadlinePassed';
  return state.unmet === undefined ? 'Verified' : 'ReplacementTimeout';
}

/** A person's own request deletes the pod as long as it waits; otherwise the operator does. */
export function letGoOf(observation: Observation, outcome: DrainOutcome): GateStep {
  const { state } = observation;
  const text = violationOf(observation, outcome);
  const end = { outcome, ...(text === undefined ? {} : { violation: text }) };
  if (state.path === 'Delete' && state.abandonedAt === undefined) {
    const overdueMs = requestOverMs(observation);
    if (overdueMs < AFTER_REQUEST_MS) {
      if (state.drainedAt === undefined) return { do: 'MarkDrained', ...end };
      return { do: 'Wait', reason: 'drained; the waiting request deletes it', forMs: AFTER_REQUEST_MS - overdueMs };
    }
  }
  return { do: 'LetGo', ...end };
}

/**
 * Milliseconds since a person's request must have been answered; negative while it may wait. An end that lies further ahead
 * than any request can wait (the clock was set back) is not believed.
 */
export function requestOverMs(observation: Observation): number {
  const { nowMs, monoMs, state, progress } = observation;
  const { until } = state;
  const seen = until === undefined ? undefined : progress.sights?.of.get(until);
  const { ageMs, seenMs } = seen ?? { ageMs: nowMs - Date.parse(until ?? ''), seenMs: monoMs };
  return ageMs >= -longestRequestMs ? ageMs + monoMs - seenMs : sinceMs(observation, state.askedAt) - longestRequestMs;
}

function violationOf(observation: Observation, outcome: DrainOutcome): string | undefined {
  const { settings, progress, services, pod, state } = observation;
  const name = pod.metadata.name ?? '';
  switch (outcome) {
    case 'Verified':
      return undefined;
    case 'DeadlinePassed': {
      const missing =
        progress.slicesCleanAtMs === undefined || observation.listed === 'Now'
          ? 'its removal from the EndpointSlices was not seen'
          : progress.proxies === undefined
            ? 'not every service proxy confirmed its removal'
            : 'it was not yet quiet or drained';
      const before = state.unmet === undefined ? '' : `; when it was isolated: ${state.unmet}`;
      return `pod ${name} was let go ${settings.timeoutSeconds} s after its isolation although ${missing}${before}`;
    }
    case 'ReplacementTimeout': {
      // Verified as any other: nothing was sent to it any more.
      if (state.unmet !== undefined) return `pod ${name} was evicted although this did not hold: ${state.unmet}`;
      const last = lastEndpointOf(observation);
      const how = last === undefined ? '' : `, as the last ready endpoint of Service ${last.name}`;
      return `pod ${name} was evicted after ${settings.replacementTimeoutSeconds ?? 0} s without a replacement or a budget that allows it${how}`;
    }
    case 'Refused':
      return `pod ${name} was let go without being taken out of its Services, as in plain Kubernetes, since the API server refuses what the gate does to it: ${progress.refused?.message ?? 'its answer is not known any more'}`;
    case 'LastOnNode': {
      // The sleep is all that there is: without one its node resets connections until it follows.
      if (pod.preStopSeconds > 0) return undefined;
      const of = lastOnNodeOf(observation)?.name ?? '';
      return `pod ${name} was let go as the last ready endpoint of Service ${of} (traffic policy Local) on its node, and it has no preStop sleep: connections through that node are lost from its SIGTERM on`;
    }
    case 'LastEndpoint': {
      const of = services.map((service) => service.name).join(', ');
      return `pod ${name} was let go as the last ready endpoint of a Service (${of}): no other became Ready within ${settings.timeoutSeconds} s`;
    }
  }
}
