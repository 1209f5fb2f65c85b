import { describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';
import { Controller } from './controller.ts';
import { HealthServer } from './health.ts';
import { createLogger, silentLogger } from './logger.ts';
import { type ManagedInformer, type ManagedServer, Manager, type ManagerOptions } from './manager.ts';
import { OperatorMetrics } from './metrics.ts';
import { ComponentFailedError } from './supervisor.ts';

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A manager with one part of each kind, and a diary of what happened in which order. */
function rig(options: Partial<ManagerOptions> = {}) {
  const diary: string[] = [];
  const logged: string[] = [];
  const clock = new ManualClock();
  const log = createLogger({ level: 'debug', write: (line) => logged.push(line) });
  const elector: NonNullable<ManagerOptions['elector']> = {
    async run(stop, lead) {
      diary.push('leading');
      await lead(new AbortController().signal);
      diary.push(`lease given back (${stop.aborted ? 'stopping' : 'running'})`);
    },
  };
  const manager = new Manager({ clock, log, elector, ...options });
  const informer = { synced: false, lastActivityMs: undefined };
  const informerPart: ManagedInformer = {
    lastActivityMs: undefined,
    hasSynced: () => informer.synced,
    async run(signal) {
      diary.push('informer started');
      await untilAborted(signal);
      diary.push('informer ended');
    },
  };
  const server: ManagedServer = {
    name: 'webhook',
    start: async () => void diary.push('server started'),
    drain: () => void diary.push('server draining'),
    stop: async () => void diary.push('server stopped'),
  };
  const controller = new Controller({
    name: 'enforce',
    clock,
    log: silentLogger,
    reconcile: async (_, { signal }) => {
      diary.push('reconcile began');
      await clock.sleep(5_000, signal);
      diary.push('reconcile ended');
      return undefined;
    },
  });
  manager.addInformer('deployments', informerPart);
  manager.addServer(server);
  manager.addController(controller);
  const stop = new AbortController();
  return { manager, clock, diary, logged, informer, server, controller, stop };
}

describe('Manager', () => {
  test('starts in order, and shuts down in order after the work in hand is finished', async () => {
    const { manager, clock, diary, informer, controller, stop } = rig();
    manager.addTask({
      name: 'events',
      async run(signal) {
        diary.push('task started');
        await untilAborted(signal);
        diary.push('task ended');
      },
    });
    controller.enqueue('shop/web');
    const running = manager.run(stop.signal);
    await clock.advance(1_000);
    expect(diary).toEqual(['informer started']);
    informer.synced = true;
    await clock.advance(100);
    stop.abort();
    await clock.advance(4_000);
    const up = ['informer started', 'task started', 'server started', 'leading', 'reconcile began', 'server draining'];
    expect(diary).toEqual(up);
    await clock.advance(5_000);
    await running;
    expect(diary).toEqual([
      ...up,
      'reconcile ended',
      'lease given back (stopping)',
      'server stopped',
      'informer ended',
      'task ended',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('says which informers have not synced', async () => {
    const { manager, clock, logged, stop } = rig();
    const running = manager.run(stop.signal);
    await clock.advance(25_000);
    const waiting = logged.map((line) => JSON.parse(line)).filter(({ missing }) => missing);
    expect(waiting).toHaveLength(2);
    expect(waiting[0]).toMatchObject({ level: 'warn', missing: ['deployments'], waitedSeconds: 10 });
    stop.abort();
    await clock.advance(1);
    await running;
  });

  test('stopped before the informers synced, it never serves and never leads', async () => {
    const { manager, clock, diary, stop } = rig();
    const running = manager.run(stop.signal);
    await clock.advance(100);
    stop.abort();
    await clock.advance(100);
    await running;
    expect(diary).toEqual(['informer started', 'server draining', 'informer ended']);
  });

  test('work that does not end in time is aborted, then left behind', async () => {
    const { manager, clock, diary, informer, controller, stop, logged } = rig({ drainMs: 1_000 });
    const deaf = new Controller({
      name: 'deaf',
      clock,
      log: silentLogger,
      reconcile: () => new Promise(() => undefined),
    });
    manager.addController(deaf);
    deaf.enqueue('shop/web');
    controller.enqueue('shop/web');
    informer.synced = true;
    const running = manager.run(stop.signal);
    await clock.advance(100);
    stop.abort();
    await clock.advance(10_000);
    await running;
    expect(diary).not.toContain('reconcile ended');
    expect(diary.slice(-3)).toEqual(['lease given back (stopping)', 'server stopped', 'informer ended']);
    expect(logged.join('')).toContain('"parts":["controller deaf"]');
  });

  test.each([
    ['an informer that fails', 'informer of pods'],
    ['a task that ends by itself', 'tick'],
    ['a server that cannot start', 'server second'],
    ['lost leadership', 'leader election'],
  ])('%s ends everything with an error that names it', async (_, component) => {
    const { manager, clock, diary, informer, controller, stop } = rig(
      component === 'leader election'
        ? {
            elector: {
              async run(_stop, lead) {
                const lost = new AbortController();
                const led = lead(lost.signal);
                await clock2.sleep(1_000);
                lost.abort(new Error('lost'));
                await led;
                throw new Error('the lease was lost');
              },
            },
          }
        : {},
    );
    const clock2 = clock;
    const failing = new Error('the pipe broke');
    if (component === 'informer of pods') {
      manager.addInformer('pods', {
        lastActivityMs: undefined,
        hasSynced: () => true,
        run: async () => {
          await clock.sleep(1_000);
          throw failing;
        },
      });
    }
    if (component === 'tick') manager.addTask({ name: 'tick', run: () => clock.sleep(1_000) });
    if (component === 'server second') {
      manager.addServer({ name: 'second', start: () => Promise.reject(failing), stop: async () => undefined });
    }
    controller.enqueue('shop/web');
    informer.synced = true;
    const outcome = manager.run(stop.signal).catch((err: unknown) => err);
    await clock.advance(20_000);
    const err = await outcome;
    expect(err).toBeInstanceOf(ComponentFailedError);
    expect(err).toMatchObject({ component, cause: expect.any(Error) });
    expect(diary).not.toContain('reconcile ended');
    expect(diary).toContain('server stopped');
    expect(diary.at(-1)).toBe('informer ended');
    expect(clock.pendingTimers).toBe(0);
  });

  test('a part that does not listen cannot keep a broken process alive', async () => {
    const { manager, clock, stop } = rig();
    manager.addInformer('deaf', {
      lastActivityMs: undefined,
      hasSynced: () => true,
      run: () => new Promise(() => undefined),
    });
    manager.addInformer('pods', {
      lastActivityMs: undefined,
      hasSynced: () => false,
      run: () => Promise.reject(new Error('broken')),
    });
    const outcome = manager.run(stop.signal).catch((err: unknown) => err);
    await clock.advance(6_000);
    expect(await outcome).toMatchObject({ component: 'informer of pods' });
  });

  test('readiness follows: not before the sync, not after SIGTERM; liveness throughout', async () => {
    const health = new HealthServer({
      port: 0,
      host: '127.0.0.1',
      registry: new OperatorMetrics().registry,
      clock: systemClock,
      log: silentLogger,
    });
    const { manager, clock, informer, controller, stop } = rig({ health });
    const status = async (path: string): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${health.port}${path}`);
      await response.text();
      return response.status;
    };
    controller.enqueue('shop/web');
    const running = manager.run(stop.signal);
    await expect.poll(() => health.port).toBeGreaterThan(0);
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
    informer.synced = true;
    await clock.advance(100);
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 200]);
    stop.abort();
    await clock.advance(100);
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
    await clock.advance(5_000);
    await running;
    await expect(status('/healthz')).rejects.toThrow('fetch failed');
  });
});
