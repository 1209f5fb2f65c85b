import type { DrainProgress, DrainState, Evidence, PodView } from './types.ts';

/** Everything that is known of one pod's end. */
export interface EvidenceInput {
  readonly pod: PodView;
  readonly state?: DrainState;
  readonly progress: DrainProgress;
  /** What the leader decided at the end; absent where it had no hand in it, or died since. */
  readonly outcome?: Evidence['outcome'];
  readonly violation?: string;
  readonly goneAtMs?: number;
}

/**
 * The record of one pod's end. The deletion is read from `deletionTimestamp`, which is whole seconds and lies a grace
 * period ahead: up to a second early. Where the operator itself deleted after all checks, it is not earlier than those,
 * whatever the two clocks say. SIGTERM is an estimate: the deletion and the preStop sleep, at most the grace period
 * (pkg/kubelet/kuberuntime/kuberuntime_container.go); the API does not show it.
 */
export function evidenceOf({ pod, state, progress, outcome, violation, goneAtMs }: EvidenceInput): Evidence {
  const { metadata, nodeName, preStopSeconds, gracePeriodSeconds } = pod;
  const graceSeconds = metadata.deletionGracePeriodSeconds ?? gracePeriodSeconds;
  const drainedAtMs = progress.drained?.atMs ?? msOf(state?.drainedAt);
  // A delete without grace is the kubelet's last one (or a force): its stamp is the end, not when the pod was asked to go.
  const isLastStamp = metadata.deletionGracePeriodSeconds === 0 && gracePeriodSeconds > 0;
  const stampMs = isLastStamp ? undefined : msOf(metadata.deletionTimestamp);
  const inVain = outcome === undefined ? waitedInVain(pod, state, stampMs, graceSeconds) : undefined;
  const undrained = inVain === undefined ? 'Ungated' : 'DeadlinePassed';
  // Drained without isolation, it went as it was: for what reason is not known after a change of leaders.
  const isVerified = state?.drainedAt !== undefined && state.isolatedAt !== undefined;
  const ended = outcome ?? (isVerified ? (state.unmet === undefined ? 'Verified' : 'ReplacementTimeout') : undrained);
  const isUnmet = state?.unmet !== undefined;
  const isChecked = ended === 'Verified' || (ended === 'ReplacementTimeout' && isUnmet);
  const checkedMs = isChecked ? Math.max(progress.proxies?.atMs ?? 0, progress.drained?.atMs ?? 0) : 0;
  const deletedAtMs = stampMs === undefined ? undefined : Math.max(stampMs - graceSeconds * 1000, checkedMs);
  const removed = Object.keys(state?.removedLabels ?? {});
  // The proxy of its own node goes on sending to it until it ends: that it has seen the change tells of no margin.
  const proxies = ended === 'LastOnNode' ? undefined : progress.proxies;
  return {
    pod: metadata.name ?? '',
    uid: metadata.uid ?? '',
    ...present('node', nodeName),
    path: state?.path ?? 'Ungated',
    ...present('by', state?.by),
    outcome: ended,
    ...present('askedAtMs', msOf(state?.askedAt)),
    ...present('handedOverAtMs', msOf(state?.handedOverAt)),
    ...present('replacedAtMs', isUnmet ? undefined : (progress.replacementKnown?.atMs ?? msOf(state?.replacedAt))),
    ...present('isolatedAtMs', msOf(state?.isolatedAt)),
    ...present('slicesCleanAtMs', progress.slicesCleanAtMs),
    ...present('proxies', proxies),
    ...present('drainedAtMs', drainedAtMs),
    ...present('drainedMet', progress.drained?.met),
    ...present('deletedAtMs', deletedAtMs),
    ...present(
      'sigtermAtMs',
      deletedAtMs === undefined ? undefined : deletedAtMs + Math.min(preStopSeconds, graceSeconds) * 1000,
    ),
    ...present('goneAtMs', goneAtMs),
    ...(removed.length === 0 ? {} : { removedLabels: removed }),
    ...present('violation', violation ?? inVain ?? state?.unmet),
  };
}

/** A whole second of the stamp, and as much between two clocks. */
const beforeUntilMs = 2_000;
/** The API server deletes as soon as the webhook has answered. */
const afterUntilMs = 5_000;

/** What was not kept, where the pod was deleted at the end of a person's wait (25 s), drained or not; it was not. */
function waitedInVain(
  { metadata }: PodView,
  state: DrainState | undefined,
  stampMs: number | undefined,
  graceSeconds: number,
): string | undefined {
  const untilMs = msOf(state?.until);
  if (state === undefined || state.drainedAt !== undefined || state.abandonedAt !== undefined) return undefined;
  if (untilMs === undefined || stampMs === undefined) return undefined;
  const lateMs = stampMs - graceSeconds * 1000 - untilMs;
  if (lateMs < -beforeUntilMs || lateMs > afterUntilMs) return undefined;
  const how =
    state.isolatedAt === undefined ? 'while its Services still sent to it' : 'before its removal was verified';
  return `pod ${metadata.name} was deleted when the request of a person had waited as long as it may, ${how}`;
}

