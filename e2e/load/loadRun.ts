import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadEvent, LoadPlan, LoadResult } from './plan.ts';
import { Schedule } from './schedule.ts';
import { SourcePorts } from './sourcePorts.ts';
import { waitUntilSteady } from './steady.ts';
import { Tally } from './tally.ts';
import { TargetLoad, wallMs } from './targetLoad.ts';
import { VoidRunError } from './voidRun.ts';

interface Row {
  readonly name: string;
  readonly load: TargetLoad;
  readonly schedule: Schedule;
  readonly idle: Tally;
  readonly run: Tally;
}

const PROGRESS_INTERVAL_MS = 1000;
/** A generator that was further behind its schedule at any time did not drive an open loop. */
const LATENESS_LIMIT_MS = 2000;

/**
 * One load run: waits until the targets answer steadily, then keeps up a constant rate on all of them without a gap:
 * first the idle stretch, then the measured one, until the minimum is sent and `finished` is aborted (where the plan
 * says so).
 * @param emit gets every event but `result` and `void`.
 * @throws VoidRunError when the targets never answered steadily, the idle stretch lost anything, or the generator
 * itself failed.
 */
export async function runLoad(
  plan: LoadPlan,
  emit: (event: LoadEvent) => void,
  finished: AbortSignal,
  signal: AbortSignal,
): Promise<LoadResult> {
  const sources = new SourcePorts(plan.sources);
  if (plan.steadyMs > 0) {
    const steady = await waitUntilSteady(plan.targets, sources, plan.steadyMs, plan.steadyLimitMs, signal);
    emit({ type: 'steady', ...steady });
  }
  const startMs = performance.now() + 5;
  const rows = plan.targets.map((target, index): Row => {
    return {
      name: target.name,
      load: new TargetLoad(target, sources, plan.requestTimeoutMs),
      // The targets' schedules are shifted against each other, so that they do not all send in the same millisecond.
      schedule: new Schedule(
        startMs + (index * 1000) / target.ratePerSecond / plan.targets.length,
        target.ratePerSecond,
      ),
      idle: new Tally(target),
      run: new Tally(target),
    };
  });
  const idleEndMs = startMs + plan.idleMs;
  let idlePassed = false;
  let progressDueMs = idleEndMs + PROGRESS_INTERVAL_MS;

  try {
    for (;;) {
      signal.throwIfAborted();
      sendDue(rows, idleEndMs);
      const nowMs = performance.now();
      if (!idlePassed && nowMs >= idleEndMs && rows.every((row) => row.idle.outstanding === 0)) {
        assertIdleLostNothing(rows);
        idlePassed = true;
        emit({ type: 'idle-passed', requests: rows.reduce((sum, row) => sum + row.idle.sent, 0) });
      }
      if (nowMs >= progressDueMs) {
        progressDueMs += PROGRESS_INTERVAL_MS;
        emit({
          type: 'progress',
          atMs: Math.round(wallMs(nowMs)),
          rows: rows.map((row) => ({ name: row.name, requests: row.run.sent, lost: row.run.lost })),
        });
      }
      const enough = rows.every((row) => row.run.sent >= plan.minimumRequests);
      if (idlePassed && enough && (finished.aborted || !plan.waitForFinish)) break;
      const nextMs = Math.min(...rows.map((row) => row.schedule.nextDueMs));
      await sleep(Math.max(0, nextMs - performance.now()));
    }
    while (rows.some((row) => row.run.outstanding > 0)) await sleep(10, undefined, { signal });
  } finally {
    for (const row of rows) row.load.stop();
  }
  const result: LoadResult = {
    startedAtMs: Math.round(wallMs(startMs)),
    idleEndedAtMs: Math.round(wallMs(idleEndMs)),
    finishedAtMs: Math.round(wallMs(performance.now())),
    idle: rows.map((row) => row.idle.count()),
    run: rows.map((row) => row.run.count()),
  };
  assertGeneratorKeptUp(result);
  return result;
}

function sendDue(rows: readonly Row[], idleEndMs: number): void {
  for (const row of rows) {
    for (;;) {
      const dueMs = row.schedule.takeDue(performance.now());
      if (dueMs === undefined) break;
      row.load.send(dueMs, dueMs < idleEndMs ? row.idle : row.run);
    }
  }
}

/** The generator's own failures, and a schedule that it did not keep, make figures that are not the service's. */
function assertGeneratorKeptUp(result: LoadResult): void {
  // A run that is thrown away does not hide what it saw.
  const lost = result.run.map((row) => `${row.name} ${row.lost} of ${row.requests}`).join(', ');
  for (const { name, byClass, losses, lateness } of result.run) {
    if (byClass.rig !== undefined) {
      const detail = losses.find((loss) => loss.lossClass === 'rig')?.detail;
      throw new VoidRunError(
        `the generator itself failed ${byClass.rig} times on ${name}: ${detail}; lost by then: ${lost}`,
      );
    }
    if (lateness.maxMs > LATENESS_LIMIT_MS) {
      throw new VoidRunError(
        `the generator sent a request on ${name} ${Math.round(lateness.maxMs)} ms late: this machine has no CPU to spare for it; lost by then: ${lost}`,
      );
    }
  }
}

function assertIdleLostNothing(rows: readonly Row[]): void {
  const lossy = rows.map((row) => row.idle.count()).filter((count) => count.lost > 0);
  if (lossy.length === 0) return;
  const text = lossy
    .map((count) => `${count.name} ${count.lost} of ${count.requests} ${JSON.stringify(count.byClass)}`)
    .join('; ');
  throw new VoidRunError(
    `requests were lost in the idle stretch, while nothing was changed: ${text}. The rig is what this run would measure. ` +
      'Look for stale conntrack entries of an earlier run, too few source ports, or a machine without CPU to spare.',
  );
}
