import { setTimeout as sleep } from 'node:timers/promises';
import { commandShortcomings } from '../e2e/gate/gateVerdict.ts';
import { between } from '../e2e/gate/random.ts';
import { type Stage, untilSettled } from '../e2e/gate/stage.ts';
import { pickOperation } from './soakOperations.ts';

/** One operation of the soak; wall clock, milliseconds since 1970. */
export interface RanOperation {
  readonly name: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** What plain Kubernetes would not have said; empty where it went well. */
  readonly problems: readonly string[];
}

const SETTLE_LIMIT_MS = 300_000;

/**
 * Random operations, one after the other, until `enough`: half of them wait for the one before to be over in full, the
 * others begin while its pods still drain.
 */
export async function runOperations(
  stage: Stage,
  random: () => number,
  enough: () => boolean,
  onRan: (operation: RanOperation) => void,
): Promise<void> {
  while (!enough()) {
    const { name, run } = pickOperation(random);
    const startedAtMs = Date.now();
    const from = stage.commands.ran.length;
    const problems: string[] = [];
    try {
      await run(stage, random);
      if (random() < 0.5) await untilSettled(stage, SETTLE_LIMIT_MS);
      else await sleep(between(random, 0, 5000), undefined, { signal: stage.signal });
    } catch (error) {
      stage.signal.throwIfAborted();
      problems.push(error instanceof Error ? error.message : String(error));
    }
    problems.push(...stage.commands.ran.slice(from).flatMap(commandShortcomings));
    onRan({ name, startedAtMs, endedAtMs: Date.now(), problems });
  }
  await untilSettled(stage, SETTLE_LIMIT_MS);
}
