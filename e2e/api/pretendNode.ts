import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createInformer, isNotFound, type Node, nodes, type Pod, pods } from '../../src/kube/index.ts';

/** How the pods of a {@link PretendNode} behave. */
export interface PretendOptions {
  /** From the first sight of a pod until it is Ready, milliseconds; Infinity: never. Default: 0. */
  readonly startMs?: (pod: Pod) => number;
  /** From the deletion of a pod until it is gone, milliseconds. Default: 0. */
  readonly stopMs?: number;
}

/**
 * Plays the kubelet for a node that is not there: pods that name it get an address, become Ready and go when they are
 * deleted. Enough for Deployments to roll out where only their objects matter; no claim about pods rests on it.
 */
export class PretendNode {
  readonly name: string;
  readonly #options: PretendOptions;
  /** By uid. */
  readonly #addresses = new Map<string, string>();
  readonly #begun = new Set<string>();
  readonly #client: Client;
  readonly #stop = new AbortController();
  readonly #busy = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(client: Client, name: string, options: PretendOptions) {
    this.#client = client;
    this.name = name;
    this.#options = options;
  }

  static async start(client: Client, name: string, options: PretendOptions = {}): Promise<PretendNode> {
    const node = new PretendNode(client, name, options);
    const { signal } = node.#stop;
    const status = { conditions: [{ type: 'Ready', status: 'True', reason: 'Pretended', message: '' }] };
    await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name }, status } as Node, { signal });
    const informer = createInformer<Pod>({ client, resource: pods, fieldSelector: `spec.nodeName=${name}` });
    informer.onChange((_key, { new: pod }) => {
      if (pod !== undefined) node.#look(pod);
    });
    node.#running = informer.run(signal);
    await informer.waitForSync(signal);
    return node;
  }

  /** Rejects when the play went wrong in between. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([...this.#busy]);
    await this.#running;
    if (this.#failure !== undefined) throw new Error('the pretended node failed', { cause: this.#failure });
  }

  #look(pod: Pod): void {
    // What a pod goes through takes its time once, not once per change of it.
    const stage = `${pod.metadata.uid} ${pod.metadata.deletionTimestamp === undefined ? 'starts' : 'stops'}`;
    if (this.#begun.has(stage)) return;
    this.#begun.add(stage);
    const work = this.#insist(pod).catch((error: unknown) => {
      if (!isNotFound(error) && !this.#stop.signal.aborted) this.#failure = error;
    });
    this.#busy.add(work);
    void work.finally(() => this.#busy.delete(work));
  }

  /** A kubelet tries until it is done; a minute is enough here, also on a machine that is busy. */
  async #insist(pod: Pod, tries = 60): Promise<void> {
    try {
      await this.#play(pod);
    } catch (error) {
      if (isNotFound(error) || tries === 1) throw error;
      await sleep(1000, undefined, { signal: this.#stop.signal });
      await this.#insist(pod, tries - 1);
    }
  }

  async #play(pod: Pod): Promise<void> {
    const { metadata, status } = pod;
    const { signal } = this.#stop;
    const ref = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
    if (metadata.deletionTimestamp !== undefined) {
      await this.#pause(this.#options.stopMs ?? 0);
      await this.#client.delete(pods, ref, { signal, gracePeriodSeconds: 0 });
      return;
    }
    if (status?.conditions?.some(({ type }) => type === 'Ready') === true) return;
    const startMs = this.#options.startMs?.(pod) ?? 0;
    if (startMs === Infinity) return;
    await this.#pause(startMs);
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const conditions = ['Initialized', 'ContainersReady', 'Ready', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    }));
    const ip = this.#addressOf(metadata.uid ?? '');
    const body = { status: { phase: 'Running', startTime: now, conditions, podIP: ip, podIPs: [{ ip }] } };
    await this.#client.patch(pods, ref, { type: 'strategic', body }, { signal, subresource: 'status' });
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#stop.signal });
  }

  #addressOf(uid: string): string {
    const index = this.#addresses.size + 1;
    const address = this.#addresses.get(uid) ?? `10.244.${Math.floor(index / 250)}.${1 + (index % 250)}`;
    this.#addresses.set(uid, address);
    return address;
  }
}
