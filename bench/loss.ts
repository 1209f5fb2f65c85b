import { resolve } from 'node:path';
import { ensureCluster } from '../e2e/cluster/index.ts';
import { requireEverything } from '../e2e/cluster/requireEverything.ts';
import { installOperator } from '../e2e/install/index.ts';
import { keepEvidence } from '../e2e/load/keepEvidence.ts';
import { requireLoadProvider } from '../e2e/load/loadClient.ts';
import { parseLossArguments } from '../e2e/load/lossArguments.ts';
import type { LossReport } from '../e2e/load/lossReport.ts';
import { lossTable } from '../e2e/load/lossTable.ts';
import { measureLoss } from '../e2e/load/measureLoss.ts';

/** How the bench is called. */
export interface LossBenchOptions {
  /** What comes after `loss` on the command line; `--help` lists it. */
  readonly args: readonly string[];
  /** Gets one line of progress at a time; not for standard output, which `--json` has for itself. */
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What the bench found. */
export interface LossBenchResult {
  readonly report: LossReport;
  /** For people. */
  readonly text: string;
  /** Every row showed what it must: see `expectationOf`. */
  readonly ok: boolean;
}

/**
 * `npm run bench -- loss`: what rolling restarts lose, plain and protected under the same load, on the real cluster
 * with the operator installed by its chart. Pictures and logs go to `.tmp/loss` or to `--output`.
 * @throws Error for a wrong argument, PrerequisiteError where this machine cannot run a cluster, VoidRunError where the
 * rig itself loses requests.
 */
export async function run(options: LossBenchOptions): Promise<LossBenchResult> {
  const { signal, onProgress } = options;
  const { cluster: wanted, output, json: _json, help: _help, ...measured } = parseLossArguments(options.args);
  requireLoadProvider();
  await requireEverything({ kubernetes: wanted.kubernetes, onProgress, signal });
  const cluster = await ensureCluster({ signal, onProgress, ...wanted });
  await installOperator(cluster, { signal, onProgress });
  const report = await measureLoss(cluster, { ...measured, signal, onProgress });
  const files = await keepEvidence(cluster, report, resolve(output ?? '.tmp/loss'));
  return { report, text: `${lossTable(report)}\n\npicture: ${files.picture}`, ok: report.met };
}
