import type { LeaderElector } from '../kube/leaderElection.ts';
import type { Clock } from './clock.ts';
import type { Controller } from './controller.ts';
import type { HealthServer } from './health.ts';
import { eventLoopDelayCheck, silentWatchCheck, type WatchActivity } from './healthChecks.ts';
import type { Logger } from './logger.ts';
import { Supervisor } from './supervisor.ts';

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
  /** Finishes what it has in hand and closes; `signal` is aborted when that must end. */
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
  readonly elector?: Pick<LeaderElector, 'run'>;
  /** Started first and stopped last; gets the checks `informers-synced`, `serving`, `watches` and `event-loop`. */
  readonly health?: HealthServer;
  /** How long controllers may take to finish what they have in hand at shutdown. Default 15 s. */
  readonly drainMs?: number;
  /** How long servers go on after the drain, for clients that have not heard yet that this replica leaves. Default 0. */
  readonly lingerMs?: number;
}

const SYNC_POLL_MS = 50;
const SYNC_REPORT_MS = 10_000;
/** Servers get this long to finish their requests; the API server gives a webhook call at most 30 s, usually 10. */
const SERVER_STOP_MS = 10_000;
/** After a failure the process must end soon, also if a part does not listen. */
const FATAL_LIMIT_MS = 5_000;
/** What was aborted gets this long to notice before we go on without it. */
const ABORT_GRACE_MS = 2_000;

