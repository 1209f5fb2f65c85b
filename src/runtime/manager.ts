import type { LeaderElector } from '../kube/leaderElection.ts';
import type { Clock } from './clock.ts';
import type { Controller } from './controller.ts';
import type { HealthServer } from './health.ts';
import type { WatchActivity } from './healthChecks.ts';
import type { Logger } from './logger.ts';
import type { OperatorMetrics } from './metrics.ts';

/** What the manager needs of an informer (`src/kube/informer.ts`). */
export interface ManagedInformer extends WatchActivity {
  run(signal: AbortSignal): Promise<void>;
  hasSynced(): boolean;
}

/** A server of the operator, such as the webhook's. */
export interface ManagedServer {
  readonly name: string;
  /** Resolves when it accepts requests. Called when every informer has synced. */
  start(signal: AbortSignal): Promise<void>;
  /** Called at the beginning of the shutdown: go on answering, but ask clients to leave (`Connection: close`). */
  drain?(): void;
  /** Finishes what it has in hand and closes; `signal` is aborted when that must end. Called last. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Work that goes on for as long as the operator runs: keeping certificates, sending events, comparing caches. */
export interface ManagedTask {
  readonly name: string;
  /** Only while this process holds the lease. Default false. */
  readonly leaderOnly?: boolean;
  /** Resolves soon after `signal` is aborted; ending before that counts as a failure. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Without it this process always leads: for one replica, `npm run dev` and tests. */
  readonly elector?: LeaderElector;
  /** Started first and stopped last; gets the checks `informers-synced`, `shutdown` and `watches`. */
  readonly health?: HealthServer;
  readonly metrics?: OperatorMetrics;
  /** How long controllers may take to finish what they have in hand at shutdown. Default 15 s. */
  readonly drainMs?: number;
  /** How long servers go on after the drain, for clients that have not heard yet that this replica leaves. Default 0. */
  readonly lingerMs?: number;
}

/** A part of the operator failed; the process must end. The reason is in `cause`. */
export class ComponentFailedError extends Error {
  override readonly name = 'ComponentFailedError';
  readonly component: string;
  constructor(component: string, cause: unknown) {
    super(`${component} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.component = component;
  }
}

/**
 * Starts and stops the parts of the operator in the right order. Up: health, informers, (all synced), servers, tasks,
 * leader election, controllers. Down: readiness off, controllers finish what they have in hand, the lease is given back,
 * servers close, tasks and informers end, health closes.
 */
export class Manager {
  constructor(_options: ManagerOptions) {}

  /** @param name for logs and health: the plural of what it watches. */
  addInformer(_name: string, _informer: ManagedInformer): void {
    throw new Error('Manager.addInformer: being written');
  }

  /** Runs only while this process leads. */
  addController(_controller: Controller): void {
    throw new Error('Manager.addController: being written');
  }

  addServer(_server: ManagedServer): void {
    throw new Error('Manager.addServer: being written');
  }

  addTask(_task: ManagedTask): void {
    throw new Error('Manager.addTask: being written');
  }

  /**
   * Runs everything until `signal` is aborted (SIGTERM) and then shuts down in order.
   * @throws ComponentFailedError as soon as a part fails; what runs is aborted first.
   */
  async run(_signal: AbortSignal): Promise<void> {
    throw new Error('Manager.run: being written');
  }
}
