import type { Cluster } from '../cluster/index.ts';
import type { ServerName } from '../load/lossReport.ts';
import type { ConnectionMode } from '../load/plan.ts';
import type { OperatorPresence } from './gateVerdict.ts';
import {
  deletePods,
  drain,
  firstRollout,
  type Operation,
  rolloutAndDrain,
  rolloutRestart,
  scaleTo,
  undoInMidRollout,
  withPausedProxy,
} from './operations.ts';
import type { StageOptions } from './stage.ts';
import type { Workload } from './workload.ts';

/** What a case is made of besides the server. */
export interface GateCase {
  readonly replicas: number;
  readonly startUpSeconds?: number;
  /** Of each side's PodDisruptionBudget. */
  readonly minAvailable?: number;
  /** Members in which the plain side differs. */
  readonly plain?: Partial<Workload>;
  readonly stage?: (cluster: Cluster) => StageOptions;
  readonly operation: (cluster: Cluster, workloads: readonly Workload[]) => Operation;
  /** Requests that the plain side loses at least when its server exits abruptly: fewer, and the rig shows nothing. */
  readonly plainLosesAtLeast: number;
  /** The same for the server that drains its connections: its clients connect anew, and the proxies are late. Default 0. */
  readonly plainDrainingLosesAtLeast?: number;
  /** Default `stays`. */
  readonly operator?: OperatorPresence;
  /** Nodes that it needs. Default 2. */
  readonly nodes?: number;
}

const nodeOf = ({ nodes }: Cluster, index: number): string => {
  const node = nodes[index];
  if (node === undefined) throw new Error(`this case needs ${index + 1} nodes, the cluster has ${nodes.length}`);
  return node;
};
const onFirstNode = (cluster: Cluster): StageOptions => ({ onNode: nodeOf(cluster, 0) });

/** The operations that the gate must carry through without a lost request. */
export const GATE_CASES = {
  rollout: { replicas: 4, operation: () => rolloutRestart, plainLosesAtLeast: 10, plainDrainingLosesAtLeast: 1 },
  'first-rollout': {
    replicas: 4,
    stage: () => ({ withoutRollouts: true }),
    operation: (_, workloads) => firstRollout(workloads),
    plainLosesAtLeast: 10,
  },
  'scale-down': { replicas: 6, operation: () => scaleTo(2), plainLosesAtLeast: 1, plainDrainingLosesAtLeast: 1 },
  'delete-pod': { replicas: 4, operation: () => deletePods(1), plainLosesAtLeast: 1 },
  drain: {
    replicas: 4,
    operation: (cluster) => drain(nodeOf(cluster, 0)),
    plainLosesAtLeast: 1,
    operator: 'moves',
  },
  'drain-single': {
    replicas: 1,
    startUpSeconds: 10,
    stage: onFirstNode,
    operation: (cluster) => drain(nodeOf(cluster, 0)),
    plainLosesAtLeast: 1000,
    plainDrainingLosesAtLeast: 1000,
    operator: 'moves',
  },
  'drain-budget': {
    replicas: 4,
    minAvailable: 4,
    // A plain workload whose budget has nothing to give can never be drained.
    plain: { minAvailable: 3 },
    operation: (cluster) => drain(nodeOf(cluster, 0)),
    plainLosesAtLeast: 1,
    operator: 'moves',
  },
  'two-drains': {
    replicas: 4,
    operation: (cluster) => drain(nodeOf(cluster, 0), nodeOf(cluster, 1)),
    plainLosesAtLeast: 1,
    operator: 'moves',
    nodes: 3,
  },
  'rollout-and-drain': {
    replicas: 4,
    operation: (cluster) => rolloutAndDrain(nodeOf(cluster, 0)),
    plainLosesAtLeast: 10,
    operator: 'moves',
  },
  undo: { replicas: 4, operation: () => undoInMidRollout, plainLosesAtLeast: 10, plainDrainingLosesAtLeast: 1 },
  /** The plain side has the fixed sleep that people use, and a GracefulRollout whose gate is off. */
  'slow-proxy': {
    replicas: 4,
    plain: { rollout: { termination: { preStopSleepSeconds: 5 }, endpointCheck: { mode: 'Off' } } },
    operation: (cluster) => withPausedProxy(nodeOf(cluster, 0), 8000, scaleTo(2)),
    plainLosesAtLeast: 10,
  },
} as const satisfies Readonly<Record<string, GateCase>>;

/** One of {@link GATE_CASES}. */
export type GateCaseName = keyof typeof GATE_CASES;

/** One case with one server, connected to in one way. */
export interface GateVariant {
  readonly case: GateCaseName;
  readonly server: Extract<ServerName, 'abrupt' | 'draining'>;
  readonly mode: ConnectionMode;
  /** `contract`: the defaults. `gate-alone`: no preStop sleep, so that nothing but the gate keeps requests. */
  readonly termination: 'contract' | 'gate-alone';
}

/** New connections to the server that exits at once; kept ones, never repeated, to the one that drains its own. */
export function variantsOf(name: GateCaseName): GateVariant[] {
  return [
    { case: name, server: 'abrupt', mode: 'new-connection', termination: 'gate-alone' },
    { case: name, server: 'draining', mode: 'keep-alive', termination: 'gate-alone' },
  ];
}

/** What the plain side of a variant loses at least. */
export function plainLossFloor(variant: GateVariant): number {
  const gateCase: GateCase = GATE_CASES[variant.case];
  return variant.server === 'abrupt' ? gateCase.plainLosesAtLeast : (gateCase.plainDrainingLosesAtLeast ?? 0);
}

/** The two workloads of a variant. */
export function workloadsOf(variant: GateVariant, image: string): Workload[] {
  const { replicas, startUpSeconds, minAvailable, plain = {} }: GateCase = GATE_CASES[variant.case];
  const shared = {
    namespace: `gate-${variant.case}-${variant.server}`,
    server: variant.server,
    image,
    replicas,
    ...(startUpSeconds === undefined ? {} : { startUpSeconds }),
    ...(minAvailable === undefined ? {} : { minAvailable }),
  };
  // A grace period that the Deployment does not have yet: without any sleep there is still something to bring in.
  const gateAlone = { termination: { preStopSleepSeconds: 0, drainSeconds: 30 } };
  const rollout = variant.termination === 'gate-alone' ? gateAlone : {};
  return [
    { ...shared, name: 'plain', ...plain },
    { ...shared, name: 'protected', rollout },
  ];
}
