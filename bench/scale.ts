import path from 'node:path';
import { ApiHarness } from '../e2e/api/harness.ts';
import { createMany, withoutNodeLifecycle } from '../e2e/api/scale.ts';
import { runCommand } from '../e2e/cluster/command.ts';
import { chartOnThisMachine } from './chartFlags.ts';

const buildScript = path.resolve(import.meta.dirname, '../scripts/build.ts');

/**
 * Prints how long 200 targets take and what the operator then holds in memory: the bundle with the chart's flags (leader
 * election, gate, warnings, log level), as a process. Nothing is killed here.
 */
export async function run(options: {
  readonly json: boolean;
  readonly onProgress: (line: string) => void;
}): Promise<void> {
  const harness = await ApiHarness.start({ ...withoutNodeLifecycle, onProgress: options.onProgress });
  try {
    const count = 200;
    const bundle = path.join(harness.controlPlane.folder, 'operator.mjs');
    await runCommand([process.execPath, buildScript, '--entry', 'src/main.ts', '--outfile', bundle], { check: true });
    const { args, configurations } = await chartOnThisMachine(harness.ports.webhook);
    await harness.apply(configurations);
    const launch = { bundle, args };
    const { onProgress } = options;
    const result = await createMany(harness, { count, kills: 0, random: Math.random, onProgress, launch });
    const writes = result.targets.map(({ metadata }) => (metadata.generation ?? 1) - 1);
    const figures = {
      gracefulRollouts: count,
      pods: count * 2,
      secondsUntilAllReady: Math.round(result.seconds * 10) / 10,
      operatorRssMiB: result.rssMiB,
      writesToTargets: writes.reduce((sum, each) => sum + each, 0),
      mostWritesToOneTarget: Math.max(...writes),
    };
    if (options.json) console.log(JSON.stringify(figures, null, 2));
    else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(24)}${value}`);
  } finally {
    await harness.stop();
  }
}
