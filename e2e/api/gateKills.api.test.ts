import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GateHarness } from './gateHarness.ts';
import { KillCoverage } from './gateKillCoverage.ts';
import { STARVED } from './gateKillOrder.ts';
import { type KillChain, type KillPath, killChains, killPaths } from './gateKillPaths.ts';
import { PretendApplication } from './gateKillPretend.ts';
import { type Case, KillRounds, type Stage, say } from './gateKillRounds.ts';
import { Scene } from './gateScene.ts';
import { operatorNamespace, until } from './harness.ts';
import type { GateWrite, Moment, SetTrap, Trap } from './killingProxy.ts';

/*
 * The operator is killed at every write of every path: before the API server hears of it, and after it has answered but
 * before the operator hears of that; and at every question, in every wait. Paths run beside each other, each in a namespace of
 * its own, and their writes are held until each path of the round has come to its own: so one kill serves them all. Whatever
 * was killed, a watch beside says in which order pods were isolated, left their slices and were deleted.
 */

const edges = ['before', 'after'] as const satisfies readonly Moment[];
const LONG_ABSENCE_MS = 3_000;
const coverage = new KillCoverage();
let harness: GateHarness;
let application: PretendApplication;
let rounds: KillRounds;
let stages: readonly Stage[];

beforeAll(async () => {
  application = await PretendApplication.start();
  const paths = killPaths(application);
  // Long enough for the second kill at a pod that is terminating: the preStop floor is longer.
  harness = await GateHarness.start({ stopMs: 4_000, withServiceProxy: true, outlivesAbsences: true });
  await harness.launch();
  stages = await Promise.all(
    paths.map(async (path) => ({
      path,
      scene: await Scene.make(harness, { ...path.scene, namespace: path.name }),
    })),
  );
  await harness.untilGated(paths.map(({ name }) => name));
  rounds = new KillRounds(harness, application, coverage);
}, 900_000);

afterAll(async () => {
  await Promise.all((stages ?? []).map(({ scene }) => (rounds === undefined ? scene.end() : rounds.end(scene))));
  await harness?.stop();
  await application?.stop();
});

function stageOf(name: string): Stage {
  const found = stages.find(({ path }) => path.name === name);
  if (found === undefined) throw new Error(`there is no path ${name}`);
  return found;
}

interface Recorded {
  readonly stage: Stage;
  readonly wrong: readonly string[];
  /** By the rounds that they belong to. */
  readonly traps: readonly (Trap | undefined)[];
}

/** The writes of an undisturbed run, as traps. On a machine that is too busy a second one is begun. */
async function record(stage: Stage, isLast: boolean): Promise<Recorded> {
  const { path, scene } = stage;
  await rounds.watch(scene);
  // Its pods may have been replaced when the Deployment was completed.
  const before = harness.proxy.callsIn(path.name).length;
  const wrong = await rounds.play(stage);
  if (!isLast && wrong.some((what) => what.startsWith(STARVED))) {
    await rounds.end(scene);
    await path.reset?.(scene);
    return record(stage, true);
  }
  // The last write of the status is gathered for a second.
  await sleep(1_500);
  const writes = harness.proxy.callsIn(path.name).slice(before);
  say(`${path.name}: ${writes.map(({ kind }) => kind).join(' ')}`);
  const seen = new Map<string, number>();
  const traps = writes.flatMap((write): readonly Trap[] => {
    const { kind } = write;
    const nth = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, nth);
    if (path.skip?.(write) === true) return [];
    // How many there are depends on the second in which they are gathered, or on how slow slices and caches are.
    if (['Status', 'AskSlices', 'RemoveForged'].includes(kind) && nth > 1) return [];
    // Asked alike on every path.
    if (kind === 'AskSlices' && path.more === undefined) return [];
    return edges.map((moment) => ({ namespace: path.name, kind, nth, moment }));
  });
  const more = (path.more ?? []).map((trap) => ({ ...trap, namespace: path.name }));
  // Not in the rounds of the first intents, which cannot wait for it.
  const { firstRound = path.skip === undefined ? 0 : 2 } = path;
  const late = Array.from({ length: firstRound }, () => undefined);
  await rounds.end(scene);
  return {
    stage,
    wrong: wrong.map((what) => `${path.name}, undisturbed: ${what}`),
    traps: [...late, ...traps, ...more],
  };
}

test('killed before and after every write of every path, everything ends as if nothing had happened', async () => {
  // Not all at once: a webhook that has no CPU for 2 s is one that nobody answers for.
  const half = Math.ceil(stages.length / 2);
  const recorded = await Promise.all(stages.slice(0, half).map((stage) => record(stage, false)));
  recorded.push(...(await Promise.all(stages.slice(half).map((stage) => record(stage, false)))));
  expect(recorded.flatMap((each) => each.wrong)).toEqual([]);
  rounds.wantSteps();
  const count = Math.max(...recorded.map(({ traps }) => traps.length));
  const wrong: string[] = [];
  const missed: Case[] = [];
  for (let index = 0; index < count; index += 1) {
    const cases = recorded.flatMap(({ stage, traps }) => {
      const trap = traps[index];
      return trap === undefined ? [] : [{ ...stage, trap }];
    });
    const played = await rounds.round(cases, { absentMs: index % 5 === 4 ? LONG_ABSENCE_MS : 0 });
    wrong.push(...played.wrong);
    missed.push(...played.missed);
  }
  // A kill for another path may have come first; how often a reason or a status is written is no one's promise.
  const again = missed.filter(({ trap }) => trap.kind !== 'Status' && trap.kind !== 'Note');
  for (const one of again) {
    const played = await rounds.round([one], { absentMs: 0 });
    wrong.push(...played.wrong, ...played.missed.map(({ trap }) => `never killed in time at ${JSON.stringify(trap)}`));
  }
  const cases = recorded.flatMap(({ traps }) => traps.filter((trap) => trap !== undefined)).length;
  say(`${cases} cases in ${count} rounds, ${again.length} played again`);
  expect(wrong).toEqual([]);
  expect(cases).toBeGreaterThanOrEqual(80);
}, 900_000);

