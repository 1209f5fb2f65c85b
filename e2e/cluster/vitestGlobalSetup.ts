import type { TestProject } from 'vitest/node';
import { startControlPlane } from './controlPlane.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of an administrator's kubeconfig of the control plane that was started for this run. */
    kubeconfig: string;
    /** Path of kubectl of the same version. */
    kubectl: string;
  }
}

/**
 * Starts one control plane for all API-level tests of a run. Tests share it: each makes a namespace of its own.
 * `KUBERNETES_VERSION` picks another version than the default.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const version = process.env['KUBERNETES_VERSION'];
  const controlPlane = await startControlPlane(version === undefined || version === '' ? {} : { version });
  project.provide('kubeconfig', controlPlane.kubeconfigPath);
  project.provide('kubectl', controlPlane.kubectl);
  return () => controlPlane.stop();
}
