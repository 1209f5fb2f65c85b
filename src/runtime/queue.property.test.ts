import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { WorkQueue } from './queue.ts';

const KEYS = ['a', 'b', 'c', 'd'] as const;

type Step =
  | { readonly do: 'add'; readonly key: string }
  | { readonly do: 'addAfter'; readonly key: string; readonly delayMs: number }
  | { readonly do: 'fail'; readonly worker: number }
  | { readonly do: 'succeed'; readonly worker: number }
  | { readonly do: 'advance'; readonly ms: number };

const key = fc.constantFrom(...KEYS);
const worker = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('addAfter' as const), key, delayMs: fc.nat({ max: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), worker }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('succeed' as const), worker }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat({ max: 200 }) }) },
);

/**
 * The model: what client-go's queue promises, in the plainest words. A key is wanted (somebody added it since a worker
 * last took it), has appointments (the earliest counts), and is held by at most one worker.
 */
class Model {
  readonly wanted = new Set<string>();
  readonly held = new Set<string>();
  readonly appointments = new Map<string, number>();

  appoint(name: string, dueMs: number): void {
    this.appointments.set(name, Math.min(dueMs, this.appointments.get(name) ?? Number.POSITIVE_INFINITY));
  }

  /** Appointments up to `nowMs` become wishes. */
  ripen(nowMs: number): void {
    for (const [name, dueMs] of this.appointments) {
      if (dueMs > nowMs) continue;
      this.appointments.delete(name);
      this.wanted.add(name);
    }
  }

  take(name: string): void {
    expect(this.wanted, `${name} was handed out though nobody wanted it`).toContain(name);
    expect(this.held, `${name} was handed to a second worker`).not.toContain(name);
    this.wanted.delete(name);
    this.held.add(name);
  }

  /** Wanted keys that a free worker should have got by now. */
  get ready(): string[] {
    return [...this.wanted].filter((name) => !this.held.has(name));
  }
}

/** A queue with three workers that take keys as they come and hold them until told otherwise. */
class Rig {
  readonly clock = new ManualClock();
  readonly queue = new WorkQueue({ clock: this.clock, baseDelayMs: 5, maxDelayMs: 1_000 });
  readonly model = new Model();
  readonly hands: (string | undefined)[] = [undefined, undefined, undefined];

  async settle(): Promise<void> {
    this.model.ripen(this.clock.monotonicMs());
    for (const [index, hand] of this.hands.entries()) {
      if (hand !== undefined || this.queue.length === 0) continue;
      const name = await this.queue.get();
      if (name === undefined) return;
      this.model.take(name);
      this.hands[index] = name;
    }
    if (this.hands.includes(undefined)) expect(this.model.ready, 'lost: wanted, yet not handed out').toEqual([]);
    else expect(this.queue.length).toBe(this.model.ready.length);
  }

  async run(each: Step): Promise<void> {
    const now = this.clock.monotonicMs();
    switch (each.do) {
      case 'add':
        this.queue.add(each.key);
        this.model.wanted.add(each.key);
        break;
      case 'addAfter':
        this.queue.addAfter(each.key, each.delayMs);
        if (each.delayMs === 0) this.model.wanted.add(each.key);
        else this.model.appoint(each.key, now + each.delayMs);
        break;
      case 'fail':
      case 'succeed': {
        const name = this.hands[each.worker];
        if (name === undefined) return;
        this.hands[each.worker] = undefined;
        if (each.do === 'fail') this.model.appoint(name, now + this.queue.addRateLimited(name));
        else this.queue.forget(name);
        this.model.held.delete(name);
        this.queue.done(name);
        break;
      }
      case 'advance':
        await this.advanceTo(now + each.ms);
        break;
    }
    await this.settle();
  }

  /** From appointment to appointment, so that model and queue see them in the same order. */
  async advanceTo(endMs: number): Promise<void> {
    for (;;) {
      const next = Math.min(endMs, ...this.model.appointments.values());
      await this.clock.advance(Math.max(0, next - this.clock.monotonicMs()));
      await this.settle();
      if (next === endMs) return;
    }
  }

  finishAll(): void {
    for (const [index, name] of this.hands.entries()) {
      if (name === undefined) continue;
      this.hands[index] = undefined;
      this.model.held.delete(name);
      this.queue.done(name);
    }
  }
}

describe('WorkQueue against its model', () => {
  test('loses no key, gives no key to two workers, hands nothing out unasked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const rig = new Rig();
        for (const each of steps) await rig.run(each);
        // All appointments kept and all work done: whatever was wanted came out.
        for (let round = 0; round < 20; round += 1) {
          rig.finishAll();
          await rig.advanceTo(rig.clock.monotonicMs() + 1_000);
        }
        rig.finishAll();
        await rig.settle();
        expect([...rig.model.wanted, ...rig.model.appointments.keys()]).toEqual([]);
        expect(rig.queue.length).toBe(0);
        expect(rig.clock.pendingTimers).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('addAfter only ever moves an entry earlier', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 10 }),
        async (delays) => {
          const clock = new ManualClock();
          const queue = new WorkQueue({ clock });
          for (const delayMs of delays) queue.addAfter('a', delayMs);
          const earliestMs = Math.min(...delays);
          await clock.advance(earliestMs - 0.5);
          expect(queue.length).toBe(0);
          await clock.advance(0.5);
          expect(queue.length).toBe(1);
          await clock.advance(2_000);
          expect(queue.length).toBe(1);
          expect(clock.pendingTimers).toBe(0);
        },
      ),
    );
  });

  test('shutting down always ends: every worker leaves and the drain resolves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, discardQueued) => {
        const rig = new Rig();
        for (const each of steps) await rig.run(each);
        const held = rig.hands.filter((name) => name !== undefined);
        const queued = rig.queue.length;
        rig.queue.shutDown({ discardQueued });
        for (const name of KEYS) {
          rig.queue.add(name);
          rig.queue.addAfter(name, 1_000);
        }
        expect(rig.queue.length).toBe(discardQueued ? 0 : queued);

        let drained = false;
        const draining = (async () => {
          await rig.queue.drained();
          drained = true;
        })();
        await rig.clock.advance(0);
        expect(drained).toBe(held.length === 0 && rig.queue.length === 0);

        rig.finishAll();
        for (let name = await rig.queue.get(); name !== undefined; name = await rig.queue.get()) rig.queue.done(name);
        await draining;
        expect(rig.clock.pendingTimers).toBe(0);
      }),
    );
  });
});
