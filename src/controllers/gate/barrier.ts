import type { KubeObject } from '../../api/kubernetes.ts';
import { BarrierBook } from '../../gate/barrierBook.ts';
import type { IpFamily } from '../../gate/barrierSlices.ts';
import type { ProxyAnswer, ProxyEvidence } from '../../gate/types.ts';
import type { Store } from '../../kube/index.ts';
import { type Clock, type LinkedAbort, type Logger, linkAbort } from '../../runtime/index.ts';
import { type BarrierLimits, BarrierRound, DEFAULT_LIMITS, type RoundTarget } from './barrierRound.ts';
import type { BarrierService, BarrierStore } from './barrierSlicesStore.ts';

export type { BarrierLimits } from './barrierRound.ts';
export { type BarrierStore, barrierStore } from './barrierSlicesStore.ts';

/** What the barrier needs of a Node. */
export interface ProxyNode extends KubeObject {
  /** Its addresses of type InternalIP: where kube-proxy listens in every mode. */
  readonly addresses: readonly string[];
}

/** What the barrier counts. */
export interface BarrierMetrics {
  /** A round ended after so many seconds. */
  round(result: ProxyEvidence, seconds: number): void;
  /** Nodes that did not confirm in the last round. */
  silentNodes(count: number): void;
}

export interface ProxyBarrierOptions {
  readonly store: BarrierStore;
  /** Name of the Service. */
  readonly service: string;
  readonly nodes: Pick<Store<ProxyNode>, 'list' | 'get'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: BarrierMetrics;
  /** In a larger cluster a round costs more than it is worth (docs/decisions/0008): quiet time instead. Default 300. */
  readonly maxNodes?: number;
  readonly limits?: Partial<BarrierLimits>;
}

const DEFAULT_MAX_NODES = 300;

/** Pods that are isolated together ask within a few milliseconds of each other: one round for all of them. */
const GATHER_MS = 20;
const LOGGED_NODES = 10;

/** Those who wait for one round. */
interface Batch {
  readonly waiters: Set<(answer: ProxyAnswer) => void>;
  readonly abort: LinkedAbort;
}

/**
 * A barrier through every node's service proxy: proves that whatever was in the EndpointSlices before `confirm` was called is
 * programmed on every node. One round at a time; whoever asks during a round is served by the next. Run by the leader only.
 */
export class ProxyBarrier {
  readonly #options: ProxyBarrierOptions;
  readonly #limits: BarrierLimits;
  readonly #book: BarrierBook;
  /** Nodes that did not confirm in their last round, with what their proxies reported last. */
  #silent = new Map<string, ReadonlyMap<IpFamily, number | undefined>>();
  #next: Batch = newBatch();
  #running = false;
  #quietReason: string | undefined;

  constructor(options: ProxyBarrierOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#book = new BarrierBook(options.service);
  }

