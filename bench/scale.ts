import { ApiHarness } from '../e2e/api/harness.ts';
import { createMany, withoutNodeLifecycle } from '../e2e/api/scale.ts';

/** Prints how long 200 targets take and what the operator then holds in memory. Nothing is killed here. */
export async function run(options: {
  readonly json: boolean;
  readonly onProgress: (line: string) => void;
}): Promise<void> {
  const harness = await ApiHarness.start({ ...withoutNodeLifecycle, onProgress: options.onProgress });
  try {
    const count = 200;
    const result = await createMany(harness, { count, kills: 0, random: Math.random, onProgress: options.onProgress });
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