/** The first path comes to the barrier, and the others while its round does not end. */
interface BarrierKill extends Omit<Trap, 'namespace'> {
  readonly paths: readonly [first: string, ...others: string[]];
}

const barrierKills: readonly BarrierKill[] = [
  { kind: 'BarrierSlice', nth: 1, moment: 'before', paths: ['evict-drained', 'scale-drained', 'delete-drained'] },
  { kind: 'BarrierSlice', nth: 1, moment: 'after', paths: ['scale-drained', 'evict-drained', 'delete-drained'] },
  { kind: 'AskProxy', nth: 1, moment: 'before', paths: ['delete-single', 'scale-drained', 'delete-drained'] },
  // Its replacement is confirmed by then.
  { kind: 'AskProxy', nth: 2, moment: 'after', paths: ['evict-drained'] },
];

async function killAtBarrier({ paths, ...moment }: BarrierKill) {
  const trap: Trap = { ...moment, namespace: operatorNamespace };
  const beginning = harness.proxy.calls.length;
  const hasWritten = (wanted: (write: GateWrite) => boolean): boolean =>
    harness.proxy.calls.slice(beginning).some(wanted);
  const firstIsThere = () =>
    until('the first has come to the barrier', async () =>
      hasWritten((write) => write.kind === 'BarrierSlice') ? true : undefined,
    );
  const cases = paths.map((name): Case => {
    const stage = stageOf(name);
    return { ...stage, trap, begin: name === paths[0] ? async () => undefined : firstIsThere };
  });
  // Then they wait for the barrier, or will the next moment.
  const isOnItsWay = (name: string): boolean =>
    hasWritten((write) => write.namespace === name && (write.kind === 'AskSlices' || write.kind === 'HandOver'));
  return rounds.round(cases, { absentMs: 0, ready: () => paths.every(isOnItsWay) });
}

test('killed while the service proxies are asked, everything ends as if nothing had happened', async () => {
  const wrong: string[] = [];
  for (const each of barrierKills) {
    let played = await killAtBarrier(each);
    wrong.push(...played.wrong);
    // As above.
    if (played.missed.length > 0) {
      played = await killAtBarrier(each);
      wrong.push(...played.wrong, ...played.missed.map(({ path }) => `${path.name} was never killed at ${each.kind}`));
    }
  }
  expect(wrong).toEqual([]);
}, 300_000);

async function playChains(moment: Moment): Promise<readonly string[]> {
  const held = (trap: SetTrap) => until(`${trap.kind} comes`, async () => (trap.held ? true : undefined));
  const cases = killChains.map((chain): Case & { readonly chain: KillChain; readonly second: Trap } => {
    const { path, scene } = stageOf(chain.path);
    const { replicas = path.replicas, ends = path.ends } = chain;
    const second = { ...chain.second, namespace: path.name, moment };
    const trap = { ...chain.first, namespace: path.name };
    return { path: { ...path, replicas, ends }, scene, chain, trap, second };
  });
  for (const { path, scene } of cases) {
    await path.reset?.(scene);
    await rounds.watch(scene);
  }
  const firsts = cases.map(({ trap }) => rounds.set(trap));
  const plays = cases.map(async (one, index) => {
    const ask: KillPath['ask'] = async (scene) => {
      await one.path.ask(scene, harness);
      // Else it might be settled before it has begun.
      await until(`${one.trap.kind} comes`, async () => (firsts[index]?.held === true ? true : undefined));
    };
    const seen = await rounds.play({ ...one, path: { ...one.path, ask } }, one.trap);
    const title = `${one.path.name}: killed ${one.trap.moment} ${one.trap.kind}, then ${moment} ${one.second.kind}`;
    say(`${title}: ${one.scene.ended.size} pods ended${seen.map((what) => `\n  WRONG: ${what}`).join('')}`);
    await rounds.end(one.scene);
    return seen.map((what) => `${title}: ${what}`);
  });
  await Promise.all(firsts.map(held));
  for (const { chain, scene } of cases) await chain.whileHeld?.(scene);
  await rounds.kill(firsts, cases);
  const seconds = cases.map(({ second }) => rounds.set(second));
  await harness.launch();
  await Promise.all(seconds.map(held));
  await rounds.kill(seconds, cases);
  await harness.launch();
  rounds.disarm();
  return (await Promise.all(plays)).flat();
}

test('killed at what is written only after a kill, everything ends as if nothing had happened', async () => {
  const wrong: string[] = [];
  for (const moment of edges) wrong.push(...(await playChains(moment)));
  expect(wrong).toEqual([]);
}, 300_000);

test('something was killed in every state and at every write that there is', () => {
  say(`${coverage.text}\n${rounds.checked} pods isolated, then in no slice, then deleted`);
  expect(coverage.missing).toEqual([]);
  expect(harness.proxy.unknownWrites).toEqual([]);
  // Else nobody knows their order.
  expect(rounds.checked).toBeGreaterThanOrEqual(60);
});