  /** Waits for a whole round that begins after this call. Rejects only with the signal's reason; a round nobody waits for ends. */
  confirm(signal: AbortSignal): Promise<ProxyAnswer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(reasonOf(signal));
        return;
      }
      const batch = this.#next;
      const onAbort = (): void => {
        batch.waiters.delete(onAnswer);
        // One that still gathers may get others.
        if (batch.waiters.size === 0 && batch !== this.#next)
          batch.abort.abort(new Error('nobody waits for this round any more'));
        reject(reasonOf(signal));
      };
      const onAnswer = (answer: ProxyAnswer): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      batch.waiters.add(onAnswer);
      if (!this.#running) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#running = true;
    while (this.#next.waiters.size > 0) {
      await this.#options.clock.sleep(GATHER_MS);
      const batch = this.#next;
      this.#next = newBatch();
      if (batch.waiters.size === 0) continue;
      const answer = await this.#timed(batch.abort.signal);
      for (const tell of batch.waiters) tell(answer);
    }
    this.#running = false;
  }

  async #timed(signal: AbortSignal): Promise<ProxyAnswer> {
    const { clock, log, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      const answer = await this.#round(startMs, signal);
      metrics.round(answer.evidence, (clock.monotonicMs() - startMs) / 1000);
      metrics.silentNodes(answer.silent.length);
      return answer;
    } catch (error) {
      // Aborted: nobody is left to hear this. Anything else is a defect, and a pod must not wait for ever because of it.
      if (!signal.aborted) log.error('a round of the barrier failed', { err: error });
      return this.#quiet([]);
    }
  }

  async #round(startMs: number, signal: AbortSignal): Promise<ProxyAnswer> {
    const { clock, log, nodes, store } = this.#options;
    const endMs = startMs + this.#limits.waitMs;
    const members = nodes.list();
    const service = await this.#service(signal);
    const obstacle = typeof service === 'string' ? service : this.#obstacle(service, members.length);
    this.#sayQuiet(obstacle);
    if (obstacle !== undefined || typeof service === 'string') return this.#quiet([]);

    const isPresent = (node: string): boolean => nodes.get(undefined, node) !== undefined;
    // Nodes that appear from now on are not needed: a proxy that starts lists the slices after the change it is asked about.
    const targets = members.flatMap((node) => this.#targets(node, service, endMs));
    this.#book.prune(({ node }) => isPresent(node));
    const limits = this.#limits;
    await new BarrierRound({ service, store, book: this.#book, targets, isPresent, limits, endMs, clock, log }).run(
      signal,
    );
    // One that has left may have confirmed in one family before.
    const gone = new Set(targets.filter(({ state }) => state === 'Gone').map(({ key }) => key.node));
    return this.#conclude(targets.filter(({ key }) => !gone.has(key.node)));
  }

  /** The Service, or why there is none. */
  async #service(signal: AbortSignal): Promise<BarrierService | string> {
    const { service, store } = this.#options;
    try {
      const found = await store.service({ signal, deadlineMs: this.#limits.callMs });
      return found ?? `there is no Service ${service}`;
    } catch (error) {
      signal.throwIfAborted();
      return `the Service ${service} could not be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Why a round makes no sense. */
  #obstacle(service: BarrierService, count: number): string | undefined {
    const { maxNodes = DEFAULT_MAX_NODES } = this.#options;
    if (service.healthCheckNodePort === 0) return `the Service ${service.name} has no healthCheckNodePort`;
    if (count === 0) return 'there are no nodes';
    return count > maxNodes ? `there are more than ${maxNodes} nodes` : undefined;
  }

  #targets({ metadata, addresses }: ProxyNode, service: BarrierService, endMs: number): readonly RoundTarget[] {
    const node = metadata.name ?? '';
    const silent = this.#silent.get(node);
    return service.families.map((family): RoundTarget => {
      const address = addresses.find((each) => each.includes(':') === (family === 'IPv6'));
      return {
        key: { family, node },
        address: address ?? '',
        ...(silent === undefined ? {} : { silentBefore: { report: silent.get(family) } }),
        ...(address === undefined ? { problem: `the Node has no InternalIP of family ${family}` } : {}),
        state: address === undefined ? 'Silent' : 'Waiting',
        deadlineMs: endMs,
      };
    });
  }

  #conclude(targets: readonly RoundTarget[]): ProxyAnswer {
    const silent = targets.filter(({ state }) => state !== 'Confirmed');
    const names = [...new Set(silent.map(({ key }) => key.node))];
    const all = new Set(targets.map(({ key }) => key.node));
    const before = this.#silent;
    this.#silent = new Map(
      names.flatMap((name) => {
        const own = targets.filter(({ key }) => key.node === name);
        // A number that could not be written is the API server's silence, not the node's.
        const wasAsked = own.some(({ number, problem }) => number !== undefined || problem !== undefined);
        const last = wasAsked ? new Map(own.map(({ key, lastReport }) => [key.family, lastReport])) : before.get(name);
        return last === undefined ? [] : [[name, last]];
      }),
    );
    this.#saySilent(names, before, silent[0]?.problem);
    const times = targets.flatMap(({ confirmedAtMs }) => (confirmedAtMs === undefined ? [] : [confirmedAtMs]));
    const confirmed = all.size - names.length;
    if (confirmed === 0) return this.#quiet(names);
    return {
      evidence: names.length === 0 ? 'Barrier' : 'PartialBarrier',
      // What is not proven is covered by quiet time, which cannot have begun while a proxy was waited for.
      atMs: names.length === 0 ? Math.max(...times) : this.#options.clock.nowMs(),
      confirmed,
      silent: names,
    };
  }

  /** No evidence. Quiet time is counted from now: nothing is known of the time before. */
  #quiet(silent: readonly string[]): ProxyAnswer {
    return { evidence: 'QuietTime', atMs: this.#options.clock.nowMs(), confirmed: 0, silent };
  }

  #sayQuiet(reason: string | undefined): void {
    if (reason === this.#quietReason) return;
    this.#quietReason = reason;
    const { log } = this.#options;
    if (reason === undefined) log.info('the barrier through the service proxies is back');
    else log.warn('no barrier through the service proxies: quiet time instead', { reason });
  }

  #saySilent(names: readonly string[], before: ReadonlyMap<string, unknown>, problem: string | undefined): void {
    const { log } = this.#options;
    if (names.every((name) => before.has(name)) && before.size === names.length) return;
    const some = { nodes: names.slice(0, LOGGED_NODES), count: names.length };
    if (names.length === 0) log.info('all service proxies confirm again');
    else
      log.warn('service proxies did not confirm: quiet time besides', {
        ...some,
        problem: problem ?? 'no number written',
      });
  }
}

function newBatch(): Batch {
  return { waiters: new Set(), abort: linkAbort() };
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('the wait was cancelled', { cause: reason });
}
