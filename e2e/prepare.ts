/**
 * Builds and installs what the tests need beyond npm, one after another and with progress, so that no test's time-out
 * covers a build and no two builds share the CPUs. Quick when all is in the cache.
 */

import { startControlPlane } from './cluster/controlPlane.ts';
import { goTool } from './cluster/goTools.ts';
import { PrerequisiteError } from './cluster/index.ts';
import { defaultKubernetes } from './cluster/kubernetesVersions.ts';
import { requireEverything } from './cluster/requireEverything.ts';
import { requireLoadProvider } from './load/loadClient.ts';

const startedMs = performance.now();
try {
  // Told before minutes of building, not by the last suite of `npm test`.
  requireLoadProvider();
  const kubernetes = process.env['KUBERNETES_VERSION'] || defaultKubernetes;
  await requireEverything({ kubernetes, onProgress: (line) => console.error(line) });
  // Starting one builds Kubernetes, and shows that it and etcd work.
  const controlPlane = await startControlPlane({ withControllerManager: true, version: kubernetes });
  await controlPlane.stop();
  for (const tool of ['helm3', 'helm4'] as const) await goTool(tool);
  console.error(`everything is there (${Math.round((performance.now() - startedMs) / 1000)} s)`);
} catch (error) {
  console.error(error instanceof PrerequisiteError ? error.message : error);
  process.exitCode = 1;
}
