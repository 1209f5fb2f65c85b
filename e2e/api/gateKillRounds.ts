import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GateHarness } from './gateHarness.ts';
import type { KillCoverage } from './gateKillCoverage.ts';
import { failOpensNear, OperatorLog } from './gateKillLogs.ts';
import { endsIn, OrderWatch, STARVED, wrongWith } from './gateKillOrder.ts';
import type { KillPath } from './gateKillPaths.ts';
import type { PretendApplication } from './gateKillPretend.ts';
import type { Scene } from './gateScene.ts';
import { until } from './harness.ts';
import type { SetTrap, Trap } from './killingProxy.ts';

/** A path and where it is played. */
export interface Stage {
  readonly path: KillPath;
  readonly scene: Scene;
}

/** One path in one round; several may be about one trap. */
export interface Case extends Stage {
  readonly trap: Trap;
  /** Asks only then. */
  readonly begin?: () => Promise<unknown>;
}

/** How a {@link KillRounds.round} is played. */
export interface RoundOptions {
  /** Without an operator after each kill. */
  readonly absentMs: number;
  /** When all moments have come: the kill waits for this too, for those that have no trap of their own. */
  readonly ready?: () => boolean;
}

/** The webhook would admit if its write took longer. */
const INTENT_PATIENCE_MS = 1_100;
const PATIENCE_MS = 4_000;
/** Until a ReplicaSet controller has heard of a hand-over: else it asks for another pod, and nobody answers it. */
const SETTLE_MS = 500;
/** From the death of the operator to what the API server did without it, and from readiness to an answer that is not "not synced". */
const ABSENCE_SLACK_MS = 1_500;

/** For people who watch. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Plays paths, kills at their traps and tells what was wrong. */
export class KillRounds {
  readonly #harness: GateHarness;
  readonly #application: PretendApplication;
  readonly #coverage: KillCoverage;
  readonly #log: OperatorLog;
  readonly #watches = new Map<Scene, OrderWatch>();
  /** Pods that slices had listed and the gate let go: those whose order says something. */
  checked = 0;

  constructor(harness: GateHarness, application: PretendApplication, coverage: KillCoverage) {
    this.#harness = harness;
    this.#application = application;
    this.#coverage = coverage;
    this.#log = new OperatorLog(path.join(harness.api.controlPlane.folder, 'operator.log'));
  }

  /** Begins to follow what happens in the scene. */
  async watch(scene: Scene): Promise<void> {
    await scene.watch();
    this.#watches.set(scene, await OrderWatch.start(this.#harness.api.client, scene.namespace));
  }

  async end(scene: Scene): Promise<void> {
    await scene.end();
    await this.#watches.get(scene)?.stop();
    this.#watches.delete(scene);
  }

  /** The steps so far are those of undisturbed runs. */
  wantSteps(): void {
    this.#coverage.want(this.#log.takeSteps());
  }

