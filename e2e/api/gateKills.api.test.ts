import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GateHarness } from './gateHarness.ts';
import { type GatePath, gatePaths } from './gatePaths.ts';
import { Scene } from './gateScene.ts';
import { until } from './harness.ts';
import type { Moment, SetTrap, Trap } from './killingProxy.ts';

/*
 * The operator is killed at every write of every path: before the API server hears of it, and after it has answered but
 * before the operator hears of that. Paths run beside each other, each in a namespace of its own, and their writes are held
 * until each path of the round has come to its own: so one kill serves them all.
 */

interface Stage {
  readonly path: GatePath;
  readonly scene: Scene;
}

/** One path in one round. */
interface Case extends Stage {
  readonly trap: Trap;
}

/** The webhook would admit if its write took longer. */
const INTENT_PATIENCE_MS = 1_100;
const PATIENCE_MS = 4_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
let harness: GateHarness;
let stages: readonly Stage[];

beforeAll(async () => {
  // Long enough for who takes over to see a pod that is terminating: the preStop floor is longer.
  harness = await GateHarness.start({ stopMs: 4_000 });
  await harness.launch();
  stages = await Promise.all(
    gatePaths.map(async (path) => ({
      path,
      scene: await Scene.make(harness, { ...path.scene, namespace: path.name }),
    })),
  );
  await harness.untilGated(gatePaths.map(({ name }) => name));
}, 900_000);

afterAll(async () => {
  await Promise.all((stages ?? []).map(({ scene }) => scene.end()));
  await harness?.stop();
});

/** Asks, waits for the end of everything and tells what was wrong with it. */
async function play(
  { path, scene }: Stage,
  trap?: Trap,
  begin: Promise<unknown> = Promise.resolve(),
): Promise<readonly string[]> {
  const wrong: string[] = [];
  if (path.byKubectl !== true) await begin;
  const note = (what: string) => (error: unknown) => void wrong.push(`${what}: ${String(error)}`);
  await path.ask(scene, harness).catch(note('who asked failed'));
  await scene.settled(path.replicas).catch(note('the end'));
  await until('the status shows no drain', async () => ((await scene.drainsInStatus()) === 0 ? true : undefined)).catch(
    note('the status'),
  );
  // Killed between an intent and its answer, the DELETE is admitted (fail open) beside a pod that is already on its way: the
  // ReplicaSet makes one more.
  const admitted = trap === undefined ? 0 : 1;
  const { size } = scene.ended;
  if (size < path.ends || size > path.ends + admitted) wrong.push(`${size} pods ended, ${path.ends} were to`);
  const fewest = trap === undefined ? path.fewestReady : (path.fewestReadyWhenKilled?.(trap.kind) ?? path.fewestReady);
  if (scene.fewestReady < fewest) wrong.push(`a Service had ${scene.fewestReady} ready endpoints`);
  // The API server repairs the address of a Service that is seconds old with a Warning, whoever uses it.
  const warnings = (await scene.warnings()).filter((line) => !/^(GracefulRollout|Service) /.test(line));
  if (warnings.length > 0) wrong.push(...warnings);
  return wrong;
}

/** The writes of an undisturbed run, as traps. */
async function record(stage: Stage): Promise<readonly (Trap | undefined)[]> {
  const { path, scene } = stage;
  await scene.watch();
  expect(await play(stage), `${path.name}, undisturbed`).toEqual([]);
  // The last write of the status is gathered for a second.
  await sleep(1_500);
  const writes = harness.proxy.writesIn(path.name);
  say(`${path.name}: ${writes.map(({ kind }) => kind).join(' ')}`);
  const seen = new Map<string, number>();
  const traps = writes.flatMap((write): readonly Trap[] => {
    const nth = (seen.get(write.kind) ?? 0) + 1;
    seen.set(write.kind, nth);
    // How many there are depends on the second in which they are gathered.
    if (path.skip?.(write) === true || (write.kind === 'Status' && nth > 1)) return [];
    return (['before', 'after'] satisfies Moment[]).map((moment) => ({
      namespace: path.name,
      kind: write.kind,
      nth,
      moment,
    }));
  });
  // Not in the rounds of the intents, which cannot wait for it.
  return path.skip === undefined ? traps : [undefined, undefined, ...traps];
}

