import type {
  BudgetFacts,
  DrainPath,
  DrainState,
  GateSettings,
  Observation,
  ProxyAnswer,
  ServiceFacts,
  Sibling,
} from '../types.ts';

/** The moment of every built observation. */
export const NOW_MS = Date.parse('2026-01-01T12:00:00.000Z');

/** The same by the monotonic clock. */
export const MONO_MS = 1_000_000;

/** RFC 3339, so many seconds before {@link NOW_MS}. */
export function ago(seconds: number): string {
  return new Date(NOW_MS - seconds * 1000).toISOString();
}

export const rsOwner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'web-1',
  uid: 'rs',
  controller: true,
  blockOwnerDeletion: true,
} as const;

export const deploymentOwner = { ...rsOwner, kind: 'Deployment', name: 'web', uid: 'deployment' } as const;

export const barrier: ProxyAnswer = { evidence: 'Barrier', atMs: NOW_MS, confirmed: 2, silent: [] };

export function sibling(uid: string, given: Partial<Sibling> = {}): Sibling {
  return { uid, ready: true, terminating: false, ownerUid: 'rs', createdAt: ago(600), ...given };
}

export function service(readyUids: readonly string[], given: Partial<ServiceFacts> = {}): ServiceFacts {
  return { name: 'web', selector: { app: 'web' }, readyUids, ...given };
}

export interface Given {
  readonly path?: DrainPath;
  readonly handedOver?: boolean;
  readonly state?: Partial<DrainState>;
  readonly settings?: Partial<GateSettings>;
  readonly progress?: Observation['progress'];
  readonly pod?: Partial<Observation['pod']>;
  readonly deployment?: Partial<NonNullable<Observation['deployment']>> | null;
  readonly replicas?: number;
  readonly replicaSet?: null;
  readonly siblings?: readonly Sibling[];
  readonly services?: readonly ServiceFacts[];
  readonly listed?: Observation['listed'];
  readonly budgets?: readonly BudgetFacts[];
  readonly node?: Observation['node'] | null;
  readonly selectedOn?: Observation['selectedOn'];
}

/**
 * A pod `a` of a Deployment with pods a, b and c, all Ready in one Service, asked 3 s ago; `replicas` 2 on scale-down, else
 * 3. Handed over: its ReplicaSet has b and c only. Isolated: without its label `app`.
 */
export function observation(given: Given = {}): Observation {
  const path = given.path ?? 'ScaleDown';
  const handedOver = given.handedOver ?? false;
  const replicas = given.replicas ?? (path === 'ScaleDown' ? 2 : 3);
  const isIsolated = given.state?.isolatedAt !== undefined;
  const owner = handedOver ? deploymentOwner : rsOwner;
  return {
    nowMs: NOW_MS,
    monoMs: MONO_MS,
    settings: { mode: 'Gate', timeoutSeconds: 60, ...given.settings },
    pod: {
      metadata: {
        namespace: 'shop',
        name: 'web-a',
        uid: 'a',
        resourceVersion: '7',
        labels: isIsolated ? { tier: 'front' } : { app: 'web', tier: 'front' },
        ownerReferences: [owner],
      },
      phase: 'Running',
      ready: true,
      ips: ['10.0.0.1'],
      gracePeriodSeconds: 30,
      preStopSeconds: 5,
      ...given.pod,
    },
    state: {
      path,
      by: 'somebody',
      askedAt: ago(3),
      ...(path === 'Delete' ? { until: ago(-22) } : {}),
      ...(handedOver ? { owner: rsOwner, handedOverAt: ago(2) } : {}),
      ...given.state,
    },
    progress: given.progress ?? {},
    ...(given.deployment === null
      ? {}
      : {
          deployment: {
            name: 'web',
            uid: 'deployment',
            replicas,
            recreate: false,
            deleting: false,
            ...given.deployment,
          },
        }),
    ...(given.replicaSet === null ? {} : { replicaSet: { name: 'web-1', uid: 'rs', replicas } }),
    siblings: given.siblings ?? [sibling('a', { ownerUid: owner.uid }), sibling('b'), sibling('c')],
    services: given.services ?? [service(['a', 'b', 'c'])],
    listed: given.listed ?? 'Never',
    budgets: given.budgets ?? [],
    ...(given.node === null ? {} : { node: given.node ?? { unschedulable: false, ready: true } }),
    selectedOn: given.selectedOn ?? [],
  };
}