  /** Asks, waits for the end of everything and tells what was wrong with it. */
  async play(
    { path: played, scene }: Stage,
    trap?: Trap,
    begin: Promise<unknown> = Promise.resolve(),
  ): Promise<readonly string[]> {
    const wrong: string[] = [];
    await begin;
    const note = (what: string) => (error: unknown) => void wrong.push(`${what}: ${String(error)}`);
    await played.ask(scene, this.#harness).catch(note('who asked failed'));
    await scene.settled(played.replicas).catch(note('the end'));
    await until('the status shows no drain', async () =>
      (await scene.drainsInStatus()) === 0 ? true : undefined,
    ).catch(note('the status'));
    // Killed between an intent and its answer, the DELETE is admitted (fail open) beside a pod that is already on its way: the
    // ReplicaSet makes one more.
    const admitted = trap === undefined ? 0 : 1;
    const { size } = scene.ended;
    if (size < played.ends || size > played.ends + admitted) wrong.push(`${size} pods ended, ${played.ends} were to`);
    const fewest = (trap && played.fewestReadyWhenKilled?.(trap.kind)) ?? played.fewestReady;
    if (scene.fewestReady < fewest - Math.max(0, size - played.ends)) {
      wrong.push(`a Service had ${scene.fewestReady} ready endpoints`);
    }
    // The API server repairs the address of a Service that is seconds old with a Warning, whoever uses it.
    const warnings = await scene.complaints();
    wrong.push(...warnings, ...this.#order(scene));
    return wrong;
  }

  /** What was wrong with isolation, slices and deletions, in their order. */
  #order(scene: Scene): readonly string[] {
    const watch = this.#watches.get(scene);
    if (watch === undefined) return ['nobody watched the order'];
    const letGo = new Set(
      this.#harness.proxy.writesIn(scene.namespace).flatMap(({ kind, name }) => (kind === 'LetGo' ? [name] : [])),
    );
    const ends = endsIn(watch.sights);
    const wrong = ends.flatMap((end) => {
      const byOperator = letGo.has(end.name);
      const heardMs = end.atMs - performance.timeOrigin;
      const absence = this.#harness.absences.find(
        ({ fromMs, toMs }) => heardMs >= fromMs && heardMs <= toMs + ABSENCE_SLACK_MS,
      );
      const awaySinceMs = absence === undefined ? undefined : performance.timeOrigin + absence.fromMs;
      const apiLog = path.join(this.#harness.api.controlPlane.folder, 'kube-apiserver.log');
      const failOpens = failOpensNear(apiLog, end.atMs);
      const answers = this.#log.answersAbout(scene.namespace, end.name);
      const what = wrongWith(end, { byOperator, awaySinceMs, failOpens, answers });
      const isGated = byOperator || end.state?.drainedAt !== undefined;
      if (isGated && end.wasListed) this.checked += 1;
      if (!isGated && what === undefined) say(`  ${scene.namespace}: ${end.name} went while there was no operator`);
      return what ?? [];
    });
    const unseen = [...scene.ended].filter((name) => !ends.some((end) => end.name === name));
    return [...watch.problems, ...wrong, ...unseen.map((name) => `the end of pod ${name} was not seen in order`)];
  }

  set(trap: Trap): SetTrap {
    if (trap.kind === 'AskProxy') return this.#harness.serviceProxy.set(trap);
    if (trap.kind === 'AskDrained') return this.#application.set(trap);
    return this.#harness.proxy.set(trap);
  }

  /** Kills now. Who asks for an eviction is let finish first. */
  async kill(held: readonly SetTrap[], cases: readonly Case[]): Promise<void> {
    const asking = cases.filter(
      ({ path: { name } }) => !held.some(({ namespace, kind }) => namespace === name && kind === 'Intent'),
    );
    await this.#harness.kill(Promise.race([Promise.all(asking.map(({ scene }) => scene.asked())), sleep(1_000)]));
    // For the last lines of its log and the last events of the watches.
    await sleep(50);
    const pods = [...this.#watches.values()].flatMap((watch) => watch.pods());
    this.#coverage.killed(held, pods, this.#log.takeSteps());
    this.#harness.serviceProxy.release();
    this.#application.release();
  }

  /** Kills when every path has come to its moment, and again if one comes later. */
  async #killAtTraps(
    traps: readonly SetTrap[],
    cases: readonly Case[],
    isOver: () => boolean,
    { absentMs, ready }: RoundOptions,
  ): Promise<void> {
    let left = [...traps];
    while (left.length > 0) {
      let firstMs: number | undefined;
      for (;;) {
        const held = left.filter((trap) => trap.held);
        if (held.length > 0) firstMs ??= performance.now();
        const waitedMs = firstMs === undefined ? 0 : performance.now() - firstMs;
        const patienceMs = held.some(({ kind }) => kind === 'Intent') ? INTENT_PATIENCE_MS : PATIENCE_MS;
        if (held.length === left.length || waitedMs >= patienceMs) break;
        if (isOver()) return;
        await sleep(5);
      }
      if (ready !== undefined) await this.#settle(ready);
      const held = left.filter((trap) => trap.held);
      await this.kill(held, cases);
      left = left.filter((trap) => !held.includes(trap));
      await sleep(absentMs);
      await this.#harness.launch();
    }
  }

  async #settle(ready: () => boolean): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (!ready() && performance.now() < endMs) await sleep(5);
    await sleep(SETTLE_MS);
  }

  /** Plays the cases at the same time. */
  async round(
    cases: readonly Case[],
    options: RoundOptions,
  ): Promise<{ readonly wrong: readonly string[]; readonly missed: readonly Case[] }> {
    const missed: Case[] = [];
    await Promise.all(
      cases.map(async ({ path: played, scene }) => {
        await played.reset?.(scene);
        await this.watch(scene);
      }),
    );
    const traps = new Map([...new Set(cases.map(({ trap }) => trap))].map((trap) => [trap, this.set(trap)]));
    const startMs = performance.now();
    let over = 0;
    const begin = this.#begun(cases);
    const plays = cases.map(async (one) => {
      const { path: played, scene, trap } = one;
      const seen = await this.play(one, trap, one.begin?.() ?? (played.byKubectl === true ? undefined : begin));
      over += 1;
      const reached = traps.get(trap)?.held === true;
      const isStarved = seen.some((what) => what.startsWith(STARVED));
      if (!reached || isStarved) missed.push(one);
      // A kill for another path, or a machine that is too busy, came first: played again, alone.
      const wrong =
        reached && !isStarved ? seen : seen.filter((what) => what.startsWith('the end') || what.startsWith('pod '));
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      const title = `${played.name}: ${reached ? 'killed' : 'NOT REACHED:'} ${trap.moment} ${trap.kind} ${trap.nth}`;
      say(
        `${title}, back after ${options.absentMs} ms: settled after ${seconds} s, ${scene.ended.size} pods ended, at least ${scene.fewestReady} ready${wrong.map((what) => `\n  WRONG: ${what}`).join('')}`,
      );
      await this.end(scene);
      return wrong.map((what) => `${title}: ${what}`);
    });
    const kills = this.#killAtTraps([...traps.values()], cases, () => over === cases.length, options);
    const wrong = (await Promise.all(plays)).flat();
    await kills;
    this.disarm();
    return { wrong, missed };
  }

  disarm(): void {
    this.#harness.proxy.disarm();
    this.#harness.serviceProxy.disarm();
    this.#application.disarm();
  }

  /** All at once, so that the intents are there at the same time: when the slow ones have asked. */
  #begun(cases: readonly Case[]): Promise<unknown> {
    const { proxy } = this.#harness;
    const startMs = performance.now();
    const slow = cases.filter(({ path: { byKubectl } }) => byKubectl === true).map(({ scene }) => scene.namespace);
    const beginning = proxy.calls.length;
    return until('kubectl has asked', async () => {
      const there = new Set(proxy.calls.slice(beginning).map(({ namespace }) => namespace));
      return slow.every((namespace) => there.has(namespace)) || performance.now() - startMs > 3_000 ? true : undefined;
    });
  }
}
