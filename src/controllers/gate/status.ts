import type { Claim } from '../../api/claim.ts';
import {
  API_VERSION,
  GATE_FIELD_MANAGER,
  type GracefulRolloutStatus,
  KIND,
  STATUS_LIST_LIMIT,
} from '../../api/index.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { canonicalJson } from '../../contract/index.ts';
import { stageOf } from '../../gate/drainStage.ts';
import { marginSeconds, marginSummary, recommendedPreStopSeconds } from '../../gate/evidence.ts';
import type { DrainState, Evidence, PodView } from '../../gate/types.ts';
import { type ClientOf, gracefulRollouts, isNotFound } from '../../kube/index.ts';
import { type Clock, Controller, type Logger, type OperatorMetrics } from '../../runtime/index.ts';
import type { GateCaches } from './caches.ts';
import type { EvidenceLog } from './evidenceLog.ts';

type EndpointCheckStatus = NonNullable<GracefulRolloutStatus['endpointCheck']>;

/** News of one GracefulRollout are gathered for this long: a rollout of many pods is a few writes, not one per pod. */
const GATHER_MS = 1_000;

export interface GateStatusOptions {
  readonly client: Pick<ClientOf<KubeObject>, 'patch'>;
  readonly caches: Pick<GateCaches, 'claims'>;
  readonly evidence: EvidenceLog;
  /** Pods that are being drained for this GracefulRollout. */
  readonly drainsOf: (claim: Claim) => readonly { readonly pod: PodView; readonly state: DrainState }[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
}

/** Writes `status.endpointCheck`, and nothing else of the status: server-side apply under the gate's own field manager. */
export class GateStatus {
  readonly controller: Controller;

  constructor({ client, caches, evidence, drainsOf, clock, log, metrics }: GateStatusOptions) {
    this.controller = new Controller({
      name: 'gate-status',
      clock,
      log,
      metrics,
      reconcile: async ({ namespace, name }, { signal }) => {
        const claim = caches.claims.get(namespace, name);
        if (claim === undefined) {
          evidence.forget(`${namespace}/${name}`);
          return undefined;
        }
        const endpointCheck = statusOf(
          evidence.of(`${namespace}/${name}`),
          drainsOf(claim),
          claim.status?.endpointCheck,
        );
        if (canonicalJson(endpointCheck) === canonicalJson(claim.status?.endpointCheck ?? {})) return undefined;
        const { uid } = claim.metadata;
        const body = {
          apiVersion: API_VERSION,
          kind: KIND,
          metadata: { namespace, name, uid },
          status: { endpointCheck },
        };
        await client
          .patch(
            gracefulRollouts,
            { namespace, name },
            { type: 'apply', body, force: true },
            { signal, subresource: 'status', fieldManager: GATE_FIELD_MANAGER },
          )
          .catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
        return undefined;
      },
    });
  }

  /** What the status says of pods in drain is looked at again: they may have ended while nobody led. */
  seen(claim: Claim): void {
    if (claim.status?.endpointCheck?.draining !== undefined) this.note(claim);
  }

  /** There is something new to say about `claim`. */
  note(claim: Claim): void {
    const { namespace = '', name = '' } = claim.metadata;
    this.controller.enqueueAfter({ namespace, name }, GATHER_MS);
  }
}

/** Pure: what the status says. After a restart of the operator what it said before goes on until there is news. */
export function statusOf(
  ends: readonly Evidence[],
  drains: readonly { readonly pod: PodView; readonly state: DrainState }[],
  before: EndpointCheckStatus | undefined,
): EndpointCheckStatus {
  const draining = drains
    .toSorted((a, b) => (a.state.askedAt < b.state.askedAt ? -1 : 1))
    .slice(0, STATUS_LIST_LIMIT)
    .map(({ pod, state }) => ({
      pod: pod.metadata.name ?? '',
      path: state.path,
      stage: stageOf(state),
      ...(state.reason === undefined ? {} : { reason: state.reason }),
      since: state.askedAt,
    }));
  const recent = ends.toReversed().map(recordOf);
  const known = new Set(recent.map(({ pod }) => pod));
  const kept = (before?.recent ?? []).filter(({ pod }) => !known.has(pod));
  const margin = marginSummary(ends) ?? before?.margin;
  const recommended = recommendedPreStopSeconds(ends) ?? before?.recommendedPreStopSeconds;
  return {
    ...(margin === undefined ? {} : { margin }),
    ...(recommended === undefined ? {} : { recommendedPreStopSeconds: recommended }),
    ...(draining.length === 0 ? {} : { draining }),
    recent: [...recent, ...kept].slice(0, STATUS_LIST_LIMIT),
  };
}

type EvidenceRecord = NonNullable<EndpointCheckStatus['recent']>[number];

function recordOf(evidence: Evidence): EvidenceRecord {
  const { proxies } = evidence;
  const margin = marginSeconds(evidence);
  const times = {
    askedAt: timeOf(evidence.askedAtMs),
    handedOverAt: timeOf(evidence.handedOverAtMs),
    replacedAt: timeOf(evidence.replacedAtMs),
    isolatedAt: timeOf(evidence.isolatedAtMs),
    slicesCleanAt: timeOf(evidence.slicesCleanAtMs),
    proxiesCleanAt: timeOf(proxies?.atMs),
    drainedAt: timeOf(evidence.drainedAtMs),
    deletedAt: timeOf(evidence.deletedAtMs),
    sigtermAt: timeOf(evidence.sigtermAtMs),
    goneAt: timeOf(evidence.goneAtMs),
  };
  const there = Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined));
  return {
    pod: evidence.pod,
    path: evidence.path,
    outcome: evidence.outcome,
    ...(evidence.node === undefined ? {} : { node: evidence.node }),
    ...(evidence.by === undefined ? {} : { by: evidence.by }),
    ...there,
    ...(proxies === undefined
      ? {}
      : {
          proxiesEvidence: proxies.evidence,
          proxiesConfirmed: proxies.confirmed,
          ...(proxies.silent.length === 0 ? {} : { proxiesSilent: proxies.silent.slice(0, STATUS_LIST_LIMIT) }),
        }),
    ...(margin === undefined ? {} : { marginSeconds: margin }),
    ...(evidence.violation === undefined ? {} : { violation: evidence.violation }),
  };
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
