/**
 * `npm run demo`: a real cluster, the operator installed by its chart, a plain and a protected Deployment of each server
 * under the same load, what each lost as a table and as a picture. Exit code 0: protected lost nothing on new
 * connections and plain did lose; 1: not so, or something failed; 2: wrong arguments; 130: interrupted.
 */
import { resolve } from 'node:path';
import { ensureCluster, PrerequisiteError } from '../cluster/index.ts';
import { requireEverything } from '../cluster/requireEverything.ts';
import { installOperator } from '../install/index.ts';
import { keepEvidence } from '../load/keepEvidence.ts';
import { requireLoadProvider } from '../load/loadClient.ts';
import { LossArgumentError, type LossArguments, lossUsage, parseLossArguments } from '../load/lossArguments.ts';
import type { LossReport } from '../load/lossReport.ts';
import { lossTable } from '../load/lossTable.ts';
import { measureLoss } from '../load/measureLoss.ts';
import { VoidRunError } from '../load/voidRun.ts';
import { failures, farewell } from './narrative.ts';

const outputFolder = '.tmp/demo';
const usage = `npm run demo -- [options]\n\n${lossUsage(outputFolder)}`;
const startedMs = performance.now();

function onProgress(line: string): void {
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  console.error(`[${clock.padStart(5)}] ${line}`);
}

async function demonstrate(options: LossArguments, signal: AbortSignal): Promise<LossReport> {
  const { cluster: wanted, output, json: _json, help: _help, ...measured } = options;
  requireLoadProvider();
  await requireEverything({ kubernetes: wanted.kubernetes, onProgress, signal });
  const cluster = await ensureCluster({ signal, onProgress, ...wanted });
  await installOperator(cluster, { signal, onProgress });
  const report = await measureLoss(cluster, { ...measured, signal, onProgress, keepLast: true });
  const files = await keepEvidence(cluster, report, resolve(output ?? outputFolder));
  console.log(`\n${lossTable(report)}\n`);
  console.log(farewell(report, files, wanted.name));
  return report;
}

async function main(): Promise<number> {
  let options: LossArguments;
  try {
    options = parseLossArguments(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof LossArgumentError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  }
  try {
    const report = await demonstrate(options, interrupted.signal);
    const failed = failures(report);
    for (const sentence of failed) console.error(sentence);
    return failed.length === 0 ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) {
      console.error('Interrupted. What is there is still up; `npm run cluster -- down` removes it.');
      return 130;
    }
    if (error instanceof PrerequisiteError) console.error(error.message);
    else if (error instanceof VoidRunError) console.error(`This run shows nothing: ${error.message}`);
    else console.error(error instanceof Error ? error.stack : error);
    return 1;
  }
}

process.exitCode = await main();
