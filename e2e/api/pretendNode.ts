import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createInformer, isNotFound, nodes, type Pod, pods } from '../../src/kube/index.ts';

/**
 * Plays the kubelet for a node that is not there: pods that name it become Ready at once and go when they are deleted.
 * Enough for Deployments to roll out where only their objects matter; no claim about pods rests on it.
 */
export class PretendNode {
  readonly name: string;
  readonly #client: Client;
  readonly #stop = new AbortController();
  readonly #busy = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(client: Client, name: string) {
    this.#client = client;
    this.name = name;
  }

  static async start(client: Client, name: string): Promise<PretendNode> {
    const node = new PretendNode(client, name);
    const { signal } = node.#stop;
    await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } }, { signal });
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

  async #play({ metadata, status }: Pod): Promise<void> {
    const { signal } = this.#stop;
    const ref = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
    if (metadata.deletionTimestamp !== undefined) {
      await this.#client.delete(pods, ref, { signal, gracePeriodSeconds: 0 });
      return;
    }
    if (status?.conditions?.some(({ type }) => type === 'Ready') === true) return;
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const conditions = ['Initialized', 'ContainersReady', 'Ready', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    }));
    const body = { status: { phase: 'Running', startTime: now, conditions } };
    await this.#client.patch(pods, ref, { type: 'strategic', body }, { signal, subresource: 'status' });
  }
}
