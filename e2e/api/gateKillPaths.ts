import { setTimeout as sleep } from 'node:timers/promises';
import { DRAIN_ANNOTATION } from '../../src/api/index.ts';
import { pods } from '../../src/kube/index.ts';
import type { GateHarness } from './gateHarness.ts';
import { PretendApplication } from './gateKillPretend.ts';
import { type GatePath, gatePaths } from './gatePaths.ts';
import type { Scene } from './gateScene.ts';
import type { GateWrite, Trap, WriteKind } from './killingProxy.ts';

/** A path with what only kills need. */
export interface KillPath extends GatePath {
  /** Besides those of its own writes. */
  readonly more?: readonly Omit<Trap, 'namespace'>[];
  /** Its first round: an intent cannot wait for what comes late on another path. */
  readonly firstRound?: number;
}

/** Beside their own writes: what is new where an application is asked. */
const only =
  (...kinds: readonly WriteKind[]) =>
  ({ kind }: GateWrite): boolean =>
    !kinds.includes(kind);

/** All of {@link gatePaths}, the same with a drained check, and a state that nobody of us has written. */
export function killPaths(application: PretendApplication): readonly KillPath[] {
  const drainedScene = (name: string): Pick<GatePath, 'name' | 'scene'> => ({
    name,
    scene: {
      spec: {
        endpointCheck: {
          quietSeconds: 1,
          drained: { httpGet: { path: `/${name}`, port: application.port }, timeoutSeconds: 20 },
        },
      },
    },
  });
  const asked: readonly Omit<Trap, 'namespace'>[] = [
    { kind: 'AskDrained', nth: 1, moment: 'before' },
    { kind: 'AskDrained', nth: 1, moment: 'after' },
    { kind: 'AskSlices', nth: 1, moment: 'later' },
  ];
  const byName = (name: string): GatePath => {
    const found = gatePaths.find((path) => path.name === name);
    if (found === undefined) throw new Error(`there is no path ${name}`);
    return found;
  };
  const drained = (name: string, of: string, kinds: readonly WriteKind[]): KillPath => {
    const path = byName(of);
    const { name: _, scene } = drainedScene(name);
    return {
      ...path,
      name,
      scene: { ...path.scene, ...scene },
      ask: async (into, harness) => {
        await makeAskable(into, harness);
        await path.ask(into, harness);
      },
      skip: only(...kinds),
      more: asked,
      firstRound: 6,
    };
  };
  return [
    ...gatePaths,
    drained('scale-drained', 'scale', ['LetGo']),
    drained('evict-drained', 'evict-budget', ['LetGo', 'AskSlices']),
    drained('delete-drained', 'delete', ['MarkDrained', 'AskSlices']),
    {
      name: 'forged',
      scene: { replicas: 1 },
      ask: forge,
      replicas: 1,
      ends: 0,
      fewestReady: 1,
      skip: only('RemoveForged'),
      firstRound: 6,
    },
  ];
}

/** The application answers for all of its pods, at an address that they have beside the one of their endpoints. */
async function makeAskable(scene: Scene, { api: { client, signal } }: GateHarness): Promise<void> {
  for (const { metadata, status } of await scene.listPods()) {
    const { namespace = '', name = '' } = metadata;
    const ips = (status?.podIPs ?? []).filter(({ ip }) => ip !== PretendApplication.address);
    const podIPs = [{ ip: PretendApplication.address }, ...ips];
    const body = { status: { podIP: PretendApplication.address, podIPs } };
    await client.patch(pods, { namespace, name }, { type: 'merge', body }, { signal, subresource: 'status' });
  }
  // For the operator's caches.
  await sleep(300);
}

async function forge(scene: Scene, { api: { client, signal } }: GateHarness): Promise<void> {
  const [pod] = await scene.listPods();
  const { namespace = '', name = '' } = pod?.metadata ?? {};
  const now = new Date().toISOString();
  const state = { path: 'Eviction', by: 'somebody', askedAt: now, handedOverAt: now, isolatedAt: now, sig: 'none' };
  const body = { metadata: { annotations: { [DRAIN_ANNOTATION]: JSON.stringify(state) } } };
  await client.patch(pods, { namespace, name }, { type: 'merge', body }, { signal });
}

/** Two kills: the second at what is written only by who finds what the first has left. */
export interface KillChain {
  /** Of the path. */
  readonly path: string;
  readonly first: Omit<Trap, 'namespace'>;
  /** While the first write is held. */
  whileHeld?(scene: Scene): Promise<void>;
  readonly second: Omit<Trap, 'namespace' | 'moment'>;
  /** Instead of those of the path. */
  readonly replicas?: number;
  readonly ends?: number;
}

/** All of them; each is played with its second kill before and after. */
export const killChains: readonly KillChain[] = [
  {
    // Nobody wants the pod to go any more, and nothing was done to it yet.
    path: 'scale-drained',
    first: { kind: 'Isolate', nth: 1, moment: 'before' },
    whileHeld: (scene) => scene.scale(3),
    second: { kind: 'Cancel', nth: 1 },
    replicas: 3,
    ends: 0,
  },
  {
    // The pod ends, and who finds it does not know that it was let go.
    path: 'scale',
    first: { kind: 'LetGo', nth: 1, moment: 'after' },
    second: { kind: 'ReturnOwner', nth: 1 },
  },
];
