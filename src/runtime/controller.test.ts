import { describe, expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { Controller, type ControllerOptions, type ObjectKey, type Reconcile } from './controller.ts';
import { createLogger } from './logger.ts';
import { OperatorMetrics } from './metrics.ts';

/** A controller under a manual clock, its log kept. */
function rig(reconcile: Reconcile, options: Partial<ControllerOptions> = {}) {
  const clock = new ManualClock();
  const metrics = new OperatorMetrics();
  const lines: { level: string; msg: string; [field: string]: unknown }[] = [];
  const log = createLogger({ level: 'debug', write: (line) => lines.push(JSON.parse(line)) });
  const controller = new Controller({ name: 'enforce', reconcile, clock, log, metrics, ...options });
  const [stop, abort] = [new AbortController(), new AbortController()];
  const running = controller.run(stop.signal, abort.signal);
  return { clock, metrics, lines, controller, stop, abort, running };
}

describe('Controller', () => {
  test('hands over the key alone, from references and from informer keys', async () => {
    const seen: ObjectKey[] = [];
    const { controller, clock, stop, running } = rig(async (key) => {
      seen.push(key);
      return undefined;
    });
    controller.enqueue('shop/web');
    controller.enqueue({ namespace: 'shop', name: 'web' });
    controller.enqueue({ name: 'node-1' });
    await clock.advance(0);
    expect(seen).toEqual([
      { namespace: 'shop', name: 'web' },
      { namespace: '', name: 'node-1' },
    ]);
    stop.abort();
    await running;
  });

  test('an error is logged, counted and tried again after the back-off; success ends the back-off', async () => {
    const atMs: number[] = [];
    const { controller, clock, metrics, lines, stop, running } = rig(async () => {
      atMs.push(clock.monotonicMs());
      if (atMs.length <= 3) throw new Error(`fault ${atMs.length}`);
      return undefined;
    });
    controller.enqueue('shop/web');
    await clock.advance(1_000);
    expect(atMs).toEqual([0, 5, 15, 35]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      msg: 'reconcile failed',
      controller: 'enforce',
      namespace: 'shop',
      name: 'web',
      failures: 1,
    });
    const text = await metrics.registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="enforce"} 3');
    expect(text).toContain('controller_runtime_reconcile_total{controller="enforce",result="success"} 1');
    stop.abort();
    await running;
  });

  test('a failure after a success waits as short as the first', async () => {
    const outcomes = ['fail', 'fail', 'fail', 'succeed', 'fail', 'succeed'];
    const { controller, clock, lines, stop, running } = rig(async () => {
      if (outcomes.shift() === 'fail') throw new Error('fault');
      return undefined;
    });
    controller.enqueue('shop/web');
    await clock.advance(1_000);
    controller.enqueue('shop/web');
    await clock.advance(1_000);
    expect(lines.map(({ retryMs }) => retryMs)).toEqual([5, 10, 20, 5]);
    stop.abort();
    await running;
  });

  test('what a reconcile throws ends nothing, whatever it is', async () => {
    const seen: string[] = [];
    const { controller, clock, stop, running } = rig(async ({ name }) => {
      seen.push(name);
      if (name === 'bad') throw null; // oxlint-disable-line no-throw-literal -- anything can be thrown
      return undefined;
    });
    controller.enqueue('shop/bad');
    controller.enqueue('shop/good');
    await clock.advance(1);
    expect(seen).toEqual(['bad', 'good']);
    stop.abort();
    await running;
  });

  test('a reconcile that throws before its first await is an error like any other', async () => {
    const { controller, clock, metrics, stop, running } = rig(() => {
      throw new Error('not even a promise');
    });
    controller.enqueue('shop/web');
    await clock.advance(1);
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_reconcile_errors_total{controller="enforce"} 1',
    );
    stop.abort();
    await running;
  });

  test('a conflict is retried quietly', async () => {
    let calls = 0;
    const { controller, clock, lines, stop, running } = rig(async () => {
      calls += 1;
      if (calls === 1) throw Object.assign(new Error('modified'), { code: 409 });
      return undefined;
    });
    controller.enqueue('shop/web');
    await clock.advance(10);
    expect(calls).toBe(2);
    expect(lines.map(({ level }) => level)).toEqual(['debug']);
    stop.abort();
    await running;
  });

  test('requeueAfterMs calls again later', async () => {
    const atMs: number[] = [];
    const { controller, clock, stop, running } = rig(async () => {
      atMs.push(clock.monotonicMs());
      return { requeueAfterMs: 1_000 };
    });
    controller.enqueue('shop/web');
    await clock.advance(2_500);
    expect(atMs).toEqual([0, 1_000, 2_000]);
    stop.abort();
    await running;
    expect(clock.pendingTimers).toBe(0);
  });

  test('works on as many objects at once as it may, and never twice on one', async () => {
    const active = new Map<string, number>();
    let most = 0;
    const { controller, clock, stop, running } = rig(
      async ({ name }) => {
        active.set(name, (active.get(name) ?? 0) + 1);
        expect(active.get(name)).toBe(1);
        most = Math.max(
          most,
          [...active.values()].reduce((sum, each) => sum + each, 0),
        );
        await clock.sleep(10);
        active.set(name, 0);
        return undefined;
      },
      { concurrency: 3 },
    );
    for (let round = 0; round < 20; round += 1) {
      for (const name of ['a', 'b', 'c', 'd', 'e']) controller.enqueue({ namespace: 'shop', name });
      await clock.advance(4);
    }
    expect(most).toBe(3);
    stop.abort();
    await clock.advance(100);
    await running;
  });

  test('a reconcile that takes too long has its signal aborted, and keeps its key until it returns', async () => {
    let calls = 0;
    const { controller, clock, lines, stop, running } = rig(
      async (_, { signal }) => {
        calls += 1;
        if (calls > 1) return undefined;
        await clock.sleep(3_600_000, signal);
        return undefined;
      },
      { reconcileDeadlineMs: 2_000 },
    );
    controller.enqueue('shop/web');
    await clock.advance(1_999);
    controller.enqueue('shop/web');
    expect(calls).toBe(1);
    await clock.advance(100);
    expect(calls).toBeGreaterThanOrEqual(2);
    expect(lines.map(({ msg }) => msg)).toEqual(['reconcile passed its deadline', 'reconcile failed']);
    stop.abort();
    await running;
  });

  test('stop lets the reconcile in work finish, and takes no further key', async () => {
    const finished: string[] = [];
    const { controller, clock, stop, running } = rig(async ({ name }, { signal }) => {
      await clock.sleep(1_000, signal);
      finished.push(name);
      return undefined;
    });
    for (const name of ['a', 'b', 'c']) controller.enqueue({ namespace: 'shop', name });
    await clock.advance(500);
    stop.abort();
    controller.enqueue('shop/d');
    await clock.advance(10_000);
    await running;
    expect(finished).toEqual(['a']);
  });

  test('abort cuts the reconcile in work short, without calling it a failure', async () => {
    const { controller, clock, metrics, stop, abort, lines, running } = rig(async (_, { signal }) => {
      await clock.sleep(60_000, signal);
      return undefined;
    });
    controller.enqueue('shop/web');
    await clock.advance(0);
    stop.abort();
    abort.abort(new Error('lease lost'));
    await running;
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([['info', 'reconcile was cut short by the shutdown']]);
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_reconcile_errors_total{controller="enforce"} 0',
    );
  });
});