/** Kills when every path has come to its write, and again if one comes later. */
async function killAtTraps(traps: readonly SetTrap[], isOver: () => boolean, absentMs: number): Promise<number> {
  let kills = 0;
  let left = [...traps];
  while (left.length > 0) {
    let firstMs: number | undefined;
    for (;;) {
      const held = left.filter((trap) => trap.held);
      if (held.length > 0) firstMs ??= performance.now();
      const waitedMs = firstMs === undefined ? 0 : performance.now() - firstMs;
      const patienceMs = held.some(({ kind }) => kind === 'Intent') ? INTENT_PATIENCE_MS : PATIENCE_MS;
      if (held.length === left.length || waitedMs >= patienceMs) break;
      if (isOver()) return kills;
      await sleep(5);
    }
    const held = left.filter((trap) => trap.held);
    const asking = stages.filter(
      ({ path }) => !held.some(({ namespace, kind }) => namespace === path.name && kind === 'Intent'),
    );
    await harness.kill(Promise.race([Promise.all(asking.map(({ scene }) => scene.asked())), sleep(1_000)]));
    kills += 1;
    left = left.filter((trap) => !held.includes(trap));
    await sleep(absentMs);
    await harness.launch();
  }
  return kills;
}

/** Plays the cases at the same time. */
async function round(
  cases: readonly Case[],
  absentMs: number,
): Promise<{ readonly wrong: readonly string[]; readonly missed: readonly Case[] }> {
  const missed: Case[] = [];
  await Promise.all(
    cases.map(async ({ path, scene }) => {
      await path.reset?.(scene);
      await scene.watch();
    }),
  );
  const traps = cases.map(({ trap }) => harness.proxy.set(trap));
  const startMs = performance.now();
  let over = 0;
  const slow = cases.filter(({ path }) => path.byKubectl === true).map(({ scene }) => scene.namespace);
  const beginning = harness.proxy.writes.length;
  // All at once, so that the intents are there at the same time.
  const begin = until('kubectl has asked', async () => {
    const there = new Set(harness.proxy.writes.slice(beginning).map(({ namespace }) => namespace));
    return slow.every((namespace) => there.has(namespace)) || performance.now() - startMs > 3_000 ? true : undefined;
  });
  const plays = cases.map(async (one, index) => {
    const seen = await play(one, one.trap, begin);
    over += 1;
    const reached = traps[index]?.held === true;
    if (!reached) missed.push(one);
    // A kill for another path, or a machine that is too busy, came first: played again, alone.
    const wrong = reached ? seen : seen.filter((what) => what.startsWith('the end'));
    const { path, scene, trap } = one;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const title = `${path.name}: ${reached ? 'killed' : 'NOT REACHED:'} ${trap.moment} ${trap.kind} ${trap.nth}`;
    say(
      `${title}, back after ${absentMs} ms: settled after ${seconds} s, ${scene.ended.size} pods ended, at least ${scene.fewestReady} ready${wrong.map((what) => `\n  WRONG: ${what}`).join('')}`,
    );
    await scene.end();
    return wrong.map((what) => `${title}: ${what}`);
  });
  const kills = killAtTraps(traps, () => over === cases.length, absentMs);
  const wrong = (await Promise.all(plays)).flat();
  await kills;
  harness.proxy.disarm();
  return { wrong, missed };
}

test('killed before and after every write of every path, everything ends as if nothing had happened', async () => {
  const recorded = await Promise.all(stages.map(async (stage) => ({ stage, traps: await record(stage) })));
  await Promise.all(stages.map(({ scene }) => scene.end()));
  const rounds = Math.max(...recorded.map(({ traps }) => traps.length));
  const wrong: string[] = [];
  const missed: Case[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const cases = recorded.flatMap(({ stage, traps }) => {
      const trap = traps[index];
      return trap === undefined ? [] : [{ ...stage, trap }];
    });
    const played = await round(cases, index % 5 === 4 ? 3_000 : 0);
    wrong.push(...played.wrong);
    missed.push(...played.missed);
  }
  // A kill for another path may have come first; how often a reason or a status is written is no one's promise.
  const again = missed.filter(({ trap }) => trap.kind !== 'Status' && trap.kind !== 'Note');
  for (const one of again) {
    const played = await round([one], 0);
    wrong.push(...played.wrong, ...played.missed.map(({ trap }) => `never killed at ${JSON.stringify(trap)}`));
  }
  const cases = recorded.flatMap(({ traps }) => traps).length;
  say(`${cases} cases in ${rounds} rounds, ${again.length} played again`);
  expect(wrong).toEqual([]);
  expect(cases).toBeGreaterThanOrEqual(60);
}, 900_000);
