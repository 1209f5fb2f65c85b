import type { KubeObject, LabelSelector } from '../../src/api/kubernetes.ts';
import { defineResource, type Pod } from '../../src/kube/index.ts';
import type { Seen } from './followObjects.ts';
import { DRAIN_ANNOTATION, isReady } from './podWatch.ts';

/** policy/v1 PodDisruptionBudget, as far as the watcher reads it. */
export interface PodDisruptionBudget extends KubeObject {
  readonly spec: { readonly minAvailable?: number; readonly selector?: LabelSelector };
  readonly status?: { readonly disruptionsAllowed?: number };
}

/** Where {@link PodDisruptionBudget} is served. */
export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
});

/** The budget's status may lag behind the pods, and our two watches behind each other: it must have been empty this long. */
const EMPTY_FOR_MS = 1000;
/** Another pod that went for another reason within this may have been counted healthy when the eviction was decided. */
const OTHER_LOSS_MS = 2000;

interface Counted {
  readonly app: string;
  readonly healthy: boolean;
}

interface Budget {
  readonly app: string;
  readonly minAvailable: number;
  readonly allowed: { readonly atMs: number; readonly count: number }[];
}

/**
 * Sees every eviction that took a pod out of service (label gone, or terminating) while its budget had none to give: its
 * status had allowed none for a while, or fewer healthy pods were left than it asks for, and no rollout or plain delete,
 * which are no budget's business, had just taken one. Pods are told in the API server's own order.
 */
export class BudgetWatch {
  readonly #pods = new Map<string, Counted>();
  readonly #budgets = new Map<string, Budget>();
  readonly #otherLossMs = new Map<string, number>();
  readonly #violations: string[] = [];
  #evictions = 0;

  /** Evictions of budgeted pods that took one out of service. */
  get evictions(): number {
    return this.#evictions;
  }

  /** In words. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** One state of a budget. */
  readonly noteBudget = ({ object, gone, atMs }: Seen<PodDisruptionBudget>): void => {
    const { name = '' } = object.metadata;
    if (gone) {
      this.#budgets.delete(name);
      return;
    }
    const { minAvailable = 0, selector } = object.spec;
    const allowed = this.#budgets.get(name)?.allowed ?? [];
    allowed.push({ atMs, count: object.status?.disruptionsAllowed ?? 0 });
    this.#budgets.set(name, { app: selector?.matchLabels?.['app'] ?? '', minAvailable, allowed });
  };

  /** One state of a pod. */
  readonly notePod = ({ object: pod, gone, atMs }: Seen<Pod>): void => {
    const { uid = '', name = '', labels, annotations, deletionTimestamp } = pod.metadata;
    const before = this.#pods.get(uid);
    const app = labels?.['app'] ?? before?.app ?? '';
    const healthy = !gone && labels?.['app'] !== undefined && deletionTimestamp === undefined && isReady(pod);
    if (gone) this.#pods.delete(uid);
    else this.#pods.set(uid, { app, healthy });
    if (before?.healthy !== true || healthy) return;
    if (isEviction(annotations?.[DRAIN_ANNOTATION])) this.#judge(name, app, atMs);
    else this.#otherLossMs.set(app, atMs);
  };

  #judge(pod: string, app: string, atMs: number): void {
    for (const [name, budget] of this.#budgets) {
      if (budget.app !== app) continue;
      this.#evictions++;
      const healthy = [...this.#pods.values()].filter((each) => each.app === app && each.healthy).length;
      const at = new Date(atMs).toISOString();
      if (wasEmpty(budget, atMs)) {
        this.#violations.push(`${at} ${pod} evicted while budget ${name} allowed none; ${healthy} healthy pods left`);
      } else if (healthy < budget.minAvailable && atMs - (this.#otherLossMs.get(app) ?? 0) > OTHER_LOSS_MS) {
        this.#violations.push(
          `${at} ${pod} evicted: ${healthy} healthy pods left, budget ${name} asks for ${budget.minAvailable}`,
        );
      }
    }
  }
}

/** Whether the budget allowed none in every state it had within the last while, the one it began with included. */
function wasEmpty({ allowed }: Budget, atMs: number): boolean {
  const recent = allowed.filter((state) => state.atMs > atMs - EMPTY_FOR_MS);
  const inForce = allowed.findLast((state) => state.atMs <= atMs - EMPTY_FOR_MS);
  return [...recent, ...(inForce === undefined ? [] : [inForce])].every(({ count }) => count === 0);
}

function isEviction(annotation: string | undefined): boolean {
  if (annotation === undefined) return false;
  const state = JSON.parse(annotation) as { readonly path?: string };
  return state.path === 'Eviction';
}
