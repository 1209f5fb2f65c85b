import { matchesLabelSelector } from '../../api/labelSelector.ts';
import { readState } from '../../gate/drainState.ts';
import { elapsedMs } from '../../gate/drainTime.ts';
import type { BudgetView, DrainState, PodView } from '../../gate/types.ts';
import { byNamespace, type GateCaches } from './caches.ts';
import type { GateMemory } from './memory.ts';

/**
 * A yes that no status has confirmed stops counting after this: a going that is counted together with its replacement changes no figure
 * of the status, and would block the budget for ever. No eviction takes the budget lower for it, even if its controller counts no
 * more: each has its own replacement Ready before it asks (step.model.test.ts).
 */
const PENDING_YES_LIMIT_MS = 30_000;

interface PendingInput {
  readonly caches: GateCaches;
  readonly memory: GateMemory;
  readonly key: Uint8Array;
  readonly nowMs: number;
}

interface Isolated {
  readonly pod: PodView;
  readonly state: DrainState;
}

/**
 * uid of the pod whose going the budget's status must show before its next yes is worth anything:
 *
 * - an isolated pod that the budget still selects, by a label that isolation had no need to take off: it counts as healthy
 *   until it is deleted, so the status allows one eviction too many for each;
 * - the pod that was given the last yes, until the status has changed;
 * - the pod that another leader isolated last, as that one's yes was only in its memory. Which status it saw is not known:
 *   this leader waits for the next change, as after a yes of its own.
 */
export function pendingUidOf(input: PendingInput, budget: BudgetView): string | undefined {
  const { memory, nowMs } = input;
  const name = `${budget.metadata.namespace ?? ''}/${budget.metadata.name ?? ''}`;
  const version = budget.metadata.resourceVersion ?? '';
  const isolated = isolatedUnder(input, budget);

  const healthy = isolated.filter(
    ({ pod }) => pod.ready && matchesLabelSelector(budget.selector, pod.metadata.labels ?? {}),
  );
  if (healthy.length > 0 && healthy.length >= budget.disruptionsAllowed) return healthy[0]?.pod.metadata.uid;

  const pending = memory.pendingYes.get(name);
  if (pending === undefined) {
    const last = lastOfAnotherLeader(input, isolated);
    if (last === undefined) return undefined;
    const { uid = '' } = last.pod.metadata;
    const atMs = nowMs - elapsedMs(nowMs, last.state.isolatedAt);
    memory.pendingYes.set(name, { podUid: uid, atMs, isolatedAtVersion: version });
    return uid;
  }
  const { podUid, atMs, isolatedAtVersion } = pending;
  // A status that was on its way while the pod was isolated, and before the budget was made to count, shows nothing.
  const isCounting = memory.peek(podUid)?.recounted !== false;
  const isShown = isCounting && isolatedAtVersion !== undefined && isolatedAtVersion !== version;
  if (!isShown && Math.abs(nowMs - atMs) <= PENDING_YES_LIMIT_MS) return podUid;
  memory.pendingYes.delete(name);
  const counted = memory.peek(podUid);
  if (counted !== undefined) counted.counted = true;
  return undefined;
}

/** Pods that left their Services and that the budget selected, before or still. */
function isolatedUnder({ caches, memory, key }: PendingInput, { metadata, selector }: BudgetView): readonly Isolated[] {
  return caches.pods.byIndex(byNamespace, metadata.namespace ?? '').flatMap((cached) => {
    const pod = memory.newest(cached);
    const read = readState(pod, key);
    if (read.kind !== 'State' || read.state.isolatedAt === undefined) return [];
    const labels = { ...read.state.removedLabels, ...pod.metadata.labels };
    const isUnder = pod.metadata.deletionTimestamp === undefined && matchesLabelSelector(selector, labels);
    return isUnder ? { pod, state: read.state } : [];
  });
}

function lastOfAnotherLeader({ memory, nowMs }: PendingInput, isolated: readonly Isolated[]): Isolated | undefined {
  const [last] = isolated
    .filter(
      ({ pod, state }) =>
        state.path === 'Eviction' &&
        elapsedMs(nowMs, state.isolatedAt) <= PENDING_YES_LIMIT_MS &&
        memory.peek(pod.metadata.uid ?? '')?.counted !== true,
    )
    .sort((a, b) => Date.parse(b.state.isolatedAt ?? '') - Date.parse(a.state.isolatedAt ?? ''));
  return last;
}