/**
 * Seconds from the confirmation of the last proxy that answered to SIGTERM (estimated); negative: new connections could
 * still reach a pod that had got SIGTERM. Undefined where one of the two is not known: quiet time tells nothing of proxies.
 */
export function marginSeconds({ sigtermAtMs, proxies }: Evidence): number | undefined {
  if (sigtermAtMs === undefined || proxies === undefined || proxies.evidence === 'QuietTime') return undefined;
  return (sigtermAtMs - proxies.atMs) / 1000;
}

/** The margins of several pods. */
export interface MarginSummary {
  readonly pods: number;
  readonly minSeconds: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
}

/**
 * Minimum, p50 and p99 of the margins that are known; undefined when none is. The percentile p is the margin that p of
 * 100 pods had at least: of n margins in falling order the one at place ceil(n·p/100), counted from 1 (nearest rank; no
 * interpolation). With fewer than 100 pods p99 is the minimum.
 */
export function marginSummary(list: readonly Evidence[]): MarginSummary | undefined {
  const falling = list.flatMap((evidence) => marginSeconds(evidence) ?? []).sort((a, b) => b - a);
  const minSeconds = falling.at(-1);
  const p50Seconds = percentile(falling, 50);
  const p99Seconds = percentile(falling, 99);
  if (minSeconds === undefined || p50Seconds === undefined || p99Seconds === undefined) return undefined;
  return { pods: falling.length, minSeconds, p50Seconds, p99Seconds };
}

/**
 * A preStop sleep in whole seconds that would have covered 99 of 100 of these pods without the gate: the p99 (nearest
 * rank) of the times from leaving the Services (isolation; for a pod that the gate had no hand in, its deletion) to the
 * confirmation of the last proxy, rounded up, and 1 s for what the measuring itself does not see. Undefined when no such
 * time is known.
 */
export function recommendedPreStopSeconds(list: readonly Evidence[]): number | undefined {
  const rising = list.flatMap(removalSeconds).sort((a, b) => a - b);
  const p99 = percentile(rising, 99);
  return p99 === undefined ? undefined : Math.ceil(p99) + 1;
}

function removalSeconds({ isolatedAtMs, deletedAtMs, proxies }: Evidence): number[] {
  const leftAtMs = isolatedAtMs ?? deletedAtMs;
  if (leftAtMs === undefined || proxies === undefined || proxies.evidence === 'QuietTime') return [];
  return [Math.max(0, (proxies.atMs - leftAtMs) / 1000)];
}

function percentile(sorted: readonly number[], percent: number): number | undefined {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

/** The most that an event's `note` may hold is 1,024 bytes (events.k8s.io/v1). */
const longestText = 1_000;

/** One line for the pod's event: what was seen, when, and how it ended; times as seconds since the first. */
export function evidenceText(evidence: Evidence): string {
  const { proxies, drainedMet } = evidence;
  const silent = proxies?.silent.length ?? 0;
  const stages: readonly (readonly [text: string, atMs: number | undefined])[] = [
    ['asked', evidence.askedAtMs],
    ['handed over', evidence.handedOverAtMs],
    ['replaced', evidence.replacedAtMs],
    ['isolated', evidence.isolatedAtMs],
    ['slices clean', evidence.slicesCleanAtMs],
    [
      proxies === undefined
        ? ''
        : `proxies clean (${proxies.evidence}, ${proxies.confirmed} confirmed${silent === 0 ? '' : `, ${silent} silent`})`,
      proxies?.atMs,
    ],
    [drainedMet === false ? 'drained check timed out' : 'drained', evidence.drainedAtMs],
    ['deleted', evidence.deletedAtMs],
    ['SIGTERM (estimated)', evidence.sigtermAtMs],
    ['gone', evidence.goneAtMs],
  ];
  const seen = stages.flatMap(([text, atMs]) => (atMs === undefined ? [] : [{ text, atMs }]));
  const firstMs = seen[0]?.atMs ?? 0;
  const times = seen.map(({ text, atMs }) => `${text} ${((atMs - firstMs) / 1000).toFixed(1)} s`).join(', ');
  const margin = marginSeconds(evidence);
  const by = evidence.by === undefined ? '' : ` by ${evidence.by.slice(0, 100)}`;
  const removed = (evidence.removedLabels ?? []).join(' ').slice(0, 200);
  const line = [
    `${evidence.path}${by}: ${evidence.outcome}`,
    times,
    margin === undefined ? '' : `margin ${margin.toFixed(1)} s`,
    evidence.outcome === 'LastOnNode'
      ? 'not isolated: its node had no other ready endpoint of a Service with traffic policy Local and sent to it until it ended'
      : '',
    removed === '' ? '' : `labels removed: ${removed}`,
    evidence.violation ?? '',
  ]
    .filter((part) => part !== '')
    .join('; ')
    .replace(/\p{Cc}+/gu, ' ');
  return line.length <= longestText ? line : `${line.slice(0, longestText - 1)}…`;
}

/** Undefined for what is absent or no time. */
function msOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}

function present<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
