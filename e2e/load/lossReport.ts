import type { ProxyMode } from '../cluster/index.ts';
import { LOSS_CLASSES, type LossClass } from './lossClass.ts';
import type { ConnectionMode, TargetCount } from './plan.ts';

/** The servers under load: one that exits at once on SIGTERM, one that drains its connections, a real nginx. */
export const SERVER_NAMES = ['abrupt', 'draining', 'nginx'] as const;
/** One of {@link SERVER_NAMES}. */
export type ServerName = (typeof SERVER_NAMES)[number];

/** `plain`: a Deployment as people write it. `protected`: the same one, named by a GracefulRollout. */
export type Side = 'plain' | 'protected';

/** One rollout of one Deployment; wall clock, milliseconds since 1970. */
export interface RolloutTimes {
  /** `kubectl rollout restart` was called. */
  readonly startedAtMs: number;
  /** Every replica comes from the new template and is available: what `kubectl rollout status` waits for. */
  readonly availableAtMs: number;
  /** The old pods are gone too. */
  readonly settledAtMs: number;
}

/** The end of one pod, as polled. */
export interface PodEnd {
  readonly pod: string;
  /** First seen with a deletionTimestamp. */
  readonly terminatingAtMs: number;
  /** First seen no more. */
  readonly goneAtMs: number;
}

/** What the way to the pods showed while a row was measured; see docs/decisions/0007. */
export interface DataPath {
  readonly proxyMode: ProxyMode;
  /** Connections to the row's Service that passed a node without being translated to a pod; all nodes together. */
  readonly untranslated: number;
  /** The fewest ready endpoints that the Service had. */
  readonly minReadyEndpoints: number;
}

/** One row of the table: one Deployment, one way to connect. */
export interface LossRow extends Omit<TargetCount, 'name'>, Omit<DataPath, 'proxyMode'> {
  readonly server: ServerName;
  readonly side: Side;
  readonly lostPercent: number;
  /** How many of `lost` are the kernel's: {@link kernelLosses}. */
  readonly kernelLosses: number;
  readonly rollouts: readonly RolloutTimes[];
  readonly podEnds: readonly PodEnd[];
  /** What the row has to show; undefined: it shows what it shows. */
  readonly expectation: string | undefined;
  readonly met: boolean;
}

/** The rows that were measured at the same time: both Deployments of one server, connected to in one way. */
export interface LossScenarioResult {
  readonly server: ServerName;
  readonly mode: ConnectionMode;
  readonly startedAtMs: number;
  readonly idleEndedAtMs: number;
  readonly finishedAtMs: number;
  /** Requests of the idle stretch, both rows together; none was lost, or there would be no result. */
  readonly idleRequests: number;
  /** Runs that were thrown away because the rig, not a rollout, lost requests; why. */
  readonly voidRuns: readonly string[];
  readonly rows: readonly LossRow[];
}

/** Everything that `npm run bench -- loss --json` prints. */
export interface LossReport {
  readonly kubernetes: string;
  readonly proxyMode: ProxyMode;
  readonly provider: string;
  readonly nodes: number;
  readonly measuredAt: string;
  readonly note: string;
  readonly scenarios: readonly LossScenarioResult[];
  readonly met: boolean;
}

/** Said wherever the figures are shown. */
export const NOTE =
  'The protected figures are for rollouts of pods that already carry the contract; the first rollout, which brings it in, is not measured here.';

/** The plain Deployment of the abrupt server has to lose more than this, or the rig shows nothing. */
export const PLAIN_LOSS_FLOOR_PERCENT = 0.5;

/**
 * How many refused connections are the kernel's and no rollout's: in nftables mode a SYN can meet the rules in the middle
 * of their replacement and is refused untranslated. Only what was counted as such, and only where the Service always
 * had a ready endpoint: without one a refusal is the right answer.
 */
export function kernelLosses(
  byClass: TargetCount['byClass'],
  { proxyMode, untranslated, minReadyEndpoints }: DataPath,
): number {
  if (proxyMode !== 'nftables' || minReadyEndpoints < 1) return 0;
  return Math.min(untranslated, byClass['connect-refused'] ?? 0);
}

/** What {@link expectationOf} looks at. */
export type RowFigures = Pick<LossRow, 'lost' | 'lostPercent' | 'kernelLosses'>;

/**
 * What a row must show. Protected: no loss on new connections, and none on keep-alive where the server drains its
 * connections, but for what is the kernel's. Plain: the abrupt server must lose, or the run would find no loss where there is one.
 */
export function expectationOf(
  server: ServerName,
  side: Side,
  mode: ConnectionMode,
): { readonly text: string; readonly met: (figures: RowFigures) => boolean } | undefined {
  if (side === 'protected') {
    if (mode === 'keep-alive' && server !== 'draining') return undefined;
    return { text: 'loses 0', met: ({ lost, kernelLosses }) => lost - kernelLosses === 0 };
  }
  if (server !== 'abrupt' || mode !== 'new-connection') return undefined;
  return {
    text: `loses > ${PLAIN_LOSS_FLOOR_PERCENT} %`,
    met: ({ lostPercent }) => lostPercent > PLAIN_LOSS_FLOOR_PERCENT,
  };
}

/** Makes a row of what was counted. */
export function lossRow(
  server: ServerName,
  side: Side,
  { name: _name, ...count }: TargetCount,
  rollouts: readonly RolloutTimes[],
  podEnds: readonly PodEnd[],
  dataPath: DataPath,
): LossRow {
  const lostPercent = count.requests === 0 ? 0 : (100 * count.lost) / count.requests;
  const expectation = expectationOf(server, side, count.mode);
  const ofKernel = kernelLosses(count.byClass, dataPath);
  const { untranslated, minReadyEndpoints } = dataPath;
  return {
    ...count,
    server,
    side,
    lostPercent: Math.round(lostPercent * 1000) / 1000,
    kernelLosses: ofKernel,
    untranslated,
    minReadyEndpoints,
    rollouts,
    podEnds,
    expectation: expectation?.text,
    met: expectation?.met({ lost: count.lost, lostPercent, kernelLosses: ofKernel }) ?? true,
  };
}

/**
 * Sentences for the losses that taking a pod out of its Services cannot prevent: what they are and what mends them.
 * Empty where a protected row lost nothing of the kind.
 */
export function remedies(rows: readonly LossRow[]): string[] {
  const sentences: string[] = [];
  for (const row of rows) {
    if (row.side !== 'protected') continue;
    for (const [name, count] of Object.entries(row.byClass) as [LossClass, number][]) {
      const { meaning, remedy, endpointRemoval } = LOSS_CLASSES[name];
      if (endpointRemoval) continue;
      sentences.push(
        `${row.server}, protected, ${row.mode}: ${count} ${name} (${meaning}). Endpoint removal cannot mend that. What does: ${remedy}.`,
      );
    }
  }
  return sentences;
}
