import { textTable } from '../e2e/gate/textTable.ts';
import { spread } from '../e2e/load/tally.ts';

/** One rollout. */
export interface CostMeasurement {
  readonly side: 'plain' | 'gated';
  readonly replicas: number;
  /** From `rollout restart` until `rollout status` ends. */
  readonly statusMs: number;
  /** Until the old pods are gone too. */
  readonly goneMs: number;
  /** `DELETE pods 404` and the like: how often, everybody together. */
  readonly requests: Readonly<Record<string, number>>;
  readonly webhooks: Readonly<Record<string, { readonly calls: number; readonly held: number }>>;
}

/** When a stage of a drain was reached, after it was asked for. */
export interface StageTimes {
  readonly replicas: number;
  readonly stage: string;
  readonly pods: number;
  readonly p50Ms: number;
  readonly maxMs: number;
}

/** What is printed with `--json`. */
export interface CostReport {
  readonly kubernetes: string;
  readonly nodes: number;
  readonly sizes: readonly SizeCost[];
  readonly stages: readonly StageTimes[];
  readonly measurements: readonly CostMeasurement[];
}

/** Medians over the rollouts of one size. */
export interface SizeCost {
  readonly replicas: number;
  readonly statusMs: Readonly<Record<'plain' | 'gated', number>>;
  /** Gated to plain. */
  readonly statusRatio: number;
  /** Whether that is 1.1 at most. */
  readonly statusMet: boolean;
  readonly goneMs: Readonly<Record<'plain' | 'gated', number>>;
  /** DELETE of pods by everybody (the kubelet's last one included) per pod that ended. */
  readonly deletesPerPod: Readonly<Record<'plain' | 'gated', number>>;
  /** Calls that the gated rollout needed beyond the plain one, per pod, by verb and resource: writes, and {@link GATE_READS}. */
  readonly extraCallsPerPod: Readonly<Record<string, number>>;
  /** Calls of the webhook for the ReplicaSet controller, all rollouts, and how many took longer than half a second. */
  readonly replicaSetPath: { readonly calls: number; readonly held: number };
}

const REPLICA_SET_WEBHOOK = 'replicasets.gate.graceful-rollout.io';

/** Gated to plain, `kubectl rollout status`. */
const STATUS_LIMIT = 1.1;

/**
 * What the gate reads for a pod; a LIST of pods is none of it, nor is any other read: the rig polls with those, and counts
 * as long as a rollout takes.
 */
const GATE_READS = /^(?:(?:GET|LIST) endpointslices|GET pods) /;

/** Sums up. */
export function costReport(facts: Omit<CostReport, 'sizes'>): CostReport {
  const sizes = [...new Set(facts.measurements.map(({ replicas }) => replicas))];
  return { ...facts, sizes: sizes.map((replicas) => sizeCost(facts.measurements, replicas)) };
}

function sizeCost(all: readonly CostMeasurement[], replicas: number): SizeCost {
  const of = (side: 'plain' | 'gated') => all.filter((each) => each.replicas === replicas && each.side === side);
  const both = (figure: (one: CostMeasurement) => number) => ({
    plain: median(of('plain').map(figure)),
    gated: median(of('gated').map(figure)),
  });
  const statusMs = both(({ statusMs }) => statusMs);
  const keys = new Set(of('gated').flatMap(({ requests }) => Object.keys(requests)));
  const extra: Record<string, number> = {};
  for (const key of keys) {
    if (/^(GET|LIST) /.test(key) && !GATE_READS.test(key)) continue;
    const { plain, gated } = both(({ requests }) => (requests[key] ?? 0) / replicas);
    if (gated > plain) extra[key] = round(gated - plain);
  }
  const calls = of('gated').map(({ webhooks }) => webhooks[REPLICA_SET_WEBHOOK] ?? { calls: 0, held: 0 });
  return {
    replicas,
    statusMs,
    statusRatio: round(statusMs.gated / statusMs.plain),
    statusMet: statusMs.gated <= STATUS_LIMIT * statusMs.plain,
    goneMs: both(({ goneMs }) => goneMs),
    deletesPerPod: both(({ requests }) => round(deletes(requests) / replicas)),
    extraCallsPerPod: extra,
    replicaSetPath: {
      calls: calls.reduce((sum, each) => sum + each.calls, 0),
      held: calls.reduce((sum, each) => sum + each.held, 0),
    },
  };
}

function deletes(requests: Readonly<Record<string, number>>): number {
  return Object.entries(requests)
    .filter(([key]) => key.startsWith('DELETE pods '))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** The stages of `status.endpointCheck.recent[]`: every member that is a time, counted from `askedAt`. */
export function stageTimes(replicas: number, recent: readonly Readonly<Record<string, unknown>>[]): StageTimes[] {
  const after = new Map<string, number[]>();
  for (const pod of recent) {
    const askedMs = Date.parse(String(pod['askedAt']));
    for (const [member, value] of Object.entries(pod)) {
      const atMs = Date.parse(String(value));
      if (!member.endsWith('At') || member === 'askedAt' || Number.isNaN(atMs) || Number.isNaN(askedMs)) continue;
      after.set(member, [...(after.get(member) ?? []), atMs - askedMs]);
    }
  }
  return [...after]
    .map(([stage, tookMs]) => ({ replicas, stage, pods: tookMs.length, ...pickSpread(tookMs) }))
    .sort((a, b) => a.p50Ms - b.p50Ms);
}

function pickSpread(tookMs: readonly number[]): { readonly p50Ms: number; readonly maxMs: number } {
  const { p50Ms, maxMs } = spread(tookMs);
  return { p50Ms, maxMs };
}

/** For people. */
export function costTable(report: CostReport): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const rows = report.sizes.flatMap((size) =>
    (['plain', 'gated'] as const).map((side) => [
      String(size.replicas),
      side,
      seconds(size.statusMs[side]),
      side === 'gated' ? size.statusRatio.toFixed(2) : '',
      seconds(size.goneMs[side]),
      size.deletesPerPod[side].toFixed(2),
    ]),
  );
  return [
    `Kubernetes ${report.kubernetes}, ${report.nodes} nodes; medians; same strategy, probe and preStop on both sides`,
    '',
    textTable(['>replicas', 'Deployment', '>rollout status s', '>ratio', '>old pods gone s', '>DELETEs per pod'], rows),
    '',
    ...report.sizes.flatMap(({ replicas, statusRatio, statusMet, replicaSetPath, extraCallsPerPod }) => [
      `${replicas} replicas: rollout status took ${statusRatio.toFixed(2)} times the plain one, ${STATUS_LIMIT} at most: ${statusMet ? 'met' : 'not met'}`,
      `${replicas} replicas: ${replicaSetPath.calls} calls on the ReplicaSet path, ${replicaSetPath.held} held`,
      `${replicas} replicas, API calls per gated pod beyond plain: ${extraText(extraCallsPerPod)}`,
    ]),
    '',
    textTable(
      ['>replicas', 'stage', '>pods', '>after asked p50 s', '>max s'],
      report.stages.map(({ replicas, stage, pods, p50Ms, maxMs }) => [
        ...[String(replicas), stage, String(pods), seconds(p50Ms), seconds(maxMs)],
      ]),
    ),
  ].join('\n');
}

function extraText(extra: Readonly<Record<string, number>>): string {
  const parts = Object.entries(extra).sort(([, a], [, b]) => b - a);
  const sum = parts.reduce((total, [, count]) => total + count, 0);
  return `${round(sum)} (${parts.map(([key, count]) => `${count} ${key}`).join(', ') || 'none'})`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
