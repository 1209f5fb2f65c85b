import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { GateHarness } from './gateHarness.ts';
import type { Scene, SceneOptions } from './gateScene.ts';
import { until } from './harness.ts';
import type { GateWrite, WriteKind } from './killingProxy.ts';

/** One way by which pods are asked to end. */
export interface GatePath {
  readonly name: string;
  readonly scene: Omit<SceneOptions, 'namespace'>;
  /** Asks; resolves when the asker has what was asked for, rejects where plain Kubernetes would not have failed. */
  ask(scene: Scene, harness: GateHarness): Promise<void>;
  /** Replicas in the end. */
  readonly replicas: number;
  /** Pods that end for it. */
  readonly ends: number;
  /** The fewest ready endpoints at any time; what it may be where the operator was killed in the middle of it. */
  readonly fewestReady: number;
  readonly fewestReadyWhenKilled?: (at: WriteKind) => number;
  /** It asks by kubectl, which takes its time to start. */
  readonly byKubectl?: boolean;
  /** Brings the scene back to its beginning. */
  reset?(scene: Scene): Promise<void>;
  /** Writes at which nothing is killed: what other paths have too. */
  readonly skip?: (write: GateWrite) => boolean;
}

const anyPod = async (scene: Scene): Promise<string> => (await scene.listPods())[0]?.metadata.name ?? '';

/** All of them. */
export const gatePaths: readonly GatePath[] = [
  {
    name: 'scale',
    scene: {},
    ask: (scene) => scene.scale(2),
    replicas: 2,
    ends: 1,
    fewestReady: 2,
    reset: async (scene) => {
      await scene.scale(3);
      await scene.settled(3);
    },
  },
  {
    name: 'rollout',
    scene: { replicas: 2 },
    ask: (scene) => scene.newTemplate(),
    replicas: 2,
    ends: 2,
    fewestReady: 2,
  },
  {
    name: 'evict',
    scene: {},
    ask: async (scene) => scene.evict(await anyPod(scene)),
    replicas: 3,
    ends: 1,
    fewestReady: 2,
  },
  {
    name: 'evict-budget',
    scene: { minAvailable: 3 },
    ask: async (scene) => scene.evict(await anyPod(scene)),
    replicas: 3,
    ends: 1,
    fewestReady: 3,
    // The API server evicts, by a status of the budget that may still count the pod that left it before.
    fewestReadyWhenKilled: (at) => (at === 'Intent' ? 2 : 3),
  },
  {
    name: 'evict-single',
    scene: { replicas: 1 },
    ask: async (scene) => scene.evict(await anyPod(scene)),
    replicas: 1,
    ends: 1,
    fewestReady: 1,
    // Nobody answers the question that the intent comes from: the API server evicts.
    fewestReadyWhenKilled: (at) => (at === 'Intent' ? 0 : 1),
  },
  {
    name: 'delete',
    scene: {},
    ask: async (scene) => deletePod(scene, await anyPod(scene)),
    byKubectl: true,
    replicas: 3,
    ends: 1,
    fewestReady: 2,
  },
  {
    name: 'delete-single',
    scene: { replicas: 1 },
    ask: async (scene) => deletePod(scene, await anyPod(scene)),
    byKubectl: true,
    replicas: 1,
    ends: 1,
    fewestReady: 1,
    // The request waits in the operator that dies; the API server deletes then.
    fewestReadyWhenKilled: () => 0,
  },
  {
    name: 'delete-given-up',
    scene: { replicas: 1 },
    ask: giveUp,
    replicas: 1,
    // Given back, it is one too many: its ReplicaSet ends one of the two.
    ends: 1,
    fewestReady: 1,
    skip: ({ kind }) => kind !== 'Abandon' && kind !== 'GiveBack',
  },
];

async function deletePod(scene: Scene, name: string): Promise<void> {
  await scene.kubectl(['delete', 'pod', name]);
}

/** Ctrl-C while the pod waits for its replacement. */
async function giveUp(scene: Scene, { api, proxy }: GateHarness): Promise<void> {
  const before = proxy.writesIn(scene.namespace).length;
  const args = [
    'delete',
    'pod',
    await anyPod(scene),
    '-n',
    scene.namespace,
    '--kubeconfig',
    api.controlPlane.kubeconfigPath,
  ];
  const kubectl = spawn(api.controlPlane.kubectl, args, { stdio: 'ignore' });
  const ended = once(kubectl, 'close');
  await until('the pod was handed over', async () =>
    proxy
      .writesIn(scene.namespace)
      .slice(before)
      .some(({ kind }) => kind === 'HandOver')
      ? true
      : undefined,
  );
  kubectl.kill('SIGINT');
  await ended;
}
