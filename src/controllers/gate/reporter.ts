import type { Claim } from '../../api/claim.ts';
import { API_VERSION, EVENTS, type EventReason, KIND } from '../../api/index.ts';
import { evidenceText, marginSeconds } from '../../gate/evidence.ts';
import type { DrainState, Evidence, GateStep, PodView } from '../../gate/types.ts';
import { type EventRecorder, referenceTo } from '../../kube/events.ts';
import { pods } from '../../kube/index.ts';
import type { EvidenceLog } from './evidenceLog.ts';
import type { GateMetrics } from './metrics.ts';

export interface GateReporterOptions {
  readonly events: Pick<EventRecorder, 'record'>;
  readonly evidence: EvidenceLog;
  readonly metrics: GateMetrics;
  /** Hears of a GracefulRollout whose status has something new to say. */
  readonly onNews: (claim: Claim) => void;
}

/** Nodes that one note names. */
const NAMED_NODES = 5;

/** Tells people what the gate does: events on the GracefulRollout, metrics, and the material of its status. */
export class GateReporter {
  readonly #options: GateReporterOptions;

  constructor(options: GateReporterOptions) {
    this.#options = options;
  }

  draining(_pod: PodView, _state: DrainState, claim: Claim | undefined): void {
    if (claim !== undefined) this.#options.onNews(claim);
  }

  isolated(collateral: readonly { readonly key: string; readonly by: string }[], claim: Claim | undefined): void {
    if (collateral.length === 0) return;
    const what = collateral.map(({ key, by }) => `${by} (label ${key})`).join(', ');
    // Without a pod: the same keys are one event that is counted.
    const note = `no label takes a pod of this target out of its Services that nothing else selects on: each is lost to ${what} from its isolation until it ends; add a label of their own to the Services' selectors and to the pods`;
    this.#record('IsolationCollateral', 'Isolate', undefined, claim, note);
  }

  /** Without a pod: said once per target and Service, and counted. */
  lastOnNode(service: string | undefined, claim: Claim | undefined): void {
    const note = `pods of this target that are the last ready endpoint of Service ${service ?? ''} (traffic policy Local) on their node are deleted without being isolated: that node would drop every new connection, whereas it sends on to a pod that terminates; their preStop sleep is what protects, it must be longer than the load balancer takes to notice`;
    this.#record('LastOnNode', 'LetGo', undefined, claim, note);
  }

  waiting(pod: PodView, state: DrainState, reason: string, claim: Claim | undefined): void {
    this.#record(
      'EvictionWaiting',
      'Evict',
      pod,
      claim,
      `the eviction of ${nameOf(pod)} by ${state.by} waits: ${reason}`,
    );
  }

  cancelled(pod: PodView, state: DrainState, reason: string, claim: Claim | undefined): void {
    if (state.path === 'Eviction') {
      this.#record('EvictionGivenUp', 'Evict', pod, claim, `${nameOf(pod)} goes on serving: ${reason}`);
    }
    if (claim !== undefined) this.#options.onNews(claim);
  }

  notDrained(pod: PodView, why: string, claim: Claim | undefined): void {
    const note = `${nameOf(pod)} never said that it is drained (endpointCheck.drained); the last answer: ${why}`;
    this.#record('DrainViolation', 'Drain', pod, claim, note);
  }

  violation(pod: PodView, _state: DrainState, violation: string, claim: Claim | undefined): void {
    this.#record('DrainViolation', 'LetGo', pod, claim, violation);
  }

  /** What the gate has to do, and may not; it goes on trying. */
  refused(pod: PodView, step: GateStep['do'], message: string, claim: Claim | undefined): void {
    const what =
      step === 'LetGo' ? 'deletes' : step === 'GiveBack' || step === 'Cancel' ? 'gives back' : 'writes the drain of';
    const note = `the API server refuses that the operator ${what} ${nameOf(pod)}, which is tried again: ${message}`;
    this.#record('DrainViolation', step, pod, claim, note);
  }

  /** Without figures or pods in the note: the same nodes are one event that is counted. */
  silentProxies(nodes: readonly string[], claim: Claim | undefined): void {
    if (nodes.length === 0) return;
    const some = nodes.toSorted().slice(0, NAMED_NODES).join(', ');
    const more = nodes.length > NAMED_NODES ? ` and ${nodes.length - NAMED_NODES} more` : '';
    const note = `the service proxies of ${some}${more} do not confirm in time; quiet time covers them: see whether kube-proxy runs there and whether its health-check node port can be reached`;
    this.#record('ProxySilent', 'Verify', undefined, claim, note);
  }

  forged(pod: PodView, claim: Claim | undefined): void {
    const note = `the annotation graceful-rollout.io/drain of ${nameOf(pod)} was not written by the operator; it was taken off`;
    this.#record('ForgedDrainState', 'Read', pod, claim, note);
  }

  /** A pod of a target is gone. */
  ended(pod: PodView, evidence: Evidence, claim: Claim | undefined): void {
    const { metrics, evidence: log } = this.#options;
    metrics.ended(evidence);
    if (claim === undefined) return;
    log.add(claimKey(claim), evidence);
    if (evidence.outcome !== 'Ungated') this.#record('Drained', 'LetGo', pod, claim, evidenceText(evidence));
    const margin = marginSeconds(evidence);
    if (margin !== undefined && margin < 0) {
      const note = `${nameOf(pod)} got SIGTERM (estimated: deletion plus preStop) ${(-margin).toFixed(1)} s before the last proxy had let go of it: requests may have been lost; lengthen termination.preStopSleepSeconds, or see why it ended without the gate (${evidence.path})`;
      this.#record('DrainViolation', 'Observe', pod, claim, note);
    }
    this.#options.onNews(claim);
  }

  #record(reason: EventReason, action: string, pod: PodView | undefined, claim: Claim | undefined, note: string): void {
    if (claim === undefined) return;
    const { namespace = '', name = '', uid = '' } = claim.metadata;
    this.#options.events.record({
      regarding: { apiVersion: API_VERSION, kind: KIND, namespace, name, uid },
      ...(pod === undefined ? {} : { related: referenceTo(pods, pod) }),
      type: EVENTS[reason].type,
      reason,
      action,
      note,
    });
  }
}

/** `namespace/name`. */
function claimKey({ metadata }: Claim): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function nameOf({ metadata }: PodView): string {
  return `pod ${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
