import { afterEach, describe, expect, test } from 'vitest';
import type { IpFamily } from '../../gate/barrierSlices.ts';
import type { ProxyEvidence } from '../../gate/types.ts';
import { createLogger, systemClock } from '../../runtime/index.ts';
import { type BarrierLimits, ProxyBarrier, type ProxyNode } from './barrier.ts';
import { FakeProxy, FakeStore } from './barrierFakes.ts';

const running: FakeProxy[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((proxy) => proxy.stop()));
});

const LIMITS: BarrierLimits = { waitMs: 1_500, silentWaitMs: 150, questionMs: 200, pollMs: 10, callMs: 500 };

class Rig {
  readonly store: FakeStore;
  readonly nodes = new Map<string, ProxyNode>();
  readonly rounds: ProxyEvidence[] = [];
  silentNodes = 0;
  readonly logged: string[] = [];
  readonly #maxNodes: number;

  constructor(proxies: readonly FakeProxy[], maxNodes: number) {
    this.store = new FakeStore(proxies);
    this.#maxNodes = maxNodes;
    for (const { node, address } of proxies) {
      const addresses = [...(this.nodes.get(node)?.addresses ?? []), address];
      this.nodes.set(node, { metadata: { name: node }, addresses });
    }
  }

  /** A process of the operator. */
  barrier(limits: Partial<BarrierLimits> = {}): ProxyBarrier {
    return new ProxyBarrier({
      store: this.store,
      service: 'barrier',
      nodes: { list: () => [...this.nodes.values()], get: (_namespace, name) => this.nodes.get(name) },
      clock: systemClock,
      log: createLogger({ level: 'info', write: (line) => this.logged.push(line) }),
      metrics: {
        round: (result) => this.rounds.push(result),
        silentNodes: (count) => {
          this.silentNodes = count;
        },
      },
      maxNodes: this.#maxNodes,
      limits: { ...LIMITS, ...limits },
    });
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

const { signal } = new AbortController();

const stacks: readonly (readonly [string, readonly [IpFamily, ...IpFamily[]]])[] = [
  ['IPv4 alone', ['IPv4']],
  ['IPv6 beside IPv4', ['IPv6', 'IPv4']],
];

describe.each(stacks)('%s', (_stack, families) => {
  const [family] = families;

  /**
   * So many nodes, with a proxy for each of the families; `proxies` are those of the first one. What a test does to them must count
   * whatever the others say, and whichever family they are of.
   */
  async function rig(count: number, maxNodes = 300): Promise<{ rig: Rig; proxies: FakeProxy[] }> {
    const all: FakeProxy[] = [];
    for (const family of families) {
      for (let index = 1; index <= count; index += 1) all.push(await FakeProxy.start(index, all[0]?.port ?? 0, family));
    }
    running.push(...all);
    return { rig: new Rig(all, maxNodes), proxies: all.slice(0, count) };
  }

  test('every proxy that follows confirms, and each round asks for other numbers', async () => {
    const { rig: it, proxies } = await rig(3);
    at(proxies, 1).delayMs = 120;
    const barrier = it.barrier();
    const seen: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const before = Date.now();
      const answer = await barrier.confirm(signal);
      expect(answer).toMatchObject({ evidence: 'Barrier', confirmed: 3, silent: [] });
      expect(answer.atMs).toBeGreaterThanOrEqual(before + 100);
      expect(Object.fromEntries(proxies.map(({ node, number }) => [node, number]))).toEqual(it.store.numbers(family));
      expect([...it.store.kept.values()].map(({ addressType }) => addressType).sort()).toEqual([...families].sort());
      seen.push(JSON.stringify(it.store.numbers(family)));
    }
    expect(new Set(seen.slice(0, 3)).size).toBe(3);
    expect(seen[3]).toBe(seen[0]);
    expect(it.rounds).toEqual(['Barrier', 'Barrier', 'Barrier', 'Barrier']);
  });

  test('who asks together shares a round; who asks during one gets the next', async () => {
    const { rig: it, proxies } = await rig(2);
    for (const proxy of proxies) proxy.delayMs = 100;
    const barrier = it.barrier();
    const first = [barrier.confirm(signal), barrier.confirm(signal), barrier.confirm(signal)];
    await systemClock.sleep(60);
    const second = [barrier.confirm(signal), barrier.confirm(signal)];
    const [one] = await Promise.all(first);
    const [two] = await Promise.all(second);
    expect(it.rounds).toHaveLength(2);
    expect(two?.atMs).toBeGreaterThan(one?.atMs ?? Number.POSITIVE_INFINITY);
  });

  test('a new process confirms nothing that was left from the last one', async () => {
    const { rig: it, proxies } = await rig(2);
    await it.barrier().confirm(signal);
    // Behind by the last process's second round, in which nobody waited for it.
    const stuck = at(proxies, 0);
    stuck.behaviour = 'stuck';
    await it.barrier({ waitMs: 200 }).confirm(signal);
    const owed = it.store.numbers(family)[stuck.node] ?? 0;
    const next = it.barrier({ waitMs: 400 });
    const answer = await next.confirm(signal);
    expect(answer).toMatchObject({ evidence: 'PartialBarrier', confirmed: 1, silent: [stuck.node] });
    expect(it.store.numbers(family)[stuck.node], 'no number is added before the last one is known').toBe(owed);
    stuck.behaviour = 'follows';
    stuck.see(owed);
    expect(await next.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: 2 });
  });

  test.each(['stuck', 'hangs', 'breaks off', 'garbage', 'cilium'] as const)(
    'a proxy that %s is silent',
    async (behaviour) => {
      const { rig: it, proxies } = await rig(3);
      at(proxies, 2).behaviour = behaviour;
      const barrier = it.barrier({ waitMs: 600 });
      const startMs = performance.now();
      const startedAtMs = Date.now();
      const answer = await barrier.confirm(signal);
      expect(answer).toMatchObject({ evidence: 'PartialBarrier', confirmed: 2, silent: ['node-3'] });
      expect(performance.now() - startMs).toBeGreaterThan(590);
      // Quiet time begins when it is no longer waited for, not when the others confirmed.
      expect(answer.atMs - startedAtMs).toBeGreaterThan(590);
      expect(it.silentNodes).toBe(1);
      // Known to be silent: a short wait, until it answers again.
      const againMs = performance.now();
      expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'PartialBarrier', silent: ['node-3'] });
      expect(performance.now() - againMs).toBeLessThan(550);
      expect(it.logged.filter((line) => line.includes('did not confirm'))).toHaveLength(1);
      at(proxies, 2).behaviour = 'follows';
      at(proxies, 2).number = it.store.numbers(family)['node-3'] ?? 0;
      expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: 3 });
      expect(it.logged.filter((line) => line.includes('confirm again'))).toHaveLength(1);
    },
  );

  test('a slow proxy that has moved since it was silent is waited for the whole time', async () => {
    const { rig: it, proxies } = await rig(2);
    const slow = at(proxies, 0);
    slow.delayMs = 400;
    const barrier = it.barrier({ waitMs: 300 });
    expect((await barrier.confirm(signal)).silent).toEqual([slow.node]);
    await systemClock.sleep(200);
    const patient = await barrier.confirm(signal);
    expect(patient.silent).toEqual([slow.node]);
    slow.delayMs = 200;
    await systemClock.sleep(400);
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier' });
  });

  test('nodes that vanish are not waited for; nodes that appear are in the next round', async () => {
    const { rig: it, proxies } = await rig(3);
    at(proxies, 0).behaviour = 'hangs';
    const late = it.nodes.get('node-3');
    it.nodes.delete('node-3');
    const barrier = it.barrier({ waitMs: 5_000 });
    const confirming = barrier.confirm(signal);
    await systemClock.sleep(100);
    it.nodes.delete('node-1');
    if (late !== undefined) it.nodes.set('node-3', late);
    const startMs = performance.now();
    expect(await confirming).toMatchObject({ evidence: 'Barrier', confirmed: 1, silent: [] });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: 2 });
  });

  test('no evidence where there is nobody to ask: at once, said once', async () => {
    const { rig: it } = await rig(2, 1);
    const tooMany = it.barrier();
    const startMs = performance.now();
    expect(await tooMany.confirm(signal)).toMatchObject({ evidence: 'QuietTime', confirmed: 0 });
    expect(await tooMany.confirm(signal)).toMatchObject({ evidence: 'QuietTime' });
    expect(performance.now() - startMs).toBeLessThan(200);
    expect(it.logged.filter((line) => line.includes('more than 1 nodes'))).toHaveLength(1);
    const { rig: other } = await rig(1);
    const service = other.store.found;
    for (const found of [undefined, service && { ...service, healthCheckNodePort: 0 }]) {
      other.store.found = found;
      expect(await other.barrier().confirm(signal)).toMatchObject({ evidence: 'QuietTime', silent: [] });
    }
    other.store.found = service;
    other.nodes.clear();
    expect(await other.barrier().confirm(signal)).toMatchObject({ evidence: 'QuietTime', silent: [] });
    expect(other.store.writes).toBe(0);
  });

  test('writes that fail, land without an answer or lose against another writer are tried again', async () => {
    const { rig: it } = await rig(2);
    const barrier = it.barrier();
    it.store.beforeWrite = (write) => {
      if (write === 1) throw new Error('503');
    };
    it.store.afterWrite = (write) => {
      if (write === 2) throw new Error('the connection broke');
    };
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: 2 });
    expect(it.store.writes).toBe(families.length === 1 ? 3 : 4);
    // Another leader in between: this one's version is old.
    await it.barrier().confirm(signal);
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier', confirmed: 2 });
    it.store.beforeWrite = () => {
      throw new Error('503');
    };
    const refused = it.barrier({ waitMs: 300 });
    expect(await refused.confirm(signal)).toMatchObject({ evidence: 'QuietTime', confirmed: 0 });
    it.store.beforeWrite = () => undefined;
    expect(await refused.confirm(signal), 'not the nodes were silent').toMatchObject({ evidence: 'Barrier' });
  });

  test('an abort rejects its own caller; a round goes on while somebody waits, and ends with the last', async () => {
    const { rig: it, proxies } = await rig(1);
    at(proxies, 0).behaviour = 'hangs';
    const barrier = it.barrier({ waitMs: 20_000 });
    const one = new AbortController();
    const two = new AbortController();
    const first = barrier.confirm(one.signal);
    const second = barrier.confirm(two.signal);
    await systemClock.sleep(100);
    one.abort(new Error('one has left'));
    await expect(first).rejects.toThrow('one has left');
    two.abort(new Error('two has left'));
    await expect(second).rejects.toThrow('two has left');
    at(proxies, 0).behaviour = 'follows';
    expect(await barrier.confirm(signal)).toMatchObject({ evidence: 'Barrier' });
    await expect(barrier.confirm(AbortSignal.abort(new Error('never began')))).rejects.toThrow('never began');
    expect(it.rounds).toEqual(['Barrier']);
  });
});