/**
 * Starts and stops the parts of the operator in the right order. Up: health, informers, (all synced), tasks, servers,
 * leader election, controllers. Down: readiness off, controllers finish what they have in hand, the lease is given back,
 * servers close, tasks and informers end, health closes.
 */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #informers = new Map<string, ManagedInformer>();
  readonly #controllers: Controller[] = [];
  readonly #servers: ManagedServer[] = [];
  readonly #tasks: ManagedTask[] = [];
  /** Why this replica should get no requests; undefined when it should. */
  #notServing: string | undefined = 'starting';

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log.child({ component: 'manager' });
    const { health } = options;
    health?.addReadinessCheck('informers-synced', () => {
      const missing = this.#unsynced();
      return missing.length === 0 ? undefined : `not synced yet: ${missing.join(', ')}`;
    });
    health?.addReadinessCheck('serving', () => this.#notServing);
    health?.addLivenessCheck('watches', silentWatchCheck(this.#informers, options.clock));
    health?.addLivenessCheck('event-loop', eventLoopDelayCheck());
  }

  /** @param name for logs and health: the plural of what it watches. */
  addInformer(name: string, informer: ManagedInformer): void {
    this.#informers.set(name, informer);
  }

  /** Runs only while this process leads. */
  addController(controller: Controller): void {
    this.#controllers.push(controller);
  }

  addServer(server: ManagedServer): void {
    this.#servers.push(server);
  }

  addTask(task: ManagedTask): void {
    this.#tasks.push(task);
  }

  /**
   * Runs everything until `stop` is aborted (SIGTERM), then shuts down in order. Call once.
   * @throws ComponentFailedError when a part fails, after the others were told to end and had 5 s for it.
   */
  async run(stop: AbortSignal): Promise<void> {
    const supervisor = new Supervisor();
    const { fatal } = supervisor;
    const down = AbortSignal.any([stop, fatal]);
    const leave = (): void => this.#leave(fatal);
    down.addEventListener('abort', leave, { once: true });
    if (down.aborted) leave();
    const finished = new AbortController();
    const operation = this.#operate(supervisor, down).finally(() => finished.abort());
    await Promise.race([operation, this.#patienceAfter(fatal, finished.signal)]);
    if (fatal.aborted) throw fatal.reason as Error;
    this.#log.info('stopped');
  }

  #leave(fatal: AbortSignal): void {
    this.#notServing = 'shutting down';
    if (fatal.aborted) this.#log.error('a component failed, shutting down', { err: fatal.reason });
    else this.#log.info('shutting down');
    for (const server of this.#servers) server.drain?.();
  }

  async #operate(supervisor: Supervisor, down: AbortSignal): Promise<void> {
    const last = new AbortController();
    const { health, elector, lingerMs = 0 } = this.#options;
    if (health) await supervisor.attempt('health server', () => health.start());
    for (const [name, informer] of this.#informers) {
      void supervisor.run(`informer of ${name}`, last.signal, (signal) => informer.run(signal));
    }
    await this.#untilSynced(down);
    for (const task of this.#tasks.filter((task) => !task.leaderOnly)) {
      if (!down.aborted) void supervisor.run(task.name, last.signal, (signal) => task.run(signal));
    }
    const started: ManagedServer[] = [];
    for (const server of this.#servers) {
      if (down.aborted) break;
      started.push(server);
      await supervisor.attempt(`server ${server.name}`, () => server.start(down));
    }
    if (!down.aborted) {
      this.#notServing = undefined;
      this.#log.info('serving');
      const lead = (leading: AbortSignal): Promise<void> => this.#lead(supervisor, down, leading);
      const never = new AbortController().signal;
      await supervisor.attempt('leader election', () => (elector ? elector.run(down, lead) : lead(never)));
    }
    if (!supervisor.fatal.aborted) await Promise.allSettled([this.#clock.sleep(lingerMs, supervisor.fatal)]);
    await this.#stopServers(supervisor, started);
    last.abort();
    await this.#within(ABORT_GRACE_MS, supervisor.ended());
    if (supervisor.running.length > 0) this.#log.warn('some parts did not end', { parts: supervisor.running });
    await health?.stop();
  }

  /** Waits for every informer's first list, and says from time to time which are missing. */
  async #untilSynced(down: AbortSignal): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    let reportAtMs = startedMs + SYNC_REPORT_MS;
    for (let missing = this.#unsynced(); missing.length > 0 && !down.aborted; missing = this.#unsynced()) {
      await Promise.allSettled([this.#clock.sleep(SYNC_POLL_MS, down)]);
      if (this.#clock.monotonicMs() < reportAtMs) continue;
      reportAtMs += SYNC_REPORT_MS;
      const waitedSeconds = Math.round((this.#clock.monotonicMs() - startedMs) / 1_000);
      this.#log.warn('still waiting for the first list; is the API server reachable and may we list and watch these?', {
        missing,
        waitedSeconds,
      });
    }
  }

  #unsynced(): string[] {
    return [...this.#informers].filter(([, informer]) => !informer.hasSynced()).map(([name]) => name);
  }

  /** Runs the controllers until `down`, then lets them finish; a failure or the loss of the lease cuts them short. */
  async #lead(supervisor: Supervisor, down: AbortSignal, leading: AbortSignal): Promise<void> {
    const { drainMs = 15_000 } = this.#options;
    const drainOver = new AbortController();
    const cut = AbortSignal.any([leading, supervisor.fatal, drainOver.signal]);
    const end = AbortSignal.any([down, leading]);
    const work = Promise.all([
      ...this.#controllers.map((controller) =>
        supervisor.run(`controller ${controller.name}`, end, (signal) => controller.run(signal, cut)),
      ),
      ...this.#tasks
        .filter((task) => task.leaderOnly)
        .map((task) => supervisor.run(task.name, end, (signal) => task.run(signal))),
    ]);
    await aborted(end);
    const cancel = this.#clock.schedule(drainMs, () => {
      this.#log.warn('controllers did not finish in time, aborting what they have in hand', { drainMs });
      drainOver.abort(new Error('the time to finish at shutdown is over'));
    });
    await this.#within(drainMs + ABORT_GRACE_MS, work);
    cancel();
  }

  async #stopServers(supervisor: Supervisor, started: readonly ManagedServer[]): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#clock.schedule(SERVER_STOP_MS, () => limit.abort(new Error('the time to close is over')));
    await Promise.all(
      started.map((server) => supervisor.attempt(`server ${server.name}`, () => server.stop(limit.signal))),
    );
    cancel();
  }

  /** Resolves some time after `fatal`, for a part that does not end must not keep a broken process alive. */
  async #patienceAfter(fatal: AbortSignal, finished: AbortSignal): Promise<void> {
    await aborted(fatal);
    await Promise.allSettled([this.#clock.sleep(FATAL_LIMIT_MS, finished)]);
  }

  /** Waits for `work`, but no longer than `limitMs`. */
  async #within(limitMs: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    await Promise.race([
      work.finally(() => done.abort()),
      Promise.allSettled([this.#clock.sleep(limitMs, done.signal)]),
    ]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
