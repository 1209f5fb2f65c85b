/**
 * Builds and installs what the tests need beyond npm, one after another and with progress, so that no test's time-out
 * covers a build and no two builds share the CPUs. Quick when all is in the cache.
 */

import { startControlPlane } from './cluster/controlPlane.ts';
import { goTool } from './cluster/goTools.ts';
import { defaultProvider, PrerequisiteError } from './cluster/index.ts';
import { requireRootLinux } from './cluster/prerequisites.ts';

const startedMs = performance.now();
try {
  // Told before minutes of building, not by the last suite of `npm test`.
  if (defaultProvider() === 'local') requireRootLinux();
  // Starting one builds Kubernetes and installs etcd, and shows that both work.
  const version = process.env['KUBERNETES_VERSION'];
  const controlPlane = await startControlPlane({
    withControllerManager: true,
    ...(version === undefined || version === '' ? {} : { version }),
  });
  await controlPlane.stop();
  for (const tool of ['helm3', 'helm4'] as const) await goTool(tool);
  console.error(`everything is there (${Math.round((performance.now() - startedMs) / 1000)} s)`);
} catch (error) {
  console.error(error instanceof PrerequisiteError ? error.message : error);
  process.exitCode = 1;
}
