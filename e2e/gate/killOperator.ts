import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { leases, pods } from '../../src/kube/index.ts';
import { identify, signalProcess } from '../cluster/processIdentity.ts';
import { defaultNamespace, defaultRelease } from '../install/chart.ts';
import { operatorName } from './everyPath.ts';
import { DRAIN_ANNOTATION } from './podWatch.ts';
import { between } from './random.ts';
import type { Stage } from './stage.ts';

/** One SIGKILL of every replica at once; wall clock, milliseconds since 1970. */
export interface OperatorKill {
  readonly atMs: number;
  /** How many were running. */
  readonly killed: number;
  /** Whether one of them had begun to lead since the kill before. */
  readonly leading: boolean;
  /** Pods of the stage that were in drain. */
  readonly draining: number;
}

/** A dead leader's lease runs for 15 s, and a new one is not held up for long. */
const LEADER_LIMIT_MS = 25_000;
/** For a pod that is in drain, where one rollout follows the other. */
const DRAIN_LIMIT_MS = 10_000;
const POLL_MS = 50;

/**
 * Sends SIGKILL to all replicas of the operator again and again until a time: mostly every few seconds, which leaves them
 * without a leader, and each third time when there is a new one and pods are in drain.
 */
export async function killOperator(
  stage: Stage,
  random: () => number,
  untilMs: number,
): Promise<readonly OperatorKill[]> {
  const { client, cluster, signal } = stage;
  const name = await operatorName(cluster);
  const holder = async (): Promise<string> => {
    const lease = await client.find(leases, { namespace: defaultNamespace, name }, { signal });
    return lease?.spec?.holderIdentity ?? '';
  };
  const kills: OperatorKill[] = [];
  let before = await holder();
  while (Date.now() < untilMs) {
    if (kills.length % 3 === 2) {
      await within(LEADER_LIMIT_MS, async () => (await holder()) !== before);
      await within(DRAIN_LIMIT_MS, async () => (await draining(stage)) > 0);
      await sleep(between(random, 0, 1000), undefined, { signal });
    } else await sleep(between(random, 2000, 7000), undefined, { signal });
    const now = await holder();
    const leading = now !== before || kills.length === 0;
    kills.push({ atMs: Date.now(), leading, draining: await draining(stage), killed: await killAll(stage) });
    before = now;
  }
  return kills;
}

/** Waits for what may come to be, or for a while. */
async function within(limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + limitMs;
  while (!(await holds()) && Date.now() < untilMs) await sleep(POLL_MS);
}

async function draining({ client, namespace, signal }: Stage): Promise<number> {
  const { items } = await client.list(pods, { namespace, signal });
  return items.filter(({ metadata }) => metadata.annotations?.[DRAIN_ANNOTATION] !== undefined).length;
}

/** @returns how many processes there were to kill */
async function killAll({ client, signal }: Stage): Promise<number> {
  const labelSelector = `app.kubernetes.io/instance=${defaultRelease}`;
  const { items } = await client.list(pods, { namespace: defaultNamespace, labelSelector, signal });
  const uids = items.map(({ metadata }) => metadata.uid ?? '');
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || !isOperatorOf(uids, entry)) return false;
    const identity = identify(Number(entry));
    return identity !== undefined && signalProcess(identity, 'SIGKILL');
  }).length;
}

/** The kubelet puts a pod's processes into a cgroup that is named by its uid; one of them is the sandbox's own. */
function isOperatorOf(uids: readonly string[], pid: string): boolean {
  try {
    const cgroups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    if (!uids.some((uid) => cgroups.includes(`/pod${uid}/`))) return false;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('--leader-elect');
  } catch {
    return false; // It ended meanwhile.
  }
}
