import { stageOf } from '../../src/gate/drainStage.ts';
import type { DrainPath, DrainState, GateStep } from '../../src/gate/types.ts';
import type { StepLine } from './gateKillLogs.ts';
import { writeKinds } from './gateKillWrites.ts';
import type { Trap } from './killingProxy.ts';

/*
 * Which states of the machine the operator was killed in. The tables name every step and every stage that there is, and do not
 * compile without one that is new; the test fails where nothing was killed in one that they name.
 */

type Stage = ReturnType<typeof stageOf>;
type StepName = GateStep['do'];

/** Whether pods are found in a stage; where not, why. */
const stages: Readonly<Record<Stage, 'Found' | { readonly never: string }>> = {
  Asked: 'Found',
  HandedOver: 'Found',
  Replaced: { never: 'written by the isolation, in one patch with isolatedAt: the pod is Isolated then' },
  Isolated: 'Found',
  Drained: 'Found',
};

const paths: Readonly<Record<DrainPath, true>> = { ScaleDown: true, Eviction: true, Delete: true };

const steps: Readonly<Record<StepName, true>> = {
  Wait: true,
  Cancel: true,
  HandOver: true,
  GiveBack: true,
  ConfirmReplacement: true,
  AskBudget: true,
  Isolate: true,
  VerifySlices: true,
  VerifyProxies: true,
  CheckDrained: true,
  MarkDrained: true,
  LetGo: true,
};

/** A pod at the death of an operator. */
export interface LivingPod {
  readonly namespace: string;
  readonly name: string;
  readonly state: DrainState | undefined;
}

/** Gathers what the operator was killed in. */
export class KillCoverage {
  readonly #stages = new Set<string>();
  /** `path step`. */
  readonly #steps = new Set<string>();
  readonly #kills = new Set<string>();
  readonly #wanted = new Set<string>();

  /** Steps of an undisturbed run: something is to be killed in each. */
  want(lines: readonly StepLine[]): void {
    for (const { path, step } of lines) this.#wanted.add(`${path} ${step}`);
  }

  /** The operator died at these writes, with these pods there, having said these steps since the last one died. */
  killed(traps: readonly Trap[], pods: readonly LivingPod[], lines: readonly StepLine[]): void {
    for (const { kind, moment } of traps) this.#kills.add(`${kind} ${moment}`);
    for (const { state } of pods) if (state !== undefined) this.#stages.add(`${state.path} ${stageOf(state)}`);
    const last = new Map(lines.map((line) => [`${line.namespace}/${line.name}`, line]));
    for (const { namespace, name } of pods) {
      const line = last.get(`${namespace}/${name}`);
      if (line !== undefined) this.#steps.add(`${line.path} ${line.step}`);
    }
  }

  /** One line for people. */
  get text(): string {
    return `killed in the stages ${list(this.#stages)}\nin the steps ${list(this.#steps)}\nat ${list(this.#kills)}`;
  }

  /** What nothing was killed in. */
  get missing(): readonly string[] {
    const named = (set: ReadonlySet<string>): ReadonlySet<string> =>
      new Set([...set].map((each) => each.split(' ')[1] ?? ''));
    const found = Object.entries(stages).filter(([, how]) => how === 'Found');
    return [
      ...found.flatMap(([stage]) => (named(this.#stages).has(stage) ? [] : [`stage ${stage}`])),
      ...Object.entries(stages).flatMap(([stage, how]) =>
        how !== 'Found' && named(this.#stages).has(stage) ? [`stage ${stage} was found, though ${how.never}`] : [],
      ),
      ...Object.keys(paths).flatMap((path) =>
        [...this.#stages].some((each) => each.startsWith(`${path} `)) ? [] : [`path ${path}`],
      ),
      ...Object.keys(steps).flatMap((step) => (named(this.#steps).has(step) ? [] : [`step ${step}`])),
      ...[...this.#wanted].flatMap((each) => (this.#steps.has(each) ? [] : [`step ${each}`])),
      ...writeKinds.flatMap((kind) =>
        ['before', 'after'].flatMap((moment) => (this.#kills.has(`${kind} ${moment}`) ? [] : [`${moment} ${kind}`])),
      ),
    ];
  }
}

function list(set: ReadonlySet<string>): string {
  return [...set].toSorted().join(', ');
}
